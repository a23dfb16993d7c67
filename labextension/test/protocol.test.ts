import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  answerOf,
  cellModeOf,
  cellsOf,
  cellSource,
  executionCountOf,
  originOf,
  type Message
} from '../src/protocol';

function message(type: string, content: unknown, metadata: unknown = {}, parent: unknown = {}): Message {
  return { header: { msg_type: type }, parent_header: parent, metadata, content };
}

const onWire = {
  freshness: 'stale',
  activity: 'idle',
  outcome: 'blocked',
  run: 3,
  execution_count: 2,
  reason: { kind: 'input-failed', message: 'x', cells: ['c1'], names: ['x'] }
};

test('reactive_cells is read into states, a removed cell into null', () => {
  const changes = cellsOf(message('reactive_cells', { cells: { a: onWire, b: null } }));
  assert.deepEqual(changes.get('a'), {
    freshness: 'stale',
    activity: 'idle',
    outcome: 'blocked',
    run: 3,
    count: 2,
    reason: onWire.reason
  });
  assert.equal(changes.get('b'), null);
});

test('other messages change no cell', () => {
  assert.equal(cellsOf(message('stream', { cells: { a: onWire } })).size, 0);
});

test('an entry that cannot be read is left out, the others are kept', () => {
  const cells = { a: { ...onWire, freshness: 'rotten' }, b: onWire, c: 7, d: undefined };
  assert.deepEqual([...cellsOf(message('reactive_cells', { cells })).keys()], ['b']);
});

test('content of any shape is survived', () => {
  for (const content of [null, undefined, 'x', [], { cells: [] }, { cells: 'x' }]) {
    assert.equal(cellsOf(message('reactive_cells', content)).size, 0);
  }
});

test('ready carries mode and cells', () => {
  const answer = answerOf({ op: 'ready', protocol: 1, mode: 'lazy', cells: { a: onWire }, graph: {} });
  assert.ok(answer?.op === 'ready');
  assert.equal(answer.mode, 'lazy');
  assert.deepEqual([...answer.cells.keys()], ['a']);
});

test('an error is passed on, anything else is no answer', () => {
  assert.deepEqual(answerOf({ op: 'error', message: 'no such cell', about: {} }), {
    op: 'error',
    message: 'no such cell',
    about: '',
    ask: null
  });
  assert.equal(answerOf({ op: 'ready', mode: 'eager' }), null);
  assert.equal(answerOf(null), null);
});

test('a message names its cell and the request it belongs to', () => {
  const stamped = message('stream', {}, { cellId: 'a', run: 4 }, { msg_id: 'm' });
  assert.deepEqual(originOf(stamped), { cell: 'a', request: 'm' });
  assert.equal(originOf(message('stream', {})), null);
});

test('an execution count is a number or nothing', () => {
  assert.equal(executionCountOf(message('execute_input', { execution_count: 5 })), 5);
  assert.equal(executionCountOf(message('execute_input', {})), null);
});

test("a cell's mode is read from its metadata", () => {
  assert.equal(cellModeOf({ reactive: { mode: 'manual' } }), 'manual');
  assert.equal(cellModeOf({ reactive: { mode: 'sometimes' } }), null);
  assert.equal(cellModeOf({}), null);
});

test('the kernel is told of a cell what its metadata says, and no nonsense', () => {
  const metadata = { reactive: { mode: 'off' }, tags: ['remote', 1, null] };
  assert.deepEqual(cellSource('a', 'x', metadata), { id: 'a', source: 'x', mode: 'off', tags: ['remote'] });
  assert.deepEqual(cellSource('a', 'x', { tags: 'remote' }), { id: 'a', source: 'x' });
});

test('any other word is the answer to a question', () => {
  assert.deepEqual(answerOf({ op: 'edit', ask: 7, auto: true }), {
    op: 'answer',
    to: 'edit',
    ask: 7,
    fields: { op: 'edit', ask: 7, auto: true }
  });
});
