/** The open notebooks: one `ReactiveNotebook` for each panel. */

import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import { Signal } from '@lumino/signaling';

import { type IReactiveNotebooks, ReactiveNotebook } from './notebook';
import type { Settings } from './settings';

export class Notebooks implements IReactiveNotebooks {
  readonly currentChanged = new Signal<this, ReactiveNotebook | null>(this);
  readonly added = new Signal<this, ReactiveNotebook>(this);

  constructor(
    // Notebook 7's other pages have no tracker: there is nothing to do in them, and nothing to complain about.
    private readonly tracker: INotebookTracker | null,
    private readonly settings: () => Settings
  ) {
    tracker?.widgetAdded.connect((_, panel: NotebookPanel) => {
      void panel.context.ready.then(() => {
        this.add(panel);
      });
    });
    tracker?.currentChanged.connect(() => {
      this.currentChanged.emit(this.current);
    });
  }

  get current(): ReactiveNotebook | null {
    const panel = this.tracker?.currentWidget;
    return panel ? this.of(panel) : null;
  }

  of(panel: NotebookPanel): ReactiveNotebook | null {
    return this.notebooks.get(panel) ?? null;
  }

  private add(panel: NotebookPanel): void {
    if (panel.isDisposed) {
      return;
    }
    const notebook = new ReactiveNotebook(panel, this.settings);
    this.notebooks.set(panel, notebook);
    panel.disposed.connect(() => {
      this.notebooks.delete(panel);
    });
    notebook.start();
    this.added.emit(notebook);
    if (panel === this.tracker?.currentWidget) {
      this.currentChanged.emit(notebook);
    }
  }

  private readonly notebooks = new Map<NotebookPanel, ReactiveNotebook>();
}
