/** The plugins of JupyterLab and Notebook 7. */

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { INotebookTracker, type NotebookPanel } from '@jupyterlab/notebook';
import { ISettingRegistry } from '@jupyterlab/settingregistry';

import { ReactivePanel } from './panel';
import { readSettings } from './settings';

const plugin: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-reactive:plugin',
  description: 'Keeps notebooks on a reactive kernel in step with it.',
  autoStart: true,
  // Notebook 7's other pages have no tracker: there is nothing to do in them, and nothing to complain about.
  optional: [INotebookTracker, ISettingRegistry],
  activate: (_: JupyterFrontEnd, tracker: INotebookTracker | null, registry: ISettingRegistry | null) => {
    const settings = readSettings(registry, plugin.id);
    tracker?.widgetAdded.connect((_, panel: NotebookPanel) => {
      void panel.context.ready.then(() => {
        if (!panel.isDisposed) {
          new ReactivePanel(panel, settings).start();
        }
      });
    });
  }
};

export default [plugin];
