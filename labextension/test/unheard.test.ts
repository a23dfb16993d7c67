import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Shown } from '../src/protocol';
import { Unheard, type Said } from '../src/unheard';

/** A page whose kernel answers over a new connection when the test says so. */
function page() {
  const repeated: string[] = [];
  const renewed: (() => void)[] = [];
  const way = {
    idle: true,
    quiet: () => way.idle,
    renew: () => new Promise<void>(resolve => renewed.push(resolve)),
    again: (told: readonly Said[], runs: readonly Said[]) => {
      repeated.push(...[...told, ...runs].map(({ header }) => header.msg_id));
    }
  };
  const unheard = new Unheard(way);
  const look = (times: number): void => {
    for (let time = 0; time < times; time++) {
      unheard.look();
    }
  };
  const reply = async (): Promise<void> => {
    renewed.splice(0).forEach(resolve => {
      resolve();
    });
    await Promise.resolve();
  };
  return { unheard, way, look, reply, repeated, renewed };
}

function message(type: string, id: string, metadata: object = {}, content: object = {}, parent = ''): Said {
  return { header: { msg_type: type, msg_id: id }, parent_header: { msg_id: parent }, metadata, content };
}

const request = (id: string, cellId: string): Said => message('execute_request', id, { cellId });
const input = (cellId: string, parent: string): Said => message('execute_input', 'i', { cellId }, {}, parent);
const status = (execution_state: string, parent: string): Said =>
  message('status', 's', {}, { execution_state }, parent);
const shown = (of: string): Shown => ({ request: of, messages: [], over: true });

test('what an idle kernel does not begin is said again, once the old connection is closed for good', async () => {
  const { unheard, look, reply, repeated, renewed } = page();
  unheard.said(request('r', 'a'));
  look(30);
  assert.deepEqual(repeated, []);
  assert.ok(renewed.length > 0);
  await reply();
  look(6);
  assert.deepEqual(repeated, []);
  look(1);
  assert.deepEqual(repeated, ['r']);
});

test('what arrives late over the old connection is not said again', async () => {
  const { unheard, look, reply, repeated } = page();
  unheard.said(request('r', 'a'));
  look(4);
  await reply();
  look(3);
  unheard.heard(input('a', 'r'));
  look(30);
  assert.deepEqual(repeated, []);
});

test('a kernel that is at something may have it in its queue', () => {
  const { unheard, look, renewed } = page();
  unheard.heard(status('busy', 'other'));
  unheard.said(request('r', 'a'));
  look(30);
  assert.equal(renewed.length, 0);
  unheard.heard(status('idle', 'other'));
  look(30);
  assert.notEqual(renewed.length, 0);
});

test('what is said on the comm comes before what is to run, and the document as it is by then', async () => {
  const { unheard, look, reply, repeated } = page();
  const tell = (id: string, data: object): void => {
    unheard.said(message('comm_msg', id, {}, { comm_id: 'c', data }));
  };
  unheard.said(message('comm_open', 'open', {}, { comm_id: 'c', target_name: 'reactive' }));
  unheard.said(request('r', 'a'));
  tell('text', { op: 'edit', id: 'a', source: '1' });
  tell('question', { op: 'edit', id: 'a', source: '2', ask: 1 });
  tell('all', { op: 'sync', cells: [] });
  unheard.said(message('comm_msg', 'another', {}, { comm_id: 'widget', data: {} }));
  look(4);
  await reply();
  look(7);
  assert.deepEqual(repeated, ['open', 'question', 'r']);
});

test('after a snapshot only what certainly has not run is said again', async () => {
  const { unheard, look, reply, repeated } = page();
  unheard.heard(input('a', 'before'));
  ['a', 'b', 'c', 'd'].forEach(cell => {
    unheard.said(request(`run ${cell}`, cell));
  });
  unheard.folded(
    new Map([
      ['a', shown('before')],
      ['b', shown('run b')],
      ['c', shown('a rerun')]
    ])
  );
  look(4);
  await reply();
  look(7);
  assert.deepEqual(repeated, ['run a', 'run d']);
});

test('another process of the kernel is not told what was meant for the last one', () => {
  const { unheard, look, renewed } = page();
  unheard.said(request('r', 'a'));
  unheard.clear();
  look(30);
  assert.equal(renewed.length, 0);
});
