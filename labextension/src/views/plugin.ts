/** What people see of reactive notebooks, as plugins of JupyterLab and Notebook 7. */

import { ILayoutRestorer, type JupyterFrontEnd, type JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, IToolbarWidgetRegistry } from '@jupyterlab/apputils';
import { CodeCell, type Cell } from '@jupyterlab/cells';
import { INotebookTools, type NotebookPanel } from '@jupyterlab/notebook';
import { IStatusBar } from '@jupyterlab/statusbar';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import type { CommandRegistry } from '@lumino/commands';
import { Widget } from '@lumino/widgets';

import { IReactiveNotebooks, type ReactiveNotebook } from '../notebook';
import { addCommands } from './commands';
import { GraphPanel } from './graph/panel';
import { CELL_MODES, ModeButton, ModeTool } from './modes';
import * as names from './names';
import { SidePanel, type Tab } from './side';
import { States } from './states';
import { StatusItem } from './statusbar';
import { graphIcon, provideSymbols, sqlIcon, staleIcon } from './symbols';
import { Tip } from './tip';
import { NotebookButton, modeOffer, type Offer } from './toolbar';
import { VariablesPanel } from './variables';
import type { Trans } from './words';

const DOMAIN = 'jupyter_reactive';

const plugin: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-reactive:views',
  description: 'Shows the states, the graph and the variables of reactive notebooks.',
  autoStart: true,
  requires: [IReactiveNotebooks],
  optional: [
    ITranslator,
    ICommandPalette,
    IToolbarWidgetRegistry,
    IStatusBar,
    INotebookTools,
    ILayoutRestorer
  ],
  activate: (
    app: JupyterFrontEnd,
    notebooks: IReactiveNotebooks,
    translator: ITranslator | null,
    palette: ICommandPalette | null,
    toolbars: IToolbarWidgetRegistry | null,
    statusBar: IStatusBar | null,
    tools: INotebookTools | null,
    restorer: ILayoutRestorer | null
  ) => {
    const trans = (translator ?? nullTranslator).load(DOMAIN);
    const states = followStates(notebooks, trans);
    addCommands(app.commands, { notebooks, states, trans });
    addSide(app, notebooks, states, trans, restorer);
    addToolbars(toolbars, notebooks, app.commands, trans);
    addToPalette(palette, trans);
    tools?.addSection({
      sectionName: 'reactive',
      label: trans.__('Reactive'),
      tool: new ModeTool(notebooks, app.commands, trans),
      rank: 1
    });
    statusBar?.registerStatusItem('jupyter-reactive:status', {
      item: new StatusItem(notebooks, app.commands, trans),
      align: 'left',
      rank: 20
    });
  }
};

export default plugin;

type FindStates = (notebook: ReactiveNotebook) => States | null;

function followStates(notebooks: IReactiveNotebooks, trans: Trans): FindStates {
  const all = new WeakMap<ReactiveNotebook, States>();
  const tip = new Tip();
  provideSymbols();
  notebooks.added.connect((_, notebook) => {
    const states = new States(notebook, tip, trans);
    all.set(notebook, states);
    states.start();
  });
  return notebook => all.get(notebook) ?? null;
}

/** The panel is made when somebody first asks for it, or had it open. */
function addSide(
  app: JupyterFrontEnd,
  notebooks: IReactiveNotebooks,
  states: FindStates,
  trans: Trans,
  restorer: ILayoutRestorer | null
): void {
  const side = new SidePanel(
    new GraphPanel(notebooks, states, trans),
    new VariablesPanel(notebooks, trans),
    trans
  );
  app.shell.add(side, 'right', { rank: 700, type: 'Reactive' });
  restorer?.add(side, side.id);
  const add = (id: string, label: string, tab: Tab): void => {
    app.commands.addCommand(id, {
      label,
      icon: graphIcon,
      isVisible: () => notebooks.current?.model.reactive ?? false,
      execute: () => {
        side.open(tab);
        app.shell.activateById(side.id);
        // The side area gets its width before the next frame.
        requestAnimationFrame(() => {
          side.widen();
        });
      }
    });
  };
  add(names.SHOW_GRAPH, trans.__('Show Dependency Graph'), 'graph');
  add(names.SHOW_VARIABLES, trans.__('Show Variables'), 'variables');
}

function addToolbars(
  toolbars: IToolbarWidgetRegistry | null,
  notebooks: IReactiveNotebooks,
  commands: CommandRegistry,
  trans: Trans
): void {
  const button = (name: string, offer: (notebook: ReactiveNotebook) => Offer): void => {
    toolbars?.addFactory<NotebookPanel>('Notebook', name, panel => {
      return new NotebookButton(panel, notebooks, offer, ({ mode }) => mode);
    });
  };
  const ask = (id: string) => (): void => {
    void commands.execute(id);
  };
  button('reactive-mode', notebook => modeOffer(notebook, trans));
  button('reactive-run-stale', notebook => ({
    icon: staleIcon,
    tooltip: trans.__('Run every stale cell'),
    act: () => {
      notebook.runStale();
    }
  }));
  button('reactive-graph', () => ({
    icon: graphIcon,
    tooltip: trans.__('Show the dependency graph'),
    act: ask(names.SHOW_GRAPH)
  }));
  button('reactive-sql', () => ({
    icon: sqlIcon,
    tooltip: trans.__('Insert an SQL cell'),
    act: ask(names.INSERT_SQL)
  }));
  toolbars?.addFactory<Cell>('Cell', 'reactive-cell-mode', cell =>
    cell instanceof CodeCell ? new ModeButton(cell, notebooks, commands, trans) : nowhere()
  );
}

/** A toolbar asks for a widget even where there is nothing to show. */
function nowhere(): Widget {
  const widget = new Widget();
  widget.hide();
  return widget;
}

function addToPalette(palette: ICommandPalette | null, trans: Trans): void {
  const category = trans.__('Reactive');
  const commands = [
    names.RUN_STALE,
    names.TOGGLE_MODE,
    names.SHOW_GRAPH,
    names.SHOW_VARIABLES,
    names.EXPLAIN_CELL,
    names.GO_TO_CAUSE
  ];
  commands.forEach(command => palette?.addItem({ command, category }));
  CELL_MODES.forEach(mode =>
    palette?.addItem({
      command: names.SET_CELL_MODE,
      args: { mode },
      category
    })
  );
}
