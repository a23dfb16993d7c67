import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Company, SharedCells, type Awareness } from '../src/company';
import type { Recorded } from '../src/protocol';

/** A document that some pages share. */
class Shared {
  page(since: number): { company: Company; id: number; left: () => number } {
    const id = this.states.size + 1;
    let left = 0;
    const awareness: Awareness = {
      clientID: id,
      getStates: () => this.states,
      setLocalStateField: (name, value) => {
        this.states.set(id, { [name]: value });
        this.told();
      },
      on: (_, callback) => {
        this.listeners.add(callback);
      },
      off: (_, callback) => {
        this.listeners.delete(callback);
      }
    };
    const company = new Company(awareness, () => left++, since);
    company.enter(`session ${id}`);
    return { company, id, left: () => left };
  }

  lose(id: number): void {
    this.states.delete(id);
    this.told();
  }

  private told(): void {
    this.listeners.forEach(listener => {
      listener();
    });
  }

  private readonly states = new Map<number, Record<string, unknown>>();
  private readonly listeners = new Set<() => void>();
}

void test('who shares with nobody writes everything', () => {
  const company = new Company(null, () => undefined);
  company.enter('here');
  assert.ok(company.writes('elsewhere'));
  assert.ok(company.writes(null));
});

void test('each run is written by the page that asked, and by the first one if none did', () => {
  const shared = new Shared();
  const pages = [shared.page(20), shared.page(10), shared.page(10)].map(({ company }) => company);
  const writers = (asker: string | null): number[] =>
    pages.flatMap((company, place) => (company.writes(asker) ? [place + 1] : []));
  assert.deepEqual(writers('session 1'), [1]);
  assert.deepEqual(writers('session 3'), [3]);
  assert.deepEqual(writers('the kernel'), [2]);
  assert.deepEqual(writers(null), [2]);
});

void test('who stays is told that somebody has left, and writes in their place', () => {
  const shared = new Shared();
  const first = shared.page(1);
  const second = shared.page(2);
  const third = shared.page(3);
  assert.equal(second.left(), 0);
  first.company.leave();
  assert.equal(second.left(), 1);
  assert.ok(second.company.writes('session 1'));
  assert.ok(!third.company.writes('session 1'));
  shared.lose(second.id);
  assert.equal(third.left(), 2);
  assert.ok(third.company.writes(null));
  assert.equal(second.left(), 1);
});

void test('what another page writes is passed over here', () => {
  const shared = new Shared();
  const heard: string[] = [];
  const cells = {
    hear: (message: Recorded) => heard.push(message.header.msg_type) > 0,
    settle: () => undefined,
    settleAll: () => undefined,
    reconcile: (id: string) => {
      heard.push(id);
    }
  };
  const first = new SharedCells(cells, shared.page(1).company);
  const second = new SharedCells(cells, shared.page(2).company);
  const message = {
    header: { msg_type: 'stream' },
    parent_header: { session: 'session 2' },
    metadata: {},
    content: {},
    buffers: []
  } as unknown as Recorded;
  assert.ok(first.hear(message, 'iopub'));
  first.reconcile('cell', { request: '', messages: [message], over: false }, true);
  assert.deepEqual(heard, []);
  assert.ok(second.hear(message, 'iopub'));
  second.reconcile('cell', { request: '', messages: [message], over: false }, true);
  assert.deepEqual(heard, ['stream', 'cell']);
});
