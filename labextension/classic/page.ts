/** One notebook and its kernel: what they tell each other, and what is seen of it. */

import { Conversation, type Partner } from '../src/conversation';
import type { Snapshot, StreamEvent } from '../src/feed';
import { EMPTY, learned, ready, type Change, type Model, type StreamState } from '../src/model';
import {
  cellsOf,
  executionStateOf,
  type Answer,
  type Channel,
  type Recorded,
  type Shown
} from '../src/protocol';
import { Requests } from '../src/requests';
import type { Settings } from '../src/settings';
import { Stream } from '../src/stream';
import { AutoRun } from './autorun';
import { codeCells, hasIds, nameCells } from './cells';
import { Document } from './document';
import { gateTo } from './gate';
import { Outputs } from './outputs';
import { partnerOf } from './partner';

/** How often what came on both ways is compared, in milliseconds, and how often nothing may move. */
const COMPARE = 1_000;
const PATIENCE = 2;

export class Page {
  constructor(
    readonly notebook: Classic.Notebook,
    private readonly settings: () => Settings,
    /** Tells what is other than before; null for everything. */
    private readonly tell: (change: Change | null) => void
  ) {
    this.outputs = new Outputs(
      id => this.find(id),
      this.requests,
      () => {
        notebook.set_dirty(true);
      }
    );
    this.conversation = new Conversation(
      answer => {
        this.answered(answer);
      },
      () => {
        this.document.forget();
      }
    );
    this.autoRun = new AutoRun(notebook.element[0] ?? document.body, {
      settings: this.settings,
      flush: () => {
        this.document.flush();
      },
      cascades: () => this.known.mode === 'auto',
      ask: question => this.conversation.ask(question),
      run: cell => {
        this.conversation.send({ op: 'run', cells: [cell] });
      },
      save: () => {
        this.save();
      }
    });
    this.document = new Document(
      notebook,
      request => this.conversation.send(request),
      cell => {
        this.autoRun.edited(cell);
      }
    );
  }

  get model(): Model {
    return this.known;
  }

  start(): void {
    this.autoRun.start();
    window.setInterval(() => {
      this.compare();
    }, COMPARE);
    this.loaded();
  }

  runStale(): void {
    this.document.flush();
    this.conversation.send({ op: 'run', stale: true });
  }

  toggleMode(): void {
    this.conversation.send({ op: 'configure', mode: this.known.mode === 'lazy' ? 'auto' : 'lazy' });
  }

  // What happens in the notebook

  /** The notebook has come from the disk. */
  loaded(): void {
    if (!this.notebook._fully_loaded) {
      return;
    }
    if (!hasIds(this.notebook)) {
      nameCells(this.notebook);
    }
    this.notebook.get_cells().forEach(cell => {
      this.document.hear(cell);
    });
    this.document.restructure();
    this.tell(null);
    this.connected();
  }

  /** A cell has come, gone, or is elsewhere. */
  restructured(cell: Classic.Cell | undefined): void {
    this.byId = null;
    if (cell) {
      this.document.hear(cell);
    }
    this.document.restructure();
    this.tell(null);
  }

  /** Something has changed that nobody says more about. */
  touched(): void {
    this.document.look();
  }

  /** Somebody runs a cell. */
  runs(cell: Classic.CodeCell): void {
    this.autoRun.cancel(cell);
    this.document.flush();
  }

  /** Whoever clears outputs does not want to see them again after a reload. */
  cleared(cell: Classic.Cell): void {
    this.stream?.forget([cell.id]);
  }

  private save(): void {
    const { dirty, writable } = this.notebook;
    if (dirty && writable) {
      this.notebook.save_notebook().catch((reason: unknown) => {
        console.warn('jupyter-reactive: the notebook could not be saved', reason);
      });
    }
  }

  // The kernel comes and goes

  /** The way to a kernel is open, perhaps once more. */
  connected(): void {
    const { kernel } = this.notebook;
    if (!kernel?.id || !this.notebook._fully_loaded) {
      return;
    }
    if (kernel !== this.met || kernel.id !== this.metId) {
      this.follow(kernel, kernel.id);
    }
    // Whatever was said on the way that is gone may be lost.
    this.conversation.end();
    this.meet();
  }

  private meet(): void {
    if (!this.partner || !this.met?.is_connected() || !this.conversation.meet(this.partner)) {
      return;
    }
    if (!hasIds(this.notebook)) {
      // From now on the file keeps the names, as it does for JupyterLab.
      this.notebook.nbformat_minor = 5;
    }
    this.document.flush();
  }

  private follow(kernel: Classic.Kernel, id: string): void {
    this.stream?.dispose();
    this.met = kernel;
    this.metId = id;
    this.partner = partnerOf(kernel);
    this.alone = false;
    this.requests.clear();
    this.outputs.settleAll();
    this.become(EMPTY, null);
    this.stream = new Stream(gateTo(kernel, id), {
      heard: events => {
        this.heard(events);
      },
      turned: state => {
        this.turned(state);
      },
      absent: () => {
        this.alone = true;
        this.turned('live');
      }
    });
  }

  private answered(answer: Answer & { op: 'ready' | 'error' }): void {
    if (answer.op === 'ready') {
      // The stream brings it, too, in its place among what comes before and after.
      if (this.alone || this.known.stream === 'connecting') {
        this.become(ready(this.known, answer.mode, answer.cells, answer.graph), null);
      }
    } else if (answer.about === 'edit' || answer.about === 'run') {
      // The kernel has another document than was thought: tell it all of this one.
      this.document.forget();
      this.document.flush();
    } else {
      console.warn(`jupyter-reactive: ${answer.message}`);
    }
  }

  // What the kernel says

  private heard(events: readonly StreamEvent[]): void {
    for (const event of events) {
      switch (event.type) {
        case 'epoch':
          this.replaced();
          break;
        case 'state':
          this.state = event.state;
          break;
        case 'snapshot':
          this.apply(event.snapshot);
          break;
        case 'message':
          this.take(event.message, event.channel);
          break;
      }
    }
  }

  /** The kernel's process is another one, which knows nothing of this page. */
  private replaced(): void {
    this.outputs.settleAll();
    this.become({ ...EMPTY, stream: this.known.stream }, null);
    this.conversation.end();
    this.meet();
  }

  private apply(snapshot: Snapshot): void {
    this.requests.folded();
    const { mode, reactive, stream } = this.known;
    this.become({ ...EMPTY, mode, reactive, stream }, null);
    snapshot.other.forEach(message => {
      this.learn(message);
      this.state = executionStateOf(message) ?? this.state;
    });
    for (const [id, shown] of snapshot.cells) {
      this.outputs.reconcile(id, shown, this.isRunning(id, shown));
    }
    for (const message of snapshot.other) {
      if (message.header.msg_type === 'input_request') {
        this.outputs.hear(message, 'stdin');
      }
    }
  }

  private isRunning(id: string, shown: Shown): boolean {
    const state = this.known.cells.get(id);
    return state ? state.activity === 'running' : this.state === 'busy' && shown.over === false;
  }

  /** Live and replayed messages take the same way. */
  private take(message: Recorded, channel: Channel): void {
    if (channel === 'iopub') {
      this.learn(message);
    }
    this.requests.told(message);
    if (!this.outputs.hear(message, channel)) {
      this.restart();
    }
    this.state = executionStateOf(message) ?? this.state;
  }

  private learn(message: Recorded): void {
    const news = learned(this.known, message);
    if (news) {
      this.become(...news);
      this.outputs.settle(cellsOf(message));
    }
  }

  /** Have the stream tell everything again, but not in a circle. */
  private restart(): void {
    if (Date.now() - this.restarted > COMPARE) {
      this.restarted = Date.now();
      this.stream?.restart();
    }
  }

  private turned(stream: StreamState): void {
    this.become({ ...this.known, stream }, null);
  }

  // What passes on the kernel's own websocket

  sent(kernel: Classic.Kernel, message: Classic.Message): void {
    if (kernel === this.notebook.kernel) {
      this.requests.passed({ direction: 'send', msg: message });
    }
  }

  received(kernel: Classic.Kernel, message: Classic.Message): void {
    if (kernel === this.met) {
      this.requests.passed({ direction: 'recv', msg: message });
    }
  }

  /** A message that the notebook has dealt with. */
  shown(kernel: Classic.Kernel, message: Classic.Message): void {
    if (kernel !== this.met) {
      return;
    }
    this.requests.shown(message);
    if (this.alone) {
      // Nobody replays: what is live has to do.
      this.take({ ...message, buffers: message.buffers ?? [] }, 'iopub');
    }
  }

  /** See whether the notebook shows of our own runs what the kernel has said, and go by the stream if not. */
  private compare(): void {
    if (this.known.stream !== 'live' || this.alone) {
      this.patience = PATIENCE;
      return;
    }
    const lacking = this.requests.lacking();
    const progress = this.requests.progress();
    if (!lacking.length || progress !== this.progress) {
      this.progress = progress;
      this.patience = PATIENCE;
    } else if (--this.patience <= 0) {
      this.patience = PATIENCE;
      lacking.forEach(request => {
        this.requests.giveUp(request);
      });
      this.stream?.restart();
    }
  }

  private become(model: Model, change: Change | null): void {
    this.known = model;
    this.tell(change);
  }

  private find(id: string): Classic.CodeCell | null {
    this.byId ??= new Map(codeCells(this.notebook).map(cell => [cell.id, cell]));
    return this.byId.get(id) ?? null;
  }

  private known: Model = EMPTY;
  private met: Classic.Kernel | null = null;
  private metId: string | null = null;
  private partner: Partner | null = null;
  private stream: Stream | null = null;
  // This server has no streams.
  private alone = false;
  // The kernel's own state, as the stream tells it.
  private state = '';
  private restarted = 0;
  private patience = PATIENCE;
  private progress = '';
  private byId: ReadonlyMap<string, Classic.CodeCell> | null = null;
  private readonly requests = new Requests();
  private readonly outputs: Outputs;
  private readonly conversation: Conversation;
  private readonly document: Document;
  private readonly autoRun: AutoRun;
}
