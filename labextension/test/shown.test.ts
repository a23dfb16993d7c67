import assert from 'node:assert/strict';
import { test } from 'node:test';

import { sameOutputs } from '../classic/shown';
import type { Recorded } from '../src/protocol';

const message = (msg_type: string, content: object): Recorded => ({
  header: { msg_type, msg_id: 'm' },
  parent_header: {},
  metadata: {},
  content,
  buffers: []
});
const printed = (text: string): Recorded => message('stream', { name: 'stdout', text });
const display = { data: { 'text/plain': 'one' }, metadata: {} };
const as = (text: string): string => text;

test('text is the same however it was cut', () => {
  const shown = [{ output_type: 'stream', name: 'stdout', text: 'a\nb\n' }];
  assert.ok(sameOutputs(shown, [printed('a\n'), printed('b\n')], as));
  assert.ok(!sameOutputs(shown, [printed('a\n')], as));
});

test('the names of displays are not kept on disk', () => {
  const shown = [{ metadata: {}, data: { 'text/plain': 'one' }, output_type: 'display_data' }];
  const told = message('display_data', { ...display, transient: { display_id: 'd' } });
  assert.ok(sameOutputs(shown, [told], as));
});

test('what was cleared is not expected, and what waits to be cleared is not the same', () => {
  const shown = [{ output_type: 'stream', name: 'stdout', text: 'b' }];
  const clear = message('clear_output', { wait: true });
  assert.ok(sameOutputs(shown, [printed('a'), clear, printed('b')], as));
  assert.ok(!sameOutputs(shown, [printed('b'), clear], as));
});
