/** What a page takes over from a kernel: the stream's word, and of the page's own requests what their websocket brings.
 *  Every front end listens like this; none is known here. */

import type { Snapshot, StreamEvent } from './feed';
import {
  ALL_CHANGED,
  EMPTY,
  NO_CHANGE,
  joined,
  learned,
  ready,
  type Change,
  type Model,
  type StreamState
} from './model';
import {
  cellsOf,
  executionStateOf,
  type Answer,
  type CellChanges,
  type Channel,
  type Recorded,
  type Shown
} from './protocol';
import type { Passing, Requests } from './requests';
import { Stream, type Gate } from './stream';
import { Unheard, type Said, type Way } from './unheard';

/** How often to look whether both ways brought the same, in milliseconds, and how often nothing may move. */
export const LOOK = 1_000;
const PATIENCE = 2;

/** The cells, as far as they show what runs say. */
export interface Cells {
  /** Take in one message; `false` if it belongs to a run whose beginning is not known. */
  hear(message: Recorded, channel: Channel): boolean;
  settle(changes: CellChanges): void;
  settleAll(): void;
  reconcile(id: string, shown: Shown, running: boolean): void;
}

export interface FrontEnd<Word extends Said> extends Way<Word> {
  readonly outputs: Cells;
  readonly requests: Requests;
  /** The model is another one. */
  tell(change: Change): void;
  /** The kernel's process is another one, which knows nothing of this page; or what it has said is lost. */
  replaced(): void;
  /** The kernel has another document than was thought. */
  mistaken(): void;
  /** What the kernel does, as the stream tells it. */
  kernelIs(state: string): void;
  /** Whether something else than a cell shows this. */
  takes(message: Recorded): boolean;
  /** Everything was told again; this is what there is beside the cells. */
  folded(other: readonly Recorded[]): void;
  /** Whether the kernel's own websocket is closed, though there is a kernel. */
  away(): boolean;
  reconnect(): void;
}

export class Listening<Word extends Said> {
  constructor(private readonly front: FrontEnd<Word>) {
    this.unheard = new Unheard<Word>({
      quiet: () => this.state === 'idle' && front.quiet(),
      renew: () => front.renew(),
      again: (told, runs) => {
        front.again(told, runs);
      }
    });
  }

  get model(): Model {
    return this.known;
  }

  /** The kernel's own state. */
  get kernelState(): string {
    return this.state;
  }

  /** Another kernel, whose stream is behind this gate; or none. */
  follow(gate: Gate | null): void {
    this.stream?.dispose();
    this.alone = false;
    this.front.requests.clear();
    this.unheard.clear();
    this.front.outputs.settleAll();
    this.become({ ...EMPTY, stream: 'connecting' }, ALL_CHANGED);
    this.stream =
      gate &&
      new Stream(gate, {
        heard: events => {
          this.heard(events);
        },
        turned: state => {
          this.turned(state);
        },
        absent: () => {
          this.alone = true;
          // What the kernel has said by now was left to the stream.
          this.front.replaced();
          this.turnedAlone();
        }
      });
  }

  stop(): void {
    this.stream?.dispose();
  }

  /** Have everything told once more. */
  afresh(): void {
    this.stream?.restart();
  }

  /** Nobody tells the states any more. */
  forget(): void {
    this.become({ ...EMPTY, stream: this.known.stream }, ALL_CHANGED);
  }

  /** Leave what these cells show out of what is told later. */
  cleared(cells: string[]): void {
    this.stream?.forget(cells);
  }

  /** For how long a cell has been running that ran already when this page came; in milliseconds. */
  ranFor(id: string): number {
    return Math.max(0, Date.now() - (this.began.get(id) ?? Date.now()));
  }

  /** On the comm. */
  answered(answer: Answer & { op: 'ready' | 'error' }): void {
    if (answer.op === 'ready') {
      // The stream brings it, too, in its place among what comes before and after.
      if (this.alone || this.known.stream === 'connecting') {
        const { mode, cells, graph } = answer;
        const change = { ...NO_CHANGE, cells: 'all', graph: true, mode: true } as const;
        this.become(ready(this.known, mode, cells, graph), change);
      }
    } else if (answer.about === 'edit' || answer.about === 'run') {
      this.front.mistaken();
    } else {
      console.warn(`jupyter-reactive: ${answer.message}`);
    }
  }

  // On the kernel's own websocket

  /** A message to the kernel. */
  said(message: Word): void {
    this.front.requests.passed({ direction: 'send', msg: message });
    this.unheard.said(message);
  }

  /** A message from the kernel, before anybody has dealt with it. */
  came(message: Passing['msg']): void {
    this.front.requests.passed({ direction: 'recv', msg: message });
    this.unheard.heard(message);
  }

  /** A published message that the front end has dealt with. */
  shown(message: Recorded): void {
    this.front.requests.shown(message);
    if (this.alone) {
      // Nobody replays: what is live has to do.
      this.gather(() => {
        this.take(message, 'iopub');
      });
    }
  }

  /** Where nobody replays, the kernel's own websocket is all there is. */
  turnedAlone(): void {
    if (this.alone) {
      this.turned(this.front.away() ? 'lost' : 'live');
    }
  }

  /** See whether the page shows of its own runs what the kernel has said, and go by the stream where it does not. */
  look(): void {
    if (this.known.stream !== 'live' || this.alone) {
      this.patience = PATIENCE;
      return;
    }
    this.unheard.look();
    const { requests } = this.front;
    const away = this.front.away();
    const lacking = requests.lacking();
    const progress = `${requests.progress()} ${away}`;
    if (!(lacking.length || away) || progress !== this.progress) {
      this.progress = progress;
      this.patience = PATIENCE;
    } else if (--this.patience <= 0) {
      this.patience = PATIENCE;
      this.repair(lacking, away);
    }
  }

  private repair(lacking: readonly string[], away: boolean): void {
    if (away) {
      this.front.reconnect();
    }
    if (lacking.length) {
      lacking.forEach(request => {
        this.front.requests.giveUp(request);
      });
      this.stream?.restart();
    }
  }

  // On the stream

  private heard(events: readonly StreamEvent[]): void {
    this.gather(() => {
      for (const event of events) {
        switch (event.type) {
          case 'epoch':
            this.replaced();
            break;
          case 'state':
            this.kernelIs(event.state);
            break;
          case 'snapshot':
            this.apply(event.snapshot);
            break;
          case 'message':
            this.take(event.message, event.channel);
            break;
        }
      }
    });
  }

  private replaced(): void {
    this.front.outputs.settleAll();
    this.unheard.clear();
    this.forget();
    this.front.replaced();
  }

  private apply(snapshot: Snapshot): void {
    this.front.requests.folded();
    this.unheard.folded(snapshot.cells);
    this.front.folded(snapshot.other);
    const { mode, reactive, stream } = this.known;
    this.become({ ...EMPTY, mode, reactive, stream }, ALL_CHANGED);
    snapshot.other.forEach(message => {
      this.learn(message);
      this.state = executionStateOf(message) ?? this.state;
    });
    this.kernelIs(this.state);
    this.began.clear();
    for (const [id, shown] of snapshot.cells) {
      this.reconcile(id, shown);
    }
    for (const message of snapshot.other) {
      if (message.header.msg_type === 'input_request') {
        this.front.outputs.hear(message, 'stdin');
      }
    }
  }

  private reconcile(id: string, shown: Shown): void {
    const state = this.known.cells.get(id);
    const running = state ? state.activity === 'running' : this.state === 'busy' && shown.over === false;
    const began = Date.parse(shown.messages[0]?.header.date ?? '');
    if (running && began) {
      this.began.set(id, began);
    }
    this.front.outputs.reconcile(id, shown, running);
  }

  /** Live and replayed messages take the same way. */
  private take(message: Recorded, channel: Channel): void {
    if (channel === 'iopub') {
      this.learn(message);
    }
    this.front.requests.told(message);
    this.unheard.heard(message);
    const taken = channel === 'iopub' && this.front.takes(message);
    if (!taken && !this.front.outputs.hear(message, channel)) {
      this.restart();
    }
    this.state = executionStateOf(message) ?? this.state;
  }

  private learn(message: Recorded): void {
    const news = learned(this.known, message);
    if (news) {
      const changes = cellsOf(message);
      changes.forEach((_, id) => this.began.delete(id));
      this.become(...news);
      this.front.outputs.settle(changes);
    }
  }

  /** Have the stream tell everything again, but not in a circle. */
  private restart(): void {
    if (Date.now() - this.restarted > LOOK) {
      this.restarted = Date.now();
      this.stream?.restart();
    }
  }

  private kernelIs(state: string): void {
    this.state = state;
    this.front.kernelIs(state);
  }

  private turned(state: StreamState): void {
    this.become({ ...this.known, stream: state }, { ...NO_CHANGE, stream: true });
  }

  /** Many messages are one change. */
  private gather(work: () => void): void {
    this.gathered = NO_CHANGE;
    try {
      work();
    } finally {
      const change = this.gathered;
      this.gathered = null;
      this.front.tell(change);
    }
  }

  private become(model: Model, change: Change): void {
    this.known = model;
    if (this.gathered) {
      this.gathered = joined(this.gathered, change);
    } else {
      this.front.tell(change);
    }
  }

  private known: Model = EMPTY;
  private gathered: Change | null = null;
  private stream: Stream | null = null;
  // This server has no streams.
  private alone = false;
  private state = '';
  // When the cells that ran when everything was told last had begun.
  private readonly began = new Map<string, number>();
  private restarted = 0;
  private patience = PATIENCE;
  private progress = '';
  private readonly unheard: Unheard<Word>;
}
