import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Areas, type Outputs } from '../src/areas';
import type { Recorded } from '../src/protocol';

class Page {
  idle = true;
  there = true;
  took = new Set<string>();
  log: string[] = [];
  readonly areas = new Areas({
    quiet: () => this.idle,
    took: request => this.took.has(request),
    afresh: () => {
      this.log.push('afresh');
    },
    alike: (one, other) => JSON.stringify(one) === JSON.stringify(other),
    set: (comm, outputs) => {
      if (this.there) {
        this.log.push(`${comm} = ${outputs.join()}`);
      }
      return this.there;
    }
  });

  /** A line is told that the widget takes. */
  takes(): void {
    this.areas.takes(message('comm_msg', { comm_id: 'w', data: { state: { msg_id: 'r' } } }));
    assert.ok(this.areas.takes(message('stream', {}, 'r')));
  }

  folded(outputs: Outputs, told: Outputs): void {
    const data = { state: { outputs }, behind: { outputs: told } };
    this.areas.folded([message('comm_open', { comm_id: 'w', data })]);
  }
}

function message(kind: string, content: object, request = ''): Recorded {
  const header = { msg_type: kind, msg_id: '' };
  return { header, parent_header: { msg_id: request }, metadata: {}, content, buffers: [] };
}

void test('a widget of which the kernel knows less is set when the kernel has nothing to do', () => {
  const page = new Page();
  page.idle = false;
  page.folded(['a', 'b'], ['a']);
  page.areas.look();
  assert.deepEqual(page.log, []);
  page.idle = true;
  page.areas.look();
  page.areas.look();
  assert.deepEqual(page.log, ['w = a,b']);
});

void test('it is set as soon as it is there', () => {
  const page = new Page();
  page.there = false;
  page.folded(['a'], []);
  page.areas.look();
  page.there = true;
  page.areas.look();
  assert.deepEqual(page.log, ['w = a']);
});

void test('what looks the same needs nothing', () => {
  const page = new Page();
  page.folded(['a'], ['a']);
  page.areas.look();
  assert.deepEqual(page.log, []);
});

void test('what a widget of this page took it tells itself', () => {
  const page = new Page();
  page.took.add('r');
  page.takes();
  page.areas.look();
  assert.deepEqual(page.log, []);
});

void test('what no widget of this page took is told again, and then set', () => {
  const page = new Page();
  page.takes();
  page.areas.look();
  assert.deepEqual(page.log, ['afresh']);
  page.folded(['a'], []);
  page.areas.look();
  assert.deepEqual(page.log, ['afresh', 'w = a']);
});

void test('what comes after it was told makes that old, whoever takes it', () => {
  const page = new Page();
  page.took.add('r');
  page.folded(['a'], []);
  page.takes();
  page.areas.look();
  assert.deepEqual(page.log, ['afresh']);
});

void test('of two pages one is enough', () => {
  const page = new Page();
  page.folded(['a', 'b'], []);
  page.areas.takes(message('comm_msg', { comm_id: 'w', data: { state: { outputs: ['a', 'b'] } } }));
  page.areas.look();
  assert.deepEqual(page.log, []);
});

void test('a page that knows less than the record does not have the last word', () => {
  const page = new Page();
  page.folded(['a', 'b'], []);
  page.areas.takes(message('comm_msg', { comm_id: 'w', data: { state: { outputs: ['b'] } } }));
  page.areas.look();
  assert.deepEqual(page.log, ['afresh']);
});

void test('a widget takes what is shown under the request that it names, until it names none', () => {
  const { areas } = new Page();
  const asks = (request: string): Recorded =>
    message('comm_msg', { comm_id: 'w', data: { state: { msg_id: request } } });
  const line = message('stream', {}, 'r');
  assert.equal(areas.takes(line), false);
  areas.takes(asks('r'));
  assert.equal(areas.takes(line), true);
  assert.equal(areas.takes(message('stream', {}, 'other')), false);
  assert.equal(areas.takes(message('status', {}, 'r')), false);
  areas.takes(asks(''));
  assert.equal(areas.takes(line), false);
  areas.takes(asks('r'));
  areas.takes(message('comm_close', { comm_id: 'w' }));
  assert.equal(areas.takes(line), false);
});
