/** One notebook panel and its kernel: what they tell each other while both are there. */

import { type Cell, CodeCell, isCodeCellModel } from '@jupyterlab/cells';
import type { NotebookPanel } from '@jupyterlab/notebook';
import type { Kernel, KernelMessage } from '@jupyterlab/services';
import { Token } from '@lumino/coreutils';
import { type ISignal, Signal } from '@lumino/signaling';

import {
  ALL_CHANGED,
  EMPTY,
  NO_CHANGE,
  cellAttributes,
  changed,
  connected,
  edited,
  explanation,
  notebookAttributes,
  ready,
  rewired,
  sameDocument,
  type Attributes,
  type Change,
  type Model
} from './model';
import { Reruns } from './outputs';
import {
  KERNEL,
  PROTOCOL,
  TARGET,
  answerOf,
  cellModeOf,
  cellsOf,
  connectionOf,
  graphOf,
  type CellSource,
  type Fields,
  type Question,
  type Request
} from './protocol';

export interface Settings {
  readonly autoRun: boolean;
  readonly autoRunDelay: number;
}

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
    private readonly settings: () => Settings
  ) {}

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
    if (this.comm && !this.comm.isDisposed) {
      this.comm.send(request);
    }
  }

  /** Ask the kernel something; rejected if it cannot answer, or went away before it did. */
  ask(question: Question): Promise<Fields> {
    const { comm } = this;
    if (!comm || comm.isDisposed) {
      return Promise.reject(new Error('There is no reactive kernel.'));
    }
    const ask = ++this.asked;
    return new Promise((resolve, reject) => {
      this.questions.set(ask, { resolve, reject });
      comm.send({ ...question, ask });
    });
  }

  run(cells: readonly string[]): void {
    this.sync();
    this.send({ op: 'run', cells: [...cells] });
  }

  runStale(): void {
    this.sync();
    this.send({ op: 'run', stale: true });
  }

  toggleMode(): void {
    const mode = this.known.mode === 'lazy' ? 'auto' : 'lazy';
    this.send({ op: 'configure', mode });
    this.become({ ...this.known, mode }, { ...NO_CHANGE, mode: true });
  }

  connect(url: string, name?: string): void {
    this.send({ op: 'connect', url, ...(name !== undefined && { name }) });
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
    sessionContext.iopubMessage.connect(this.hear, this);
    content.modelContentChanged.connect(this.edited, this);
    content.activeCellChanged.connect(this.leave, this);
    content.model?.cells.changed.connect(this.mark, this);
    this.panel.disposed.connect(this.stop, this);
    this.meet();
  }

  private stop(): void {
    window.clearTimeout(this.timer);
    Signal.clearData(this);
  }

  /** Open the comm to a reactive kernel that has none from here: a new, another or a restarted one. */
  private meet(): void {
    const kernel = this.kernel();
    if (kernel?.name !== KERNEL) {
      this.forget();
    } else if (kernel !== this.met || !this.comm || this.comm.isDisposed) {
      this.forget();
      if (kernel.status === 'idle' || kernel.status === 'busy') {
        this.open(kernel);
      }
    }
  }

  private open(kernel: Kernel.IKernelConnection): void {
    const comm = kernel.createComm(TARGET);
    comm.onMsg = message => {
      this.answered(message.content.data);
    };
    comm.open({ protocol: PROTOCOL });
    this.met = kernel;
    this.comm = comm;
  }

  private forget(): void {
    if (this.comm) {
      this.met = null;
      this.comm = null;
      this.document = null;
      this.questions.forEach(({ reject }) => {
        reject(new Error('The kernel went away.'));
      });
      this.questions.clear();
      this.become({ ...EMPTY, stream: this.known.stream }, ALL_CHANGED);
    }
  }

  private answered(data: unknown): void {
    const answer = answerOf(data);
    if (answer?.op === 'answer') {
      this.questions.get(answer.ask)?.resolve(answer.fields);
      this.questions.delete(answer.ask);
    } else if (answer?.op === 'ready') {
      const { mode, cells, graph } = answer;
      this.become(ready(this.known, mode, cells, graph), {
        ...NO_CHANGE,
        cells: 'all',
        graph: true,
        mode: true
      });
      this.sync();
    } else if (answer?.op === 'error') {
      console.warn(`jupyter-reactive: ${answer.message}`);
    }
  }

  private hear(_: unknown, message: KernelMessage.IMessage): void {
    if (!this.comm || !isPublished(message)) {
      return;
    }
    this.learn(message);
    this.reruns.hear(message);
  }

  private learn(message: KernelMessage.IIOPubMessage): void {
    const changes = cellsOf(message);
    if (changes.size) {
      this.become(changed(this.known, changes), { ...NO_CHANGE, cells: new Set(changes.keys()) });
      this.reruns.settle(changes);
    }
    const graph = graphOf(message);
    if (graph) {
      this.become(rewired(this.known, graph), { ...NO_CHANGE, graph: true });
    }
    const connection = connectionOf(message);
    if (connection) {
      this.become(connected(this.known, connection), { ...NO_CHANGE, connections: true });
    }
  }

  private become(model: Model, change: Change): void {
    this.known = model;
    if (change.mode || change.stream) {
      mark(this.panel.content.node, notebookAttributes(model));
    }
    const { cells } = change;
    this.markCells(cells === 'all' ? () => true : id => cells?.has(id) ?? false);
    this.changes.emit(change);
  }

  /** Something in the notebook changed: tell the kernel when the typing stops. */
  private edited(): void {
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => {
      this.typingStopped();
    }, this.settings().autoRunDelay);
  }

  private typingStopped(): void {
    const cell = this.panel.content.activeCell?.model.id;
    // Edit mode tells typing from changes by commands; a cell run by its user has left it.
    const typing = this.panel.content.mode === 'edit';
    const run = this.sync().filter(id => typing && id === cell);
    if (this.settings().autoRun && run.length) {
      this.send({ op: 'run', cells: run });
    }
  }

  /** Leaving a cell is no request to run it, but the kernel learns its text at once. */
  private leave(): void {
    window.clearTimeout(this.timer);
    this.sync();
  }

  /** Tell the kernel the document if it does not know it yet; answers which cells were edited. */
  private sync(): string[] {
    if (!this.comm || !this.known.mode) {
      return [];
    }
    const before = this.document;
    const document = this.sources();
    if (before && sameDocument(before, document)) {
      return [];
    }
    this.document = document;
    this.send({ op: 'sync', cells: document });
    return edited(before ?? document, document);
  }

  private sources(): CellSource[] {
    const models = [...(this.panel.content.model?.cells ?? [])].filter(isCodeCellModel);
    return models.map(model => {
      const mode = cellModeOf(model.metadata);
      return { id: model.id, source: model.sharedModel.getSource(), ...(mode && { mode }) };
    });
  }

  private mark(): void {
    mark(this.panel.content.node, notebookAttributes(this.known));
    this.markCells(() => true);
  }

  private markCells(which: (id: string) => boolean): void {
    for (const cell of this.codeCells()) {
      if (which(cell.model.id)) {
        this.markCell(cell);
      }
    }
  }

  private markCell(cell: Cell): void {
    const state = this.known.cells.get(cell.model.id);
    mark(cell.node, cellAttributes(state));
    const prompt = cell.node.querySelector('.jp-InputPrompt');
    if (prompt) {
      mark(prompt, { title: explanation(state) });
    }
  }

  private codeCells(): CodeCell[] {
    return this.panel.content.widgets.filter(cell => cell instanceof CodeCell);
  }

  private known: Model = EMPTY;
  private readonly changes = new Signal<this, Change>(this);
  private met: Kernel.IKernelConnection | null = null;
  private comm: Kernel.IComm | null = null;
  private asked = 0;
  private readonly questions = new Map<number, Asker>();
  private document: CellSource[] | null = null;
  private timer = 0;
  private readonly reruns = new Reruns(id => this.codeCells().find(cell => cell.model.id === id) ?? null);
}

/** Whoever waits for an answer. */
interface Asker {
  resolve(fields: Fields): void;
  reject(reason: Error): void;
}

/** Lab declares this signal's messages wider than they are. */
function isPublished(message: KernelMessage.IMessage): message is KernelMessage.IIOPubMessage {
  return message.channel === 'iopub';
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
