/** SQL in JupyterLab and Notebook 7: highlighting, completion, connections, and results as grids. */

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, IThemeManager } from '@jupyterlab/apputils';
import { ICompletionProviderManager } from '@jupyterlab/completer';
import { INotebookTracker, NotebookActions, type NotebookPanel } from '@jupyterlab/notebook';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { ITranslator, nullTranslator, type TranslationBundle } from '@jupyterlab/translation';

import { IReactiveNotebooks } from '../notebook';
import { CONNECT, INSERT_SQL } from '../views/names';
import { MIME } from './bundle';
import { SqlCompletion } from './completion';
import { ConnectDialog } from './connect';
import { highlight } from './highlight';
import { RenderedResult } from './result';

const BEGINNING = '%%sql\nselect ';
// Before HTML and text, which stand in the same output for those without a grid.
const RANK = 10;

const sql: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-reactive:sql',
  description: 'SQL cells: highlighting, completion, connections, and results as grids.',
  autoStart: true,
  requires: [IReactiveNotebooks],
  optional: [INotebookTracker, ICompletionProviderManager, ICommandPalette, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    notebooks: IReactiveNotebooks,
    tracker: INotebookTracker | null,
    completion: ICompletionProviderManager | null,
    palette: ICommandPalette | null,
    translator: ITranslator | null
  ) => {
    const trans = (translator ?? nullTranslator).load('jupyter_reactive');
    tracker?.forEach(highlight);
    tracker?.widgetAdded.connect((_, panel: NotebookPanel) => {
      highlight(panel);
    });
    const provider = new SqlCompletion();
    completion?.registerProvider(provider);
    tracker?.activeCellChanged.connect((_, cell) => {
      if (tracker.currentWidget && cell) {
        provider.warm(tracker.currentWidget, cell.model.sharedModel.getSource());
      }
    });
    addCommands(app, notebooks, tracker, trans);
    for (const command of [CONNECT, INSERT_SQL]) {
      palette?.addItem({ command, category: trans.__('Reactive') });
    }
  }
};

const results: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-reactive:results',
  description: 'Shows the results of SQL cells as grids.',
  autoStart: true,
  requires: [IRenderMimeRegistry],
  optional: [INotebookTracker, IThemeManager, ITranslator],
  activate: (
    _: JupyterFrontEnd,
    registry: IRenderMimeRegistry,
    tracker: INotebookTracker | null,
    themes: IThemeManager | null,
    translator: ITranslator | null
  ) => {
    const trans = (translator ?? nullTranslator).load('jupyter_reactive');
    const panelOf = (node: Node): NotebookPanel | null =>
      tracker?.find(panel => panel.node.contains(node)) ?? null;
    registry.addFactory(
      {
        safe: true,
        mimeTypes: [MIME],
        createRenderer: () => new RenderedResult({ trans, themes, panelOf })
      },
      RANK
    );
  }
};

function addCommands(
  app: JupyterFrontEnd,
  notebooks: IReactiveNotebooks,
  tracker: INotebookTracker | null,
  trans: TranslationBundle
): void {
  app.commands.addCommand(CONNECT, {
    label: trans.__('Connect to a Database…'),
    caption: trans.__('Open a connection for SQL cells, or see which there are'),
    isEnabled: () => !!notebooks.current?.model.reactive,
    execute: async () => {
      const { current } = notebooks;
      if (current) {
        await new ConnectDialog(current, trans).launch();
      }
    }
  });
  app.commands.addCommand(INSERT_SQL, {
    label: trans.__('Insert SQL Cell'),
    caption: trans.__('Insert an SQL cell below'),
    isEnabled: () => !!tracker?.currentWidget,
    execute: () => {
      const content = tracker?.currentWidget?.content;
      if (!content) {
        return;
      }
      NotebookActions.insertBelow(content);
      NotebookActions.changeCellType(content, 'code');
      const cell = content.activeCell;
      cell?.model.sharedModel.setSource(BEGINNING);
      content.mode = 'edit';
      void cell?.ready.then(() => {
        const { editor } = cell;
        editor?.setCursorPosition(editor.getPositionAt(BEGINNING.length) ?? { line: 1, column: 7 });
        editor?.focus();
      });
    }
  });
}

export default [sql, results];
