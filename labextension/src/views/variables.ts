/** The variables of the current notebook: what they are, who writes them and who reads them. */

import { Signal } from '@lumino/signaling';
import { Widget } from '@lumino/widgets';

import type { Change } from '../model';
import type { IReactiveNotebooks, ReactiveNotebook } from '../notebook';
import { Frame } from './frames';
import { bytes, variablesOf, type Variable } from './variable';
import type { Trans } from './words';

export class VariablesPanel extends Widget {
  constructor(
    private readonly notebooks: IReactiveNotebooks,
    private readonly trans: Trans
  ) {
    super();
    this.addClass('jp-reactive-Variables');
    this.nothing.className = 'jp-reactive-Nothing';
    this.nothing.setAttribute('role', 'status');
    this.search.type = 'search';
    this.search.className = 'jp-mod-styled jp-reactive-Variables-search';
    this.search.placeholder = trans.__('Filter names and types');
    this.search.setAttribute('aria-label', this.search.placeholder);
    this.search.addEventListener('input', () => {
      this.draw();
    });
    this.table.className = 'jp-reactive-Variables-table';
    this.table.append(this.head(), this.body);
    this.node.append(this.search, this.table, this.nothing);
    notebooks.currentChanged.connect(this.follow, this);
    this.draw();
    this.follow();
  }

  override dispose(): void {
    this.frame.cancel();
    Signal.disconnectReceiver(this);
    super.dispose();
  }

  protected override onAfterShow(): void {
    this.frame.request();
  }

  private follow(): void {
    this.notebook?.changed.disconnect(this.heard, this);
    this.notebook = this.notebooks.current;
    this.notebook?.changed.connect(this.heard, this);
    this.known = [];
    this.frame.request();
  }

  private heard(_: unknown, { cells, mode }: Change): void {
    if (cells || mode) {
      this.frame.request();
    }
  }

  /** Ask once it is worth it: while somebody looks, and not in the middle of a cascade. */
  private async refresh(): Promise<void> {
    const { notebook } = this;
    if (!this.isVisible) {
      return;
    }
    if (!notebook?.model.reactive) {
      this.known = [];
      this.draw();
      return;
    }
    if (this.asking || [...notebook.model.cells.values()].some(({ activity }) => activity !== 'idle')) {
      return;
    }
    this.asking = true;
    try {
      this.known = variablesOf(await notebook.ask({ op: 'variables' }));
      this.trouble = '';
    } catch (reason) {
      this.trouble = reason instanceof Error ? reason.message : '';
    }
    this.asking = false;
    if (notebook === this.notebook && !this.isDisposed) {
      this.draw();
    }
  }

  private draw(): void {
    const wanted = this.search.value.toLowerCase();
    const shown = this.known
      .filter(({ name, type }) => `${name} ${type}`.toLowerCase().includes(wanted))
      .sort((one, other) => this.order * compared(one, other, this.column));
    this.body.replaceChildren(...shown.map(variable => this.row(variable)));
    this.table.hidden = this.search.hidden = !this.known.length;
    this.nothing.hidden = shown.length > 0;
    this.nothing.textContent =
      this.trouble ||
      (this.known.length ? this.trans.__('Nothing fits.') : this.trans.__('There are no variables yet.'));
  }

  private head(): HTMLTableSectionElement {
    const { trans } = this;
    const head = document.createElement('thead');
    const row = head.insertRow();
    const columns: [Column | null, string][] = [
      ['name', trans.__('Name')],
      ['type', trans.__('Type')],
      [null, trans.__('Shape')],
      ['size', trans.__('Size')],
      [null, trans.__('Written by')],
      [null, trans.__('Read by')]
    ];
    for (const [column, title] of columns) {
      const cell = document.createElement('th');
      cell.scope = 'col';
      cell.append(column ? this.sorter(column, title, cell) : title);
      row.append(cell);
    }
    return head;
  }

  private sorter(column: Column, title: string, cell: HTMLElement): HTMLElement {
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = title;
    button.addEventListener('click', () => {
      this.order = this.column === column ? -this.order : 1;
      this.column = column;
      cell.parentElement?.querySelectorAll('th').forEach(other => {
        other.removeAttribute('aria-sort');
      });
      cell.setAttribute('aria-sort', this.order > 0 ? 'ascending' : 'descending');
      this.draw();
    });
    return button;
  }

  private row(variable: Variable): HTMLTableRowElement {
    const row = document.createElement('tr');
    const name = document.createElement('th');
    name.scope = 'row';
    name.textContent = variable.name;
    name.title = variable.summary;
    const size = variable.size === null ? '' : bytes(variable.size);
    row.append(name, entry(variable.type, variable.summary), entry(variable.shape), entry(size));
    row.append(this.cells(variable.cell === null ? [] : [variable.cell]), this.cells(variable.readers));
    return row;
  }

  /** Places of cells, to jump to. */
  private cells(ids: readonly string[]): HTMLTableCellElement {
    const entry = document.createElement('td');
    const places = this.places();
    for (const id of ids) {
      const place = places.get(id);
      if (place !== undefined) {
        const button = document.createElement('button');
        button.type = 'button';
        button.className = 'jp-reactive-Jump';
        button.textContent = `${place}`;
        button.setAttribute('aria-label', this.trans.__('Go to cell %1', place));
        button.addEventListener('click', () => void this.notebook?.reveal(id));
        entry.append(button);
      }
    }
    return entry;
  }

  private places(): Map<string, number> {
    const cells = [...(this.notebook?.panel.content.model?.cells ?? [])].filter(cell => cell.type === 'code');
    return new Map(cells.map((cell, index) => [cell.id, index + 1]));
  }

  private notebook: ReactiveNotebook | null = null;
  private known: Variable[] = [];
  private trouble = '';
  private asking = false;
  private column: Column = 'name';
  private order = 1;
  private readonly search = document.createElement('input');
  private readonly table = document.createElement('table');
  private readonly body = document.createElement('tbody');
  private readonly nothing = document.createElement('div');
  private readonly frame = new Frame(() => void this.refresh());
}

type Column = 'name' | 'type' | 'size';

function compared(one: Variable, other: Variable, column: Column): number {
  return column === 'size'
    ? (one.size ?? 0) - (other.size ?? 0)
    : one[column].localeCompare(other[column], undefined, { numeric: true });
}

function entry(text: string, title = ''): HTMLTableCellElement {
  const cell = document.createElement('td');
  cell.textContent = text;
  cell.title = title || text;
  return cell;
}
