/** What people can ask for by menu, palette and keyboard. */

import { CodeCell } from '@jupyterlab/cells';
import type { CommandRegistry } from '@lumino/commands';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import type { IReactiveNotebooks, ReactiveNotebook } from '../notebook';
import type { CellMode } from '../protocol';
import { CELL_MODES, modeLabel, modeOf, setMode } from './modes';
import { EXPLAIN_CELL, GO_TO_CAUSE, RUN_STALE, SET_CELL_MODE, TOGGLE_MODE } from './names';
import type { States } from './states';
import { autoIcon, lazyIcon, modeIcons, staleIcon } from './symbols';
import type { Trans } from './words';

interface Around {
  readonly notebooks: IReactiveNotebooks;
  readonly states: (notebook: ReactiveNotebook) => States | null;
  readonly trans: Trans;
}

export function addCommands(commands: CommandRegistry, around: Around): void {
  addNotebookCommands(commands, around);
  addCellCommands(commands, around);
  around.notebooks.currentChanged.connect(() => {
    commands.notifyCommandChanged();
  });
  const follow = (_: unknown, notebook: ReactiveNotebook): void => {
    notebook.changed.connect((_, { mode }) => {
      if (mode) {
        commands.notifyCommandChanged();
      }
    });
  };
  around.notebooks.added.connect(follow);
}

function addNotebookCommands(commands: CommandRegistry, { notebooks, trans }: Around): void {
  const current = (): ReactiveNotebook | null => reactive(notebooks);
  commands.addCommand(RUN_STALE, {
    label: trans.__('Run Stale Cells'),
    caption: trans.__('Run every cell that does not show what a run from top to bottom would show'),
    icon: staleIcon,
    isEnabled: () => current() !== null,
    isVisible: () => current() !== null,
    execute: () => {
      current()?.runStale();
    }
  });
  commands.addCommand(TOGGLE_MODE, {
    label: () =>
      current()?.model.mode === 'lazy'
        ? trans.__('Run Dependent Cells by Themselves')
        : trans.__('Let Dependent Cells Wait'),
    caption: trans.__('Whether cells that depend on a change run by themselves or wait until they are run'),
    icon: () => (current()?.model.mode === 'lazy' ? autoIcon : lazyIcon),
    isEnabled: () => current() !== null,
    isVisible: () => current() !== null,
    execute: () => {
      current()?.toggleMode();
    }
  });
}

function addCellCommands(commands: CommandRegistry, { notebooks, states, trans }: Around): void {
  const enabled = (): boolean => activeCell(notebooks) !== null;
  const asked = (act: (states: States, id: string) => unknown): void => {
    const notebook = reactive(notebooks);
    const [cell, view] = [activeCell(notebooks), notebook && states(notebook)];
    if (cell && view) {
      act(view, cell.model.id);
    }
  };
  commands.addCommand(SET_CELL_MODE, {
    label: args => {
      const mode = modeIn(args);
      return mode ? modeLabel(mode, trans) : trans.__('Change When the Cell Runs');
    },
    caption: trans.__('Whether the selected cells run by themselves, only when asked, or never'),
    icon: args => {
      const mode = modeIn(args);
      return mode ? modeIcons[mode] : undefined;
    },
    isEnabled: enabled,
    isVisible: () => reactive(notebooks) !== null,
    isToggleable: true,
    isToggled: args => {
      const cell = chosen(notebooks, args)[0];
      return cell !== undefined && (modeOf(cell) ?? 'auto') === modeIn(args);
    },
    execute: args => {
      changeModes(chosen(notebooks, args), modeIn(args));
    }
  });
  commands.addCommand(EXPLAIN_CELL, {
    label: trans.__('Explain the State of the Cell'),
    isEnabled: enabled,
    isVisible: () => reactive(notebooks) !== null,
    execute: () => {
      asked((view, id) => {
        view.ask(id);
      });
    }
  });
  commands.addCommand(GO_TO_CAUSE, {
    label: trans.__('Go to the Cell That Is the Cause'),
    isEnabled: enabled,
    isVisible: () => reactive(notebooks) !== null,
    execute: () => {
      asked((view, id) => view.goToCause(id));
    }
  });
}

/** Without a mode to set, each press takes the next one. */
function changeModes(cells: readonly CodeCell[], mode: CellMode | null): void {
  for (const cell of cells) {
    const next = CELL_MODES[(CELL_MODES.indexOf(modeOf(cell) ?? 'auto') + 1) % CELL_MODES.length];
    setMode(cell, mode ?? next ?? 'auto');
  }
}

/** The cell that the arguments name, or those that are selected. */
function chosen(notebooks: IReactiveNotebooks, args: ReadonlyPartialJSONObject): CodeCell[] {
  const content = reactive(notebooks)?.panel.content;
  const cells = (content?.widgets ?? []).filter(cell => cell instanceof CodeCell);
  return typeof args.cell === 'string'
    ? cells.filter(cell => cell.model.id === args.cell)
    : cells.filter(cell => content?.isSelectedOrActive(cell));
}

function modeIn({ mode }: ReadonlyPartialJSONObject): CellMode | null {
  return CELL_MODES.find(word => word === mode) ?? null;
}

function activeCell(notebooks: IReactiveNotebooks): CodeCell | null {
  const cell = reactive(notebooks)?.panel.content.activeCell;
  return cell instanceof CodeCell ? cell : null;
}

function reactive(notebooks: IReactiveNotebooks): ReactiveNotebook | null {
  const { current } = notebooks;
  return current?.model.reactive ? current : null;
}
