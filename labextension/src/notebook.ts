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
import { Company, SharedCells } from './company';
import { Conversation } from './conversation';
import { Document } from './document';
import { Early } from './early';
import { gateTo } from './gate';
import { LOOK, Listening, type FrontEnd } from './listening';
import { cellAttributes, notebookAttributes, type Attributes, type Change, type Model } from './model';
import { Outputs, handOver } from './outputs';
import { published, type Future } from './passive';
import {
  executionStateOf,
  requestOf,
  type Fields,
  type Question,
  type Recorded,
  type Request
} from './protocol';
import { Requests } from './requests';
import type { Settings } from './settings';

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
    const { model } = panel.context;
    this.company = new Company(model.collaborative ? model.sharedModel.awareness : null, () => {
      this.listening.afresh();
    });
    this.listening = new Listening(this.front());
    this.conversation = new Conversation(
      answer => {
        this.listening.answered(answer);
      },
      () => {
        this.ended();
      }
    );
    this.document = new Document(content, request => this.conversation.send(request));
    const kernel = {
      cascades: () => this.model.mode === 'auto',
      ask: (question: Question) => this.ask(question),
      run: (cell: string) => {
        this.run([cell]);
      }
    };
    this.autoRun = new AutoRun(panel, this.document, kernel, settings);
    this.early = new Early(panel);
  }

  get model(): Model {
    return this.listening.model;
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
    const mode = this.model.mode === 'lazy' ? 'auto' : 'lazy';
    this.send({ op: 'configure', mode });
  }

  connect(url: string, name?: string): void {
    this.send({ op: 'connect', url, ...(name !== undefined && { name }) });
  }

  /** For how long a cell has been running that ran already when this page came; in milliseconds. */
  ranFor(id: string): number {
    return this.listening.ranFor(id);
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
    window.addEventListener('pagehide', this.hidden);
    window.addEventListener('pageshow', this.shownAgain);
    this.document.start();
    this.autoRun.start();
    this.early.start();
    this.watch = window.setInterval(() => {
      this.look();
    }, LOOK);
    mark(content.node, notebookAttributes(this.model));
    this.meet();
  }

  private stop(): void {
    window.clearInterval(this.watch);
    NotebookActions.outputCleared.disconnect(this.cleared, this);
    window.removeEventListener('pagehide', this.hidden);
    window.removeEventListener('pageshow', this.shownAgain);
    this.company.leave();
    this.early.stop();
    this.autoRun.stop();
    this.document.stop();
    this.listening.stop();
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
    this.captors.clear();
    if (kernel) {
      this.captors.follow(kernel);
      this.company.enter(kernel.clientId);
    }
    kernel?.anyMessage.connect(this.passed, this);
    kernel?.connectionStatusChanged.connect(this.connected, this);
    this.listening.follow(kernel && gateTo(kernel.id, kernel.serverSettings));
  }

  private readonly hidden = (): void => {
    this.company.leave();
  };

  /** The browser kept the page when its user went to another one. */
  private readonly shownAgain = ({ persisted }: PageTransitionEvent): void => {
    if (persisted && this.met) {
      this.company.enter(this.met.clientId);
    }
  };

  private ended(): void {
    this.document.forget();
    this.listening.forget();
  }

  /** What listening needs of JupyterLab. */
  private front(): FrontEnd<KernelMessage.IMessage> {
    const { outputs, requests } = this;
    return {
      outputs: new SharedCells(outputs, this.company),
      requests,
      tell: change => {
        this.tell(change);
      },
      replaced: () => {
        this.conversation.end();
        this.meet();
      },
      mistaken: () => {
        this.document.forget();
        this.document.flush();
      },
      kernelIs: state => {
        this.kernelIs(state);
      },
      takes: message => this.captors.takes(message),
      folded: other => {
        this.captors.folded(other);
      },
      away: () => this.kernelStands() === 'away',
      reconnect: () =>
        void this.kernel()
          ?.reconnect()
          .catch(() => undefined),
      quiet: () => this.kernelStands() === 'connected',
      renew: () => this.renew(),
      again: (told, runs) => {
        this.again(told, runs);
      }
    };
  }

  private kernelStands(): 'connected' | 'away' | 'gone' {
    const kernel = this.kernel();
    if (!kernel || kernel.status === 'dead') {
      return 'gone';
    }
    return kernel.connectionStatus === 'connected' ? 'connected' : 'away';
  }

  private async renew(): Promise<void> {
    await this.kernel()?.reconnect();
    // Lab asks for it whenever it connects, and hands on nothing more if it waits for an answer that was lost.
    await new Promise<void>(resolve => (this.informed = resolve));
  }

  // What the kernel says

  /** Right after a reload Lab does not know what a kernel does that is too busy to say. */
  private kernelIs(state: string): void {
    const kernel = this.kernel();
    if (kernel?.status === 'unknown' && kernel.connectionStatus === 'connected' && state === 'busy') {
      tellStatus(kernel, state);
    }
  }

  private connected(kernel: Kernel.IKernelConnection, status: Kernel.ConnectionStatus): void {
    if (kernel === this.met && status === 'connected') {
      this.early.reached();
    }
    this.listening.turnedAlone();
  }

  // What passes on the kernel's own websocket

  private published(_: unknown, message: KernelMessage.IMessage): void {
    if (message.channel !== 'iopub') {
      return;
    }
    const heard = message as KernelMessage.IIOPubMessage;
    void this.captors.published(heard);
    this.listening.shown(recorded(heard));
    const { kernelState } = this.listening;
    if (kernelState !== 'idle' && executionStateOf(heard) === null) {
      this.kernelIs(kernelState);
    }
  }

  private passed(kernel: Kernel.IKernelConnection, { msg, direction }: Kernel.IAnyMessageArgs): void {
    if (kernel !== this.met) {
      return;
    }
    if (direction === 'send') {
      this.listening.said(msg);
      const { cellId } = msg.metadata as { cellId?: unknown };
      if (msg.header.msg_type === 'execute_request' && typeof cellId === 'string') {
        this.autoRun.cancel(cellId);
      }
      return;
    }
    this.listening.came(msg);
    if (msg.header.msg_type === 'kernel_info_reply') {
      this.informed();
    } else if (msg.header.msg_type === 'execute_reply' && this.model.reactive) {
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

  private look(): void {
    this.listening.look();
    this.captors.look();
    const kernel = this.kernel();
    const { kernelState } = this.listening;
    const unknown = kernel?.status === 'unknown' && kernel.connectionStatus === 'connected';
    this.unknown = unknown && kernelState === 'idle' ? this.unknown + 1 : 0;
    if (kernel && this.unknown > UNKNOWN) {
      tellStatus(kernel, kernelState);
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
      this.listening.cleared([cell.model.id]);
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

  private tell(change: Change): void {
    if (change.mode || change.stream) {
      mark(this.panel.content.node, notebookAttributes(this.model));
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
    mark(cell.node, cellAttributes(this.model.cells.get(cell.model.id)));
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

  private readonly changes = new Signal<this, Change>(this);
  private met: Kernel.IKernelConnection | null = null;
  private watch = 0;
  private unknown = 0;
  private byId: ReadonlyMap<string, CodeCell> | null = null;
  private readonly requests = new Requests();
  // The kernel has answered over the connection that there is now.
  private informed: () => void = () => undefined;
  private readonly outputs: Outputs;
  private readonly company: Company;
  private readonly listening: Listening<KernelMessage.IMessage>;
  private readonly conversation: Conversation;
  private readonly document: Document;
  private readonly autoRun: AutoRun;
  private readonly early: Early;
  private readonly captors = new Captors({
    kernel: () => this.kernel(),
    awaited: request => this.requests.awaited(request),
    kernelState: () => this.listening.kernelState,
    afresh: () => {
      this.listening.afresh();
    }
  });
}

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
