/** One notebook panel and its reactive kernel: what they tell each other while both are there. */

import { type Cell, CodeCell, isCodeCellModel } from '@jupyterlab/cells';
import type { NotebookPanel } from '@jupyterlab/notebook';
import type { Kernel, KernelMessage } from '@jupyterlab/services';
import { Signal } from '@lumino/signaling';

import {
  EMPTY,
  cellAttributes,
  changed,
  edited,
  explanation,
  notebookAttributes,
  ready,
  sameDocument,
  type Attributes,
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
  type CellChanges,
  type CellSource,
  type Request
} from './protocol';

export interface Settings {
  readonly autoRun: boolean;
  readonly autoRunDelay: number;
}

export class ReactivePanel {
  constructor(
    private readonly panel: NotebookPanel,
    private readonly settings: () => Settings
  ) {}

  start(): void {
    const { content, sessionContext } = this.panel;
    sessionContext.statusChanged.connect(this.meet, this);
    sessionContext.kernelChanged.connect(this.meet, this);
    sessionContext.iopubMessage.connect(this.hear, this);
    content.modelContentChanged.connect(this.changed, this);
    content.activeCellChanged.connect(this.leave, this);
    content.model?.cells.changed.connect(this.show, this);
    this.panel.disposed.connect(this.stop, this);
    this.meet();
  }

  private stop(): void {
    window.clearTimeout(this.timer);
    Signal.clearData(this);
  }

  /** Open the comm to a reactive kernel that has none from here: a new, another or a restarted one. */
  private meet(): void {
    const kernel = this.panel.sessionContext.session?.kernel;
    if (kernel?.name !== KERNEL) {
      this.forget();
    } else if (kernel !== this.kernel || !this.comm || this.comm.isDisposed) {
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
    this.kernel = kernel;
    this.comm = comm;
  }

  private forget(): void {
    if (this.comm) {
      this.kernel = null;
      this.comm = null;
      this.document = null;
      this.model = EMPTY;
      this.show();
    }
  }

  private answered(data: unknown): void {
    const answer = answerOf(data);
    if (answer?.op === 'ready') {
      this.model = ready(answer.mode, answer.cells);
      this.show();
      this.sync();
    } else if (answer?.op === 'error') {
      console.warn(`jupyter-reactive: ${answer.message}`);
    }
  }

  private hear(_: unknown, message: KernelMessage.IMessage): void {
    if (!this.comm || !isPublished(message)) {
      return;
    }
    const changes = cellsOf(message);
    this.model = changed(this.model, changes);
    this.showCells(changes);
    this.reruns.hear(message);
    this.reruns.settle(changes);
  }

  /** Something in the notebook changed: tell the kernel when the typing stops. */
  private changed(): void {
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
    if (!this.comm || !this.model.mode) {
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

  private send(request: Request): void {
    if (this.comm && !this.comm.isDisposed) {
      this.comm.send(request);
    }
  }

  private sources(): CellSource[] {
    const models = [...(this.panel.content.model?.cells ?? [])].filter(isCodeCellModel);
    return models.map(model => {
      const mode = cellModeOf(model.metadata);
      return { id: model.id, source: model.sharedModel.getSource(), ...(mode && { mode }) };
    });
  }

  private show(): void {
    mark(this.panel.content.node, notebookAttributes(this.model));
    this.codeCells().forEach(cell => {
      this.showCell(cell);
    });
  }

  private showCells(changes: CellChanges): void {
    if (changes.size) {
      this.codeCells()
        .filter(cell => changes.has(cell.model.id))
        .forEach(cell => {
          this.showCell(cell);
        });
    }
  }

  private showCell(cell: Cell): void {
    const state = this.model.cells.get(cell.model.id);
    mark(cell.node, cellAttributes(state));
    const prompt = cell.node.querySelector('.jp-InputPrompt');
    if (prompt) {
      mark(prompt, { title: explanation(state) });
    }
  }

  private codeCells(): CodeCell[] {
    return this.panel.content.widgets.filter(cell => cell instanceof CodeCell);
  }

  private kernel: Kernel.IKernelConnection | null = null;
  private comm: Kernel.IComm | null = null;
  private model: Model = EMPTY;
  private document: CellSource[] | null = null;
  private timer = 0;
  private readonly reruns = new Reruns(id => this.codeCells().find(cell => cell.model.id === id) ?? null);
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
