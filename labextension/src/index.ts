/** The plugins of JupyterLab and Notebook 7. */

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { INotebookTracker } from '@jupyterlab/notebook';
import { ISettingRegistry } from '@jupyterlab/settingregistry';

import { IReactiveNotebooks } from './notebook';
import { Notebooks } from './notebooks';
import { readSettings } from './settings';
import sql from './sql/plugin';
import views from './views/plugin';

const plugin: JupyterFrontEndPlugin<IReactiveNotebooks> = {
  id: 'jupyter-reactive:plugin',
  description: 'Keeps notebooks on a reactive kernel in step with it.',
  autoStart: true,
  provides: IReactiveNotebooks,
  optional: [INotebookTracker, ISettingRegistry],
  activate: (_: JupyterFrontEnd, tracker: INotebookTracker | null, registry: ISettingRegistry | null) =>
    new Notebooks(tracker, readSettings(registry, plugin.id))
};

export default [plugin, ...sql, views];
