/** Keeps what its user runs while there is no kernel, or none that can be reached: Lab would forget it. */

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
    this.held.clear();
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

  /** The kernel can be reached: Lab sends it what it has held back. */
  reached(): void {
    this.held.clear();
  }

  /** The kernel is gone, and what Lab has held back with it: it was for whatever kernel would be there. */
  lost(): void {
    if (this.held.size) {
      this.held.forEach(id => this.cells.add(id));
      this.held.clear();
      // Whoever runs a cell without a kernel gets one from Lab, too.
      void this.panel.sessionContext.startKernel();
    }
  }

  private scheduled(_: unknown, { notebook, cell }: Scheduled): void {
    if (notebook !== this.panel.content) {
      return;
    }
    const kernel = this.panel.sessionContext.session?.kernel;
    if (!kernel) {
      this.cells.add(cell.model.id);
      // Lab empties the cell right after this, and has it wait for nothing.
      queueMicrotask(() => {
        if (this.cells.has(cell.model.id) && isCodeCellModel(cell.model)) {
          cell.model.executionState = 'running';
        }
      });
    } else if (kernel.connectionStatus !== 'connected') {
      this.held.add(cell.model.id);
    }
  }

  private readonly cells = new Set<string>();
  private readonly held = new Set<string>();
}
