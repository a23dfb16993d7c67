import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  EMPTY,
  cellAttributes,
  changed,
  explanation,
  notebookAttributes,
  ready,
  sameDocument
} from '../src/model';
import type { CellState } from '../src/protocol';

const fresh: CellState = {
  freshness: 'fresh',
  activity: 'idle',
  outcome: 'ok',
  run: 1,
  count: 1,
  reason: null
};
const queued: CellState = {
  freshness: 'new',
  activity: 'queued',
  outcome: null,
  run: null,
  count: null,
  reason: null
};
const NO_GRAPH = { cells: new Map(), cycles: [] };

test('changes replace, add and remove cells, and leave the rest', () => {
  const cells = new Map([
    ['a', fresh],
    ['b', fresh],
    ['c', fresh]
  ]);
  const before = ready(EMPTY, 'auto', cells, NO_GRAPH);
  const after = changed(
    before,
    new Map([
      ['a', queued],
      ['b', null],
      ['d', queued]
    ])
  );
  assert.deepEqual(
    [...after.cells],
    [
      ['a', queued],
      ['c', fresh],
      ['d', queued]
    ]
  );
  assert.deepEqual(before.cells.get('a'), fresh);
});

test('the whole state forgets what was known before', () => {
  assert.equal(ready(EMPTY, 'lazy', new Map([['gone', null]]), NO_GRAPH).cells.size, 0);
});

test('attributes carry the words of the wire, and a null outcome carries none', () => {
  assert.deepEqual(cellAttributes(queued), {
    'data-reactive-freshness': 'new',
    'data-reactive-activity': 'queued',
    'data-reactive-outcome': null
  });
});

test('a cell that the kernel does not know has no attributes', () => {
  assert.deepEqual(Object.values(cellAttributes(undefined)), [null, null, null]);
  assert.deepEqual(notebookAttributes(EMPTY), {
    'data-reactive-mode': null,
    'data-reactive-stream': 'connecting'
  });
});

test('an explanation holds the kind, the message, the names and the cells', () => {
  const reason = { kind: 'input-failed', message: 'x has no value', cells: ['c1'], names: ['x', 'y'] };
  assert.equal(explanation({ ...fresh, reason }), 'input-failed: x has no value (x, y · c1)');
  assert.equal(explanation(fresh), null);
});

test('order and mode belong to the document', () => {
  const a = { id: 'a', source: '1' };
  const b = { id: 'b', source: '2' };
  assert.ok(sameDocument([a, b], [{ ...a }, { ...b }]));
  assert.ok(!sameDocument([a, b], [b, a]));
  assert.ok(!sameDocument([a], [{ ...a, mode: 'off' }]));
  assert.ok(!sameDocument([a], [{ ...a, tags: ['remote'] }]));
  assert.ok(sameDocument([{ ...a, tags: ['x', 'y'] }], [{ ...a, tags: ['x', 'y'] }]));
  assert.ok(!sameDocument([a], [a, b]));
});
