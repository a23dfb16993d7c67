/** The files in `tests/wire` are what real kernels said; Python's tests read them, too. */

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { Feed, type StreamEvent } from '../src/feed';
import { EMPTY, explanation, learned, type Model } from '../src/model';
import { frameOf, originOf } from '../src/protocol';

interface Recording {
  readonly kernel: string;
  readonly live: readonly object[];
  readonly late: readonly object[];
}

const FOLDER = join(__dirname, '../../../../tests/wire');
const RECORDINGS = readdirSync(FOLDER).filter(name => name.endsWith('.json'));

function recordingOf(name: string): Recording {
  return JSON.parse(readFileSync(join(FOLDER, name), 'utf-8')) as Recording;
}

function events(feed: Feed, frames: readonly object[]): StreamEvent[] {
  return frames.flatMap(frame => {
    const read = frameOf(JSON.stringify(frame));
    assert.ok(read, JSON.stringify(frame));
    return feed.take(read);
  });
}

/** What a page knows that has heard all this. */
function known(heard: readonly StreamEvent[]): Model {
  return heard.reduce<Model>((model, event) => {
    switch (event.type) {
      case 'snapshot':
        return event.snapshot.other.reduce((part, message) => learned(part, message)?.[0] ?? part, EMPTY);
      case 'message':
        return learned(model, event.message)?.[0] ?? model;
      default:
        return model;
    }
  }, EMPTY);
}

for (const name of RECORDINGS) {
  const { live, late, kernel } = recordingOf(name);

  test(`${name}: who comes late knows what who was there knows`, () => {
    const there = known(events(new Feed(), live));
    assert.deepEqual(known(events(new Feed(), late)), there);
    assert.equal(there.reactive, kernel === 'reactive');
  });

  test(`${name}: whoever is cut off anywhere knows the same afterwards`, () => {
    const all = known(events(new Feed(), live));
    for (let cut = 2; cut < live.length; cut++) {
      const feed = new Feed();
      const before = events(feed, live.slice(0, cut));
      // The server goes on after the cursor; some of it may come twice.
      const after = events(feed, [live[0] ?? {}, ...live.slice(Math.max(2, cut - 3))]);
      assert.deepEqual(known([...before, ...after]), all);
    }
  });

  test(`${name}: a record that is missing is noticed`, () => {
    const feed = new Feed();
    const gone = Math.floor(live.length / 2);
    const heard = events(feed, [...live.slice(0, gone), ...live.slice(gone + 1)]);
    assert.ok(heard.some(event => event.type === 'astray'));
  });
}

test('a cascade ends with every cell fresh, an edit that cannot be read said so', () => {
  const heard = events(new Feed(), recordingOf('cascade.json').live);
  const model = known(heard);
  assert.deepEqual(
    [...model.cells].map(([id, state]) => [id, state.freshness, state.outcome]),
    [
      ['a', 'fresh', 'ok'],
      ['b', 'fresh', 'ok']
    ]
  );
  assert.deepEqual(model.graph.get('b')?.parents, ['a']);
  const said = heard.map((_, place) => explanation(known(heard.slice(0, place + 1)).cells.get('a')));
  assert.ok(said.some(words => words?.startsWith('syntax:')));
});

test('a removed cell is gone, and the mode is the one chosen last', () => {
  const model = known(events(new Feed(), recordingOf('failure.json').live));
  assert.deepEqual([...model.cells.keys()], ['b']);
  assert.equal(model.mode, 'lazy');
});

test('the server says whose cell it was where the kernel does not', () => {
  const heard = events(new Feed(), recordingOf('outputs.json').live);
  const cells = heard.map(event => (event.type === 'message' ? originOf(event.message)?.cell : null));
  assert.deepEqual(
    [...new Set(cells)].filter(cell => typeof cell === 'string'),
    ['a', 'b', 'c', 'd', 'e']
  );
});
