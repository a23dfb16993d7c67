import assert from 'node:assert/strict';
import { test } from 'node:test';

import { requestOf, type Recorded } from '../src/protocol';
import { Requests } from '../src/requests';
import { Runs, type Run } from '../src/runs';

let numbers = 0;

const message = (
  msg_type: string,
  parent: string,
  content: object = {},
  metadata: object = {}
): Recorded => ({
  header: { msg_type, msg_id: `m${++numbers}` },
  parent_header: { msg_id: parent },
  metadata,
  content,
  buffers: []
});
const input = (parent: string, run: number): Recorded =>
  message('execute_input', parent, { code: '' }, { cellId: 'a', run });
const printed = (parent: string, run: number, text = 'x\n'): Recorded =>
  message('stream', parent, { name: 'stdout', text }, { cellId: 'a', run });
const reply = (parent: string): Recorded => message('execute_reply', parent, { status: 'ok' });
const idle = (parent: string): Recorded => message('status', parent, { execution_state: 'idle' });
const refusal = (parent: string): Recorded => message('error', parent, { ename: 'Blocked' }, { cellId: 'a' });

/** A page that has asked for a run of cell `a` by the request `r`, and hears the stream. */
function page() {
  const requests = new Requests();
  const begun: string[] = [];
  const runs = new Runs<string, Run<string>>(
    {
      find: id => id,
      begin: (_, cell, told) => {
        const request = requestOf(told);
        begun.push(request);
        return { request, cell, running: true };
      },
      show: () => undefined,
      ask: () => undefined,
      update: () => undefined,
      rest: () => undefined,
      over: () => undefined
    },
    requests
  );
  const msg = { ...message('execute_request', '', {}, { cellId: 'a' }) };
  msg.header = { msg_type: 'execute_request', msg_id: 'r' };
  requests.passed({ direction: 'send', msg });
  const told = (...messages: Recorded[]): void => {
    for (const each of messages) {
      requests.told(each);
      runs.hear(each, each.header.msg_type === 'execute_reply' ? 'shell' : 'iopub');
    }
  };
  return { begun, told };
}

test('a rerun that went before a run asked for here does not take its cell, though the reply comes first', () => {
  const { begun, told } = page();
  told(reply('r'), input('rerun', 1), printed('rerun', 1), input('r', 2), printed('r', 2), idle('r'));
  assert.deepEqual(begun, []);
});

test('a rerun after it does', () => {
  const { begun, told } = page();
  told(input('r', 1), reply('r'), printed('r', 1), input('rerun', 2));
  assert.deepEqual(begun, ['rerun']);
});

test('so does a rerun after it was refused, long before all is over', () => {
  const { begun, told } = page();
  told(refusal('r'), reply('r'), input('rerun', 1));
  assert.deepEqual(begun, ['rerun']);
});
