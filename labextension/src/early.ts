/** Keeps what its user runs before there is a kernel: Lab would forget it. */

import { type Cell, isCodeCellModel } from '@jupyterlab/cells';
import { type Notebook, NotebookActions, type NotebookPanel } from '@jupyterlab/notebook';

interface Scheduled {
  readonly notebook: Notebook;
  readonly cell: Cell;
}

export class Early {
  constructor(private readonly panel: NotebookPanel) {}

  start(): void {
    NotebookActions.executionScheduled.connect(this.scheduled, this);
  }

  stop(): void {
    NotebookActions.executionScheduled.disconnect(this.scheduled, this);
    this.cells.clear();
  }

  /** There is a kernel now. */
  run(): void {
    const { content, sessionContext } = this.panel;
    const cells = content.widgets.filter(cell => this.cells.has(cell.model.id));
    this.cells.clear();
    if (cells.length) {
      void NotebookActions.runCells(content, cells, sessionContext);
    }
  }

  private scheduled(_: unknown, { notebook, cell }: Scheduled): void {
    if (notebook === this.panel.content && !this.panel.sessionContext.session?.kernel) {
      this.cells.add(cell.model.id);
      // Lab empties the cell right after this, and has it wait for nothing.
      queueMicrotask(() => {
        if (this.cells.has(cell.model.id) && isCodeCellModel(cell.model)) {
          cell.model.executionState = 'running';
        }
      });
    }
  }

  private readonly cells = new Set<string>();
}
