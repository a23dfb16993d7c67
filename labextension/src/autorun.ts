/** Runs a cell when its typing stops, unless its user left it first or it should not run unasked. */

import type { NotebookPanel } from '@jupyterlab/notebook';

import type { Document } from './document';
import { cellModeOf, mayRunUnasked, type Fields, type Question } from './protocol';
import type { Settings } from './settings';

export interface Kernel {
  /** Whether cells run by themselves at all. */
  readonly cascades: () => boolean;
  readonly ask: (question: Question) => Promise<Fields>;
  readonly run: (cell: string) => void;
}

export class AutoRun {
  constructor(
    private readonly panel: NotebookPanel,
    private readonly document: Document,
    private readonly kernel: Kernel,
    private readonly settings: () => Settings
  ) {}

  start(): void {
    const { content, context } = this.panel;
    this.document.edited.connect(this.edited, this);
    context.saveState.connect(this.saved, this);
    content.activeCellChanged.connect(this.left, this);
    content.node.addEventListener('focusout', this.unfocused);
  }

  stop(): void {
    window.clearTimeout(this.timer);
    this.panel.context.saveState.disconnect(this.saved, this);
    this.panel.content.node.removeEventListener('focusout', this.unfocused);
  }

  /** Somebody runs it by hand, or something else makes the run needless. */
  cancel(cell: string): void {
    if (this.waiting === cell) {
      this.end();
    }
  }

  private edited(_: unknown, cell: string): void {
    if (!this.typing(cell)) {
      // Undo from elsewhere, another tab, a program: nobody waits for it in this cell.
      return;
    }
    this.waiting = cell;
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => {
      void this.rested(cell);
    }, this.settings().autoRunDelay);
  }

  private typing(cell: string): boolean {
    const { activeCell } = this.panel.content;
    return activeCell?.model.id === cell && activeCell.node.contains(document.activeElement);
  }

  private async rested(cell: string): Promise<void> {
    const { activeCell } = this.panel.content;
    if (this.waiting !== cell || activeCell?.model.id !== cell) {
      return;
    }
    this.waiting = null;
    const { sharedModel } = activeCell.model;
    const source = sharedModel.getSource();
    this.document.flush();
    const told = cellModeOf(sharedModel.getMetadata()) === 'auto';
    if (!this.settings().autoRun || !this.kernel.cascades() || (runsShell(source) && !told)) {
      return;
    }
    const asked = ++this.asked;
    const answer = await this.kernel.ask({ op: 'edit', id: cell, source }).catch(() => null);
    // Whatever happened to the cell meanwhile is newer than this.
    if (answer && mayRunUnasked(answer) && asked === this.asked && sharedModel.getSource() === source) {
      this.kernel.run(cell);
    }
  }

  private readonly unfocused = (): void => {
    // Where the focus goes is known after this event; it stays when only the window loses it.
    window.setTimeout(() => {
      if (this.waiting !== null && !this.typing(this.waiting)) {
        this.left();
      }
    });
  };

  /** Leaving a cell is no request to run it, but the kernel learns its text, and so does the disk. */
  private left(): void {
    const before = this.waiting;
    this.end();
    this.document.flush();
    if (before !== null) {
      this.save();
    }
  }

  /** One save at a time: Lab takes what another one has just written for somebody else's change. */
  private save(): void {
    const { context } = this.panel;
    this.due = this.saving;
    if (this.saving || !context.model.dirty || context.model.readOnly) {
      return;
    }
    this.saving = true;
    context.save().catch((reason: unknown) => {
      this.saving = false;
      console.warn('jupyter-reactive: the notebook could not be saved', reason);
    });
  }

  private saved(_: unknown, state: string): void {
    this.saving = state === 'started';
    if (!this.saving && this.due) {
      this.save();
    }
  }

  private end(): void {
    window.clearTimeout(this.timer);
    this.waiting = null;
    this.asked += 1;
  }

  private waiting: string | null = null;
  // Is the notebook being saved, by whomever, and is there something to save after that?
  private saving = false;
  private due = false;
  private timer = 0;
  private asked = 0;
}

const SHELL = /^\s*(?:[^\W\d]\w*\s*=\s*)?(?:!|%(?:sx|system)\b)/m;
const SHELL_CELL = /^\s*%%(?:!|bash|cmd|perl|pypy|python[23]?|ruby|script|sh|sx|system)(?:\s|$)/;

/** Whether a cell gives commands to other programs, whose effects nobody takes back. */
export function runsShell(source: string): boolean {
  return SHELL_CELL.test(source) || SHELL.test(source);
}
