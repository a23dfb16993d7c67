import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Edges } from '../src/protocol';
import { drawingOf, neighbours } from '../src/views/graph/drawing';
import { downward, layoutOf, leadsTo, rowsOf, type Layout } from '../src/views/graph/layout';
import { spread } from '../src/views/graph/middles';

const SIZE = { width: 100, height: 30, apart: 40, beside: 20 };
const TABLE = 'table:localhost:5432/shop/public.orders';

function edges(parents: string[], reads: string[], writes: string[]): Edges {
  return { parents, children: [], reads, writes };
}

function drawn(cells: Readonly<Record<string, Edges>>) {
  return drawingOf(Object.keys(cells), new Map(Object.entries(cells)));
}

/** What every layout promises: links lead down, nodes of a row keep apart, nothing lies outside. */
function holds(layout: Layout): void {
  for (const piece of layout.pieces) {
    assert.ok(piece.from.y <= piece.to.y);
  }
  for (const row of layout.rows) {
    const xs = row.map(id => layout.places.get(id)?.x ?? NaN);
    xs.slice(1).forEach((x, index) => {
      assert.ok(x - (xs[index] ?? NaN) >= SIZE.width + SIZE.beside - 1e-6);
    });
  }
  for (const { x, y } of layout.places.values()) {
    assert.ok(x >= SIZE.width / 2 && x <= layout.width - SIZE.width / 2);
    assert.ok(y >= SIZE.height / 2 && y <= layout.height - SIZE.height / 2);
  }
}

test('a link carries the names that its cell takes from there and from nowhere nearer', () => {
  const { links } = drawn({
    a: edges([], [], ['x', 'y']),
    b: edges([], [], ['x']),
    c: edges(['a', 'b'], ['x', 'y'], [])
  });
  assert.deepEqual(links, [
    { from: 'a', to: 'c', names: ['y'] },
    { from: 'b', to: 'c', names: ['x'] }
  ]);
});

test('a parent that hands on no name is still linked', () => {
  const { links } = drawn({ a: edges([], [], ['f']), b: edges(['a'], [], []) });
  assert.deepEqual(links, [{ from: 'a', to: 'b', names: [] }]);
});

test('a table stands between the cell that fills it and the cell that reads it', () => {
  const drawing = drawn({
    a: edges([], [], [TABLE]),
    b: edges(['a'], [TABLE], [])
  });
  assert.deepEqual(drawing.nodes.at(-1), {
    id: TABLE,
    kind: 'table',
    names: ['orders']
  });
  assert.deepEqual(drawing.links, [
    { from: 'a', to: TABLE, names: [] },
    { from: TABLE, to: 'b', names: [] }
  ]);
  assert.deepEqual(neighbours(drawing, TABLE), {
    parents: new Set(['a']),
    children: new Set(['b'])
  });
});

test('a name beside a table keeps its own link', () => {
  const { links } = drawn({
    a: edges([], [], ['x', TABLE]),
    b: edges(['a'], ['x', TABLE], [])
  });
  assert.deepEqual(links[0], { from: 'a', to: 'b', names: ['x'] });
});

test('random numbers and the like are names on links, not nodes', () => {
  const { nodes, links } = drawn({
    a: edges([], [], ['random:numpy']),
    b: edges(['a'], ['random:numpy'], [])
  });
  assert.equal(nodes.length, 2);
  assert.deepEqual(links, [{ from: 'a', to: 'b', names: ['random:numpy'] }]);
});

test('every cell stands below all that it takes from', () => {
  const rows = rowsOf(
    ['a', 'b', 'c', 'd'],
    [
      ['a', 'b'],
      ['b', 'c'],
      ['a', 'c']
    ],
    4
  );
  assert.deepEqual(rows, [['a'], ['b'], ['c'], ['d']]);
});

test('a source stands right above its first reader', () => {
  const rows = rowsOf(
    ['a', 'b', 'c', 'late'],
    [
      ['a', 'b'],
      ['b', 'c'],
      ['late', 'c']
    ],
    4
  );
  assert.deepEqual(rows, [['a'], ['b', 'late'], ['c']]);
});

test('a wide layer becomes several rows', () => {
  const rows = rowsOf(['a', 'b', 'c', 'd', 'e'], [], 2);
  assert.deepEqual(rows, [['a', 'b'], ['c', 'd'], ['e']]);
});

test('a cycle loses one link to a turn', () => {
  assert.deepEqual(
    downward(
      ['a', 'b', 'c'],
      [
        ['a', 'b'],
        ['b', 'c'],
        ['c', 'a']
      ]
    ).sort(),
    [
      ['a', 'b'],
      ['a', 'c'],
      ['b', 'c']
    ]
  );
});

test('neighbours in a row keep their order and their distance, near what they wish for', () => {
  assert.deepEqual(spread([50, 50], [10, 10], 100), [45, 55]);
  assert.deepEqual(spread([10, 90], [10, 10], 100), [10, 90]);
  assert.deepEqual(spread([100, 0], [10, 20], 100), [42.5, 57.5]);
});

test('nobody stands outside of the room', () => {
  assert.deepEqual(spread([0, 0], [10, 10], 100), [5, 15]);
  assert.deepEqual(spread([200, 300], [10, 10], 100), [85, 95]);
});

test('long links of one cell share a trunk that leads to each of its readers', () => {
  const ids = ['hub', 'a', 'b', 'c'];
  const layout = layoutOf(
    ids,
    [
      ['hub', 'a'],
      ['a', 'b'],
      ['b', 'c'],
      ['hub', 'b'],
      ['hub', 'c']
    ],
    3,
    SIZE
  );
  holds(layout);
  const trunk = layout.pieces.filter(piece => piece.source === 'hub' && piece.target === null);
  assert.equal(trunk.length, 2);
  assert.deepEqual(
    trunk.map(piece => leadsTo(piece, 'b', layout)),
    [true, false]
  );
  assert.deepEqual(
    layout.pieces.filter(piece => piece.source === 'hub' && leadsTo(piece, 'c', layout)).length,
    3
  );
});

test('a notebook of 200 cells that all read the first one keeps what layouts promise', () => {
  const ids = Array.from({ length: 200 }, (_, index) => `c${index}`);
  const links = ids.slice(1).flatMap((id, index): [string, string][] => [
    ['c0', id],
    [`c${Math.floor(index / 2)}`, id],
    [`c${Math.max(0, index - 3)}`, id]
  ]);
  const layout = layoutOf(ids, links, 4, SIZE);
  holds(layout);
  assert.equal(layout.places.size, 200);
  // One trunk: what is drawn grows with links and rows, not with their product.
  assert.ok(layout.pieces.length <= links.length + 200 * layout.rows.length);
});

test('an empty notebook has an empty picture', () => {
  assert.deepEqual(layoutOf([], [], 3, SIZE).places.size, 0);
});
