/** When one cell runs: by itself, only when asked, or never. Kept with the cell, under `reactive.mode`. */

import { CodeCell } from '@jupyterlab/cells';
import { NotebookTools } from '@jupyterlab/notebook';
import { ReactWidget, ToolbarButtonComponent } from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';
import { Signal } from '@lumino/signaling';
import { Menu } from '@lumino/widgets';
import { createElement, type ReactElement } from 'react';

import type { Change } from '../model';
import type { IReactiveNotebooks, ReactiveNotebook } from '../notebook';
import { cellModeOf, type CellMode } from '../protocol';
import { SET_CELL_MODE } from './names';
import { modeIcons } from './symbols';
import type { Trans } from './words';

export const CELL_MODES: readonly CellMode[] = ['auto', 'manual', 'off'];

const KEY = 'reactive';

export function modeLabel(mode: CellMode, trans: Trans): string {
  switch (mode) {
    case 'auto':
      return trans.__('Auto: Run by Itself');
    case 'manual':
      return trans.__('Manual: Run Only When Asked');
    case 'off':
      return trans.__('Off: Never Run');
  }
}

export function modeOf(cell: CodeCell): CellMode | null {
  return cellModeOf({ [KEY]: cell.model.getMetadata(KEY) as unknown });
}

export function setMode(cell: CodeCell, mode: CellMode): void {
  const kept = cell.model.getMetadata(KEY) as Record<string, unknown> | undefined;
  cell.model.setMetadata(KEY, { ...kept, mode });
}

/** The button in a cell's toolbar: its mode, and a menu of the others. */
export class ModeButton extends ReactWidget {
  constructor(
    private readonly cell: CodeCell,
    private readonly notebooks: IReactiveNotebooks,
    private readonly commands: CommandRegistry,
    private readonly trans: Trans
  ) {
    super();
    this.addClass('jp-ToolbarButton');
    this.addClass('jp-reactive-ModeButton');
    cell.model.metadataChanged.connect(this.update, this);
    notebooks.currentChanged.connect(this.update, this);
  }

  override dispose(): void {
    Signal.disconnectReceiver(this);
    super.dispose();
  }

  protected override render(): ReactElement | null {
    if (!this.notebooks.current?.model.reactive) {
      return null;
    }
    const mode = modeOf(this.cell) ?? 'auto';
    return createElement(ToolbarButtonComponent, {
      icon: modeIcons[mode],
      tooltip: this.trans.__('%1 (click to change)', modeLabel(mode, this.trans)),
      onClick: () => {
        this.choose();
      }
    });
  }

  private choose(): void {
    const menu = new Menu({ commands: this.commands });
    for (const mode of CELL_MODES) {
      menu.addItem({
        command: SET_CELL_MODE,
        args: { mode, cell: this.cell.model.id }
      });
    }
    const { left, bottom } = this.node.getBoundingClientRect();
    menu.aboutToClose.connect(() => {
      // The command of the chosen item is still to come.
      window.setTimeout(() => {
        menu.dispose();
      });
    });
    menu.open(left, bottom);
  }
}

/** The choice in the property inspector, in a section of its own that only reactive notebooks show. */
export class ModeTool extends NotebookTools.Tool {
  constructor(
    private readonly notebooks: IReactiveNotebooks,
    private readonly commands: CommandRegistry,
    trans: Trans
  ) {
    super();
    this.addClass('jp-reactive-ModeTool');
    const label = document.createElement('label');
    label.append(trans.__('When this cell runs'), this.select);
    this.select.className = 'jp-mod-styled';
    for (const mode of CELL_MODES) {
      this.select.add(new Option(modeLabel(mode, trans), mode));
    }
    this.select.addEventListener('change', () => {
      void this.commands.execute(SET_CELL_MODE, { mode: this.select.value });
    });
    this.node.append(label);
    notebooks.currentChanged.connect(this.follow, this);
    this.follow();
  }

  override dispose(): void {
    Signal.disconnectReceiver(this);
    super.dispose();
  }

  protected override onActiveCellChanged(): void {
    this.refresh();
  }

  protected override onActiveCellMetadataChanged(): void {
    this.refresh();
  }

  protected override onAfterAttach(): void {
    this.refresh();
  }

  private follow(): void {
    this.notebook?.changed.disconnect(this.heard, this);
    this.notebook = this.notebooks.current;
    this.notebook?.changed.connect(this.heard, this);
    this.refresh();
  }

  private heard(_: unknown, { mode }: Change): void {
    if (mode) {
      this.refresh();
    }
  }

  private refresh(): void {
    const cell = this.notebook?.panel.content.activeCell;
    const shown = this.notebook?.model.reactive === true && cell instanceof CodeCell;
    // The section with its title is what Lab puts around a tool.
    this.parent?.parent?.setHidden(!shown);
    if (shown) {
      this.select.value = modeOf(cell) ?? 'auto';
    }
  }

  private notebook: ReactiveNotebook | null = null;
  private readonly select = document.createElement('select');
}
