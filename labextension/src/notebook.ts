/** One notebook panel and its kernel: what they tell each other while both are there. */

import { type Cell, CodeCell, type ICellModel } from '@jupyterlab/cells';
import type { CellList, NotebookPanel } from '@jupyterlab/notebook';
import { NotebookActions } from '@jupyterlab/notebook';
import type { IObservableList } from '@jupyterlab/observables';
import type { Kernel, KernelMessage } from '@jupyterlab/services';
import { Token } from '@lumino/coreutils';
import { type ISignal, Signal } from '@lumino/signaling';

import { AutoRun } from './autorun';
import { Captors } from './captors';
import { Conversation } from './conversation';
import { Document } from './document';
import { Early } from './early';
import type { Snapshot, StreamEvent } from './feed';
import { gateTo } from './gate';
import {
  ALL_CHANGED,
  EMPTY,
  NO_CHANGE,
  cellAttributes,
  joined,
  learned,
  notebookAttributes,
  ready,
  type Attributes,
  type Change,
  type Model,
  type StreamState
} from './model';
import { Outputs, handOver } from './outputs';
import { published, type Future } from './passive';
import {
  cellsOf,
  executionStateOf,
  requestOf,
  type Answer,
  type Channel,
  type Fields,
  type Question,
  type Recorded,
  type Request,
  type Shown
} from './protocol';
import { Requests } from './requests';
import type { Settings } from './settings';
import { Stream } from './stream';
import { Unheard } from './unheard';

/** The open notebooks, as views see them. */
export interface IReactiveNotebooks {
  readonly current: ReactiveNotebook | null;
  readonly currentChanged: ISignal<IReactiveNotebooks, ReactiveNotebook | null>;
  readonly added: ISignal<IReactiveNotebooks, ReactiveNotebook>;
  of(panel: NotebookPanel): ReactiveNotebook | null;
}

export const IReactiveNotebooks = new Token<IReactiveNotebooks>(
  'jupyter-reactive:IReactiveNotebooks',
  'The open notebooks and what their kernels say of them.'
);

export class ReactiveNotebook {
  constructor(
    readonly panel: NotebookPanel,
    settings: () => Settings
  ) {
    const { content } = panel;
    this.outputs = new Outputs(
      id => this.find(id),
      this.requests,
      () => this.kernel(),
      () => content.notebookConfig.recordTiming
    );
    this.conversation = new Conversation(
      answer => {
        this.answered(answer);
      },
      () => {
        this.ended();
      }
    );
    this.document = new Document(content, request => this.conversation.send(request));
    const kernel = {
      cascades: () => this.known.mode === 'auto',
      ask: (question: Question) => this.ask(question),
      run: (cell: string) => {
        this.run([cell]);
      }
    };
    this.autoRun = new AutoRun(panel, this.document, kernel, settings);
    this.early = new Early(panel);
  }

  get model(): Model {
    return this.known;
  }

  /** Tells what is other than before, after `model` has become so. */
  get changed(): ISignal<this, Change> {
    return this.changes;
  }

  kernel(): Kernel.IKernelConnection | null {
    return this.panel.sessionContext.session?.kernel ?? null;
  }

  /** Tell the kernel something; nothing happens where there is no reactive kernel. */
  send(request: Request): void {
    this.conversation.send(request);
  }

  /** Ask the kernel something; rejected if it cannot answer, or went away before it did. */
  ask(question: Question): Promise<Fields> {
    return this.conversation.ask(question);
  }

  run(cells: readonly string[]): void {
    this.document.flush();
    this.send({ op: 'run', cells: [...cells] });
  }

  runStale(): void {
    this.document.flush();
    this.send({ op: 'run', stale: true });
  }

  toggleMode(): void {
    const mode = this.known.mode === 'lazy' ? 'auto' : 'lazy';
    this.send({ op: 'configure', mode });
  }

  connect(url: string, name?: string): void {
    this.send({ op: 'connect', url, ...(name !== undefined && { name }) });
  }

  /** For how long a cell has been running that ran already when this page came; in milliseconds. */
  ranFor(id: string): number {
    return Math.max(0, Date.now() - (this.began.get(id) ?? Date.now()));
  }

  /** Scroll to a cell and select it. */
  async reveal(id: string): Promise<void> {
    const { content } = this.panel;
    const place = content.widgets.findIndex(cell => cell.model.id === id);
    if (place >= 0) {
      content.deselectAll();
      content.activeCellIndex = place;
      await content.scrollToItem(place, 'smart');
    }
  }

  start(): void {
    const { content, sessionContext } = this.panel;
    sessionContext.statusChanged.connect(this.meet, this);
    sessionContext.kernelChanged.connect(this.meet, this);
    sessionContext.iopubMessage.connect(this.published, this);
    content.model?.cells.changed.connect(this.moved, this);
    content.cellInViewportChanged.connect((_, cell) => {
      this.markCell(cell);
    });
    NotebookActions.outputCleared.connect(this.cleared, this);
    this.panel.disposed.connect(this.stop, this);
    this.document.start();
    this.autoRun.start();
    this.early.start();
    this.watch = window.setInterval(() => {
      this.compare();
    }, COMPARE);
    mark(content.node, notebookAttributes(this.known));
    this.meet();
  }

  private stop(): void {
    window.clearInterval(this.watch);
    NotebookActions.outputCleared.disconnect(this.cleared, this);
    this.early.stop();
    this.autoRun.stop();
    this.document.stop();
    this.stream?.dispose();
    Signal.clearData(this);
  }

  // The kernel comes and goes

  /** A new, another or a restarted kernel: listen to it, and tell a reactive one the document. */
  private meet(): void {
    const kernel = this.kernel();
    if (kernel !== this.met) {
      this.met = kernel;
      this.follow(kernel);
    }
    if (this.conversation.meet(kernel)) {
      this.document.forget();
      // Before whatever its user runs first.
      this.document.flush();
    }
    if (kernel) {
      this.early.run();
    } else {
      this.early.lost();
    }
  }

  private follow(kernel: Kernel.IKernelConnection | null): void {
    this.stream?.dispose();
    this.stream = null;
    this.alone = false;
    this.requests.clear();
    this.unheard.clear();
    this.captors.clear();
    if (kernel) {
      this.captors.follow(kernel);
    }
    kernel?.anyMessage.connect(this.passed, this);
    kernel?.connectionStatusChanged.connect(this.connected, this);
    this.outputs.settleAll();
    this.become({ ...EMPTY, stream: 'connecting' }, ALL_CHANGED);
    if (kernel) {
      this.stream = new Stream(gateTo(kernel.id, kernel.serverSettings), {
        heard: events => {
          this.heard(events);
        },
        turned: state => {
          this.turned(state);
        },
        absent: () => {
          this.alone = true;
          this.turnedAlone();
        }
      });
    }
  }

  private ended(): void {
    this.document.forget();
    this.become({ ...EMPTY, stream: this.known.stream }, ALL_CHANGED);
  }

  private answered(answer: Answer & { op: 'ready' | 'error' }): void {
    if (answer.op === 'ready') {
      // The stream brings it, too, in its place among what comes before and after.
      if (this.alone || this.known.stream === 'connecting') {
        const { mode, cells, graph } = answer;
        const change = { ...NO_CHANGE, cells: 'all', graph: true, mode: true } as const;
        this.become(ready(this.known, mode, cells, graph), change);
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

  /** The kernel's process is another one, which knows nothing of this page. */
  private replaced(): void {
    this.outputs.settleAll();
    this.unheard.clear();
    this.become({ ...EMPTY, stream: this.known.stream }, ALL_CHANGED);
    this.conversation.end();
    this.meet();
  }

  private apply(snapshot: Snapshot): void {
    this.requests.folded();
    this.unheard.folded(snapshot.cells);
    const { mode, reactive, stream } = this.known;
    this.become({ ...EMPTY, mode, reactive, stream }, ALL_CHANGED);
    snapshot.other.forEach(message => {
      this.learn(message);
      this.state = executionStateOf(message) ?? this.state;
    });
    this.kernelIs(this.state);
    this.began.clear();
    for (const [id, shown] of snapshot.cells) {
      const running = this.runs(id, shown);
      const began = Date.parse(shown.messages[0]?.header.date ?? '');
      if (running && began) {
        this.began.set(id, began);
      }
      this.outputs.reconcile(id, shown, running);
    }
    for (const message of snapshot.other) {
      if (message.header.msg_type === 'input_request') {
        this.outputs.hear(message, 'stdin');
      }
    }
  }

  private runs(id: string, shown: Shown): boolean {
    const state = this.known.cells.get(id);
    return state ? state.activity === 'running' : this.state === 'busy' && shown.over === false;
  }

  /** Live and replayed messages take the same way. */
  private take(message: Recorded, channel: Channel): void {
    if (channel === 'iopub') {
      this.learn(message);
    }
    this.requests.told(message);
    this.unheard.heard(message);
    const taken = channel === 'iopub' && this.captors.takes(message);
    if (!taken && !this.outputs.hear(message, channel)) {
      this.restart();
    }
    if (executionStateOf(message) !== null) {
      this.state = executionStateOf(message) ?? this.state;
    }
  }

  private learn(message: Recorded): void {
    const news = learned(this.known, message);
    if (news) {
      const changes = cellsOf(message);
      changes.forEach((_, id) => this.began.delete(id));
      this.become(...news);
      this.outputs.settle(changes);
    }
  }

  /** Have the stream tell everything again, but not in a circle. */
  private restart(): void {
    if (Date.now() - this.restarted > COMPARE) {
      this.restarted = Date.now();
      this.stream?.restart();
    }
  }

  /** Right after a reload Lab does not know what a kernel does that is too busy to say. */
  private kernelIs(state: string): void {
    this.state = state;
    const kernel = this.kernel();
    if (kernel?.status === 'unknown' && kernel.connectionStatus === 'connected' && state === 'busy') {
      tellStatus(kernel, state);
    }
  }

  private turned(state: StreamState): void {
    this.become({ ...this.known, stream: state }, { ...NO_CHANGE, stream: true });
  }

  private connected(kernel: Kernel.IKernelConnection, status: Kernel.ConnectionStatus): void {
    if (kernel === this.met && status === 'connected') {
      this.early.reached();
    }
    this.turnedAlone();
  }

  /** Where nobody replays, the kernel's own websocket is all there is. */
  private turnedAlone(): void {
    if (this.alone) {
      this.turned(this.kernel()?.connectionStatus === 'connected' ? 'live' : 'lost');
    }
  }

  // What passes on the kernel's own websocket

  private published(_: unknown, message: KernelMessage.IMessage): void {
    if (message.channel !== 'iopub') {
      return;
    }
    const heard = message as KernelMessage.IIOPubMessage;
    this.requests.shown(heard);
    void this.captors.published(heard);
    if (this.alone) {
      // Nobody replays: what is live has to do.
      this.gather(() => {
        this.take(recorded(heard), 'iopub');
      });
    }
    if (this.state !== 'idle' && executionStateOf(heard) === null) {
      this.kernelIs(this.state);
    }
  }

  private passed(kernel: Kernel.IKernelConnection, args: Kernel.IAnyMessageArgs): void {
    if (kernel !== this.met) {
      return;
    }
    this.requests.passed(args);
    const { msg, direction } = args;
    if (direction === 'send') {
      this.unheard.said(msg);
    } else {
      this.unheard.heard(msg);
      if (msg.header.msg_type === 'kernel_info_reply') {
        this.informed();
      }
    }
    if (direction === 'send' && msg.header.msg_type === 'execute_request') {
      const { cellId } = msg.metadata as { cellId?: unknown };
      if (typeof cellId === 'string') {
        this.autoRun.cancel(cellId);
      }
    } else if (direction === 'recv' && msg.header.msg_type === 'execute_reply' && this.known.reactive) {
      this.replied(msg);
    }
  }

  /** A reactive kernel goes on with the cascade, but this cell is done: Lab need not wait for the end. */
  private replied(reply: KernelMessage.IMessage): void {
    const request = requestOf(reply);
    const cell = this.find(this.requests.cellOf(request) ?? '');
    const future = cell?.outputArea.future as Future | null | undefined;
    if (future?.msg.header.msg_id === request) {
      const header = { ...reply.header, msg_type: 'status' };
      const content = { execution_state: 'idle' };
      const { parent_header } = reply;
      handOver(future, published({ header, parent_header, metadata: {}, content, buffers: [] }));
    }
  }

  /** See whether Lab shows of our own runs what the kernel has said, and go by the stream where it does not. */
  private compare(): void {
    const kernel = this.kernel();
    if (this.known.stream !== 'live' || this.alone || !kernel) {
      this.patience = PATIENCE;
      return;
    }
    this.unheard.look();
    this.unknown = kernel.status === 'unknown' && this.state === 'idle' ? this.unknown + 1 : 0;
    if (this.unknown > UNKNOWN && kernel.connectionStatus === 'connected') {
      tellStatus(kernel, this.state);
    }
    const away = kernel.connectionStatus !== 'connected' && kernel.status !== 'dead';
    const lacking = this.requests.lacking();
    const progress = `${this.requests.progress()} ${kernel.connectionStatus}`;
    if (!(lacking.length || away) || progress !== this.progress) {
      this.progress = progress;
      this.patience = PATIENCE;
    } else if (--this.patience <= 0) {
      this.patience = PATIENCE;
      if (away) {
        void kernel.reconnect().catch(() => undefined);
      }
      if (lacking.length) {
        lacking.forEach(request => {
          this.requests.giveUp(request);
        });
        this.stream?.restart();
      }
    }
  }

  /** Nobody has heard this, and perhaps nothing else that was said lately. */
  private again(told: readonly KernelMessage.IMessage[], runs: readonly KernelMessage.IMessage[]): void {
    const { _sendMessage } = this.kernel() as unknown as {
      _sendMessage?: (message: KernelMessage.IMessage) => void;
    };
    const send = (message: KernelMessage.IMessage): void => {
      // The same message, for whose answers Lab still waits.
      _sendMessage?.call(this.kernel(), message);
    };
    told.forEach(send);
    this.document.forget();
    this.document.flush();
    runs.forEach(send);
  }

  // What people see

  /** Whoever clears outputs does not want to see them again after a reload. */
  private cleared(_: unknown, { cell }: { cell: Cell }): void {
    if (this.find(cell.model.id) === cell) {
      this.stream?.forget([cell.model.id]);
    }
  }

  private moved(_: CellList, change: IObservableList.IChangedArgs<ICellModel>): void {
    this.byId = null;
    const ids = new Set(change.newValues.map(cell => cell.id));
    // The notebook makes its widgets when it hears of this, too.
    queueMicrotask(() => {
      this.byId = null;
      this.markCells(id => ids.has(id));
    });
  }

  private gather(work: () => void): void {
    this.gathered = NO_CHANGE;
    try {
      work();
    } finally {
      const change = this.gathered;
      this.gathered = null;
      this.tell(change);
    }
  }

  private become(model: Model, change: Change): void {
    this.known = model;
    if (this.gathered) {
      this.gathered = joined(this.gathered, change);
    } else {
      this.tell(change);
    }
  }

  private tell(change: Change): void {
    if (change.mode || change.stream) {
      mark(this.panel.content.node, notebookAttributes(this.known));
    }
    const { cells } = change;
    if (cells) {
      this.markCells(id => cells === 'all' || cells.has(id));
    }
    if (cells || change.graph || change.mode || change.stream || change.connections) {
      this.changes.emit(change);
    }
  }

  private markCells(which: (id: string) => boolean): void {
    for (const [id, cell] of this.codeCells()) {
      if (which(id)) {
        this.markCell(cell);
      }
    }
  }

  private markCell(cell: Cell): void {
    mark(cell.node, cellAttributes(this.known.cells.get(cell.model.id)));
  }

  private find(id: string): CodeCell | null {
    return this.codeCells().get(id) ?? null;
  }

  private codeCells(): ReadonlyMap<string, CodeCell> {
    const { content } = this.panel;
    if (!this.byId) {
      const cells = content.isDisposed ? [] : content.widgets.filter(cell => cell instanceof CodeCell);
      this.byId = new Map(cells.map(cell => [cell.model.id, cell]));
    }
    return this.byId;
  }

  private known: Model = EMPTY;
  private readonly changes = new Signal<this, Change>(this);
  private gathered: Change | null = null;
  private met: Kernel.IKernelConnection | null = null;
  private stream: Stream | null = null;
  // This server has no streams.
  private alone = false;
  // The kernel's own state, as the stream tells it.
  private state = '';
  private restarted = 0;
  // When the cells that ran when everything was told last had begun.
  private readonly began = new Map<string, number>();
  private watch = 0;
  private unknown = 0;
  private patience = PATIENCE;
  private progress = '';
  private byId: ReadonlyMap<string, CodeCell> | null = null;
  private readonly requests = new Requests();
  // The kernel has answered over the connection that there is now.
  private informed: () => void = () => undefined;
  private readonly unheard = new Unheard<KernelMessage.IMessage>({
    quiet: () => {
      const { status, connectionStatus } = this.kernel() ?? {};
      return this.state === 'idle' && connectionStatus === 'connected' && status !== 'dead';
    },
    renew: async () => {
      await this.kernel()?.reconnect();
      // Lab asks for it whenever it connects, and hands on nothing more if it waits for an answer that was lost.
      await new Promise<void>(resolve => (this.informed = resolve));
    },
    again: (told, runs) => {
      this.again(told, runs);
    }
  });
  private readonly outputs: Outputs;
  private readonly conversation: Conversation;
  private readonly document: Document;
  private readonly autoRun: AutoRun;
  private readonly early: Early;
  private readonly captors = new Captors(request => this.requests.awaited(request));
}

/** How often what came on both ways is compared, in milliseconds, and how often nothing may move. */
const COMPARE = 1_000;
const PATIENCE = 2;
/** How often a connected kernel's state may be unknown to Lab alone: something that it waits for was lost. */
const UNKNOWN = 5;

function tellStatus(kernel: Kernel.IKernelConnection, status: string): void {
  const { _updateStatus } = kernel as unknown as { _updateStatus?: (status: string) => void };
  _updateStatus?.call(kernel, status);
}

function recorded(message: KernelMessage.IIOPubMessage): Recorded {
  const { header, parent_header, metadata, content } = message;
  return { header, parent_header, metadata, content, buffers: message.buffers ?? [] };
}

function mark(element: Element, attributes: Attributes): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null) {
      element.removeAttribute(name);
    } else {
      element.setAttribute(name, value);
    }
  }
}
