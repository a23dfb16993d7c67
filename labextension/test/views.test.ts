import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { CellState, Outcome, Reason } from '../src/protocol';
import { Cascade } from '../src/views/cascade';
import { because, duration, named, sightOf, type Surroundings, type Trans } from '../src/views/words';

const fresh: CellState = {
  freshness: 'fresh',
  activity: 'idle',
  outcome: 'ok',
  run: 1,
  count: 1,
  reason: null
};

/** English, as a page without a language pack has it. */
const trans: Trans = {
  __: (text, ...values: unknown[]) => filled(text, values),
  _n: (one, many, count, ...values: unknown[]) => filled(count === 1 ? one : many, [count, ...values])
};

function filled(text: string, values: readonly unknown[]): string {
  return text.replace(/%(\d+)/g, (_, place: string) => String(values[Number(place) - 1]));
}

function around(outcomes: Readonly<Record<string, Outcome>> = {}): Surroundings {
  const order = ['a', 'b', 'c', 'd', 'e', 'f'];
  return {
    place: id => (order.includes(id) ? order.indexOf(id) + 1 : null),
    outcome: id => outcomes[id] ?? null
  };
}

function reason(kind: string, names: string[] = [], cells: string[] = []): Reason {
  return { kind, message: 'The kernel said this.', names, cells };
}

test('what a cell does now comes before how it ended, and that before its freshness', () => {
  assert.equal(sightOf({ ...fresh, activity: 'queued', outcome: 'error' }, null), 'queued');
  assert.equal(sightOf({ ...fresh, activity: 'running', freshness: 'stale' }, 'manual'), 'running');
  assert.equal(sightOf({ ...fresh, freshness: 'stale', outcome: 'blocked' }, null), 'blocked');
  assert.equal(sightOf({ ...fresh, freshness: 'stale', outcome: 'error' }, null), 'stale');
  assert.equal(sightOf({ ...fresh, outcome: 'error' }, null), 'error');
  assert.equal(sightOf({ ...fresh, freshness: 'new', outcome: null }, null), 'new');
  assert.equal(sightOf({ ...fresh, freshness: 'stale' }, 'off'), 'off');
  assert.equal(sightOf(fresh, 'manual'), 'ok');
});

test('a reason names the cells by their places', () => {
  assert.equal(because(reason('input-changed', ['df'], ['c']), around(), trans), '`df` changed in cell 3');
  assert.equal(
    because(reason('input-changed', ['x', 'y'], ['b', 'a']), around(), trans),
    '`x` and `y` changed in cells 1 and 2'
  );
  assert.equal(
    because(reason('input-stale', ['x'], ['a', 'b']), around(), trans),
    '`x` comes from cells 1 and 2, which are not up to date'
  );
  assert.equal(
    because(reason('cycle', ['x'], ['a', 'b']), around(), trans),
    'cells 1 and 2 wait for each other through `x`'
  );
});

test('a failed input is told apart from one that is blocked itself', () => {
  const failed = reason('input-failed', ['x'], ['a']);
  assert.equal(because(failed, around({ a: 'error' }), trans), '`x` comes from cell 1, which failed');
  assert.equal(because(failed, around({ a: 'blocked' }), trans), '`x` comes from cell 1, which is blocked');
});

test('where this page does not know the kind, the kernel speaks', () => {
  assert.equal(because(reason('unheard-of'), around(), trans), 'The kernel said this.');
  assert.equal(because(reason('unproven', [], ['a']), around(), trans), 'The kernel said this.');
});

test('of states that have no plain name, the kernel speaks', () => {
  assert.equal(
    because(reason('input-changed', ['random:numpy'], ['a']), around(), trans),
    'The kernel said this.'
  );
});

test('a cell that is gone is not named', () => {
  assert.equal(
    because(reason('input-changed', ['x'], ['gone']), around(), trans),
    '`x` got another value outside of the document'
  );
});

test('many names are cut short', () => {
  assert.equal(
    because(reason('input-changed', ['p', 'q', 'r', 's', 't'], ['a']), around(), trans),
    '`p`, `q`, `r` and 2 more changed in cell 1'
  );
});

test('files and tables are called by what people call them', () => {
  assert.deepEqual(named('file:/home/me/prices.csv'), {
    kind: 'file',
    label: 'prices.csv'
  });
  assert.deepEqual(named('table:localhost:5432/shop/public.orders'), {
    kind: 'table',
    label: 'orders'
  });
  assert.deepEqual(named('table:localhost:5432/shop/audit.orders'), {
    kind: 'table',
    label: 'audit.orders'
  });
  assert.deepEqual(named('random:numpy'), {
    kind: 'other',
    label: 'random:numpy'
  });
  assert.deepEqual(named('file:*'), { kind: 'other', label: 'file:*' });
  assert.deepEqual(named('df'), { kind: 'name', label: 'df' });
});

test('durations are short and never longer than what passed', () => {
  assert.deepEqual([0, 449, 9990, 10_000, 59_999, 125_000, 3_725_000].map(duration), [
    '0.0 s',
    '0.4 s',
    '9.9 s',
    '10 s',
    '59 s',
    '2:05',
    '1:02:05'
  ]);
});

test('a cascade counts down, grows when more joins, and begins anew after its end', () => {
  const cascade = new Cascade();
  const queued: CellState = { ...fresh, activity: 'queued' };
  ['a', 'b'].forEach(id => {
    cascade.note(id, queued);
  });
  cascade.note('a', { ...queued, activity: 'running' });
  assert.deepEqual([cascade.left, cascade.total], [2, 2]);
  cascade.note('a', fresh);
  cascade.note('c', queued);
  assert.deepEqual([cascade.left, cascade.total], [2, 3]);
  cascade.note('b', null);
  cascade.note('c', { ...fresh, outcome: 'error' });
  assert.deepEqual([cascade.left, cascade.total, cascade.failed], [0, 3, ['c']]);
  assert.deepEqual([cascade.settle(), cascade.settle()], [true, false]);
  cascade.note('a', queued);
  assert.deepEqual([cascade.left, cascade.total, cascade.failed], [1, 1, []]);
});

test('a run that nobody saw begin counts all the same', () => {
  const cascade = new Cascade();
  ['a', 'b'].forEach(id => cascade.note(id, fresh));
  assert.equal(cascade.total, 0);
  assert.equal(cascade.note('a', { ...fresh, run: 2 }), true);
  assert.equal(cascade.note('b', { ...fresh, run: 3 }), true);
  assert.deepEqual([cascade.left, cascade.total], [0, 2]);
  assert.equal(cascade.note('b', { ...fresh, run: 3 }), false);
});
