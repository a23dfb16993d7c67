/** The grid of a result: Lumino's, in the colours of the theme, with rows that come as they are looked at. */

import {
  BasicKeyHandler,
  BasicMouseHandler,
  BasicSelectionModel,
  DataGrid,
  DataModel,
  TextRenderer,
  type CellRenderer
} from '@lumino/datagrid';

import type { Result } from './bundle';
import type { Arrived, Rows } from './rows';

export const ROW_HEIGHT = 24;
const NARROW = 56;
const WIDE = 320;
const LETTER = 7.2;

export class ResultModel extends DataModel {
  constructor(
    public result: Result,
    readonly rows: Rows
  ) {
    super();
    rows.arrived.connect(this.changedRows, this);
  }

  rowCount(region: DataModel.RowRegion): number {
    return region === 'body' ? this.rows.count : 2;
  }

  columnCount(region: DataModel.ColumnRegion): number {
    return region === 'body' ? this.result.columns.length : 1;
  }

  data(region: DataModel.CellRegion, row: number, column: number): unknown {
    if (region === 'body') {
      return this.rows.at(row, column);
    }
    if (region === 'column-header') {
      const head = this.result.columns[column];
      return row === 0 ? `${head?.name ?? ''}${this.arrow(head?.name)}` : head?.type;
    }
    return region === 'row-header' ? row + 1 : '';
  }

  private arrow(name: string | undefined): string {
    const { sort } = this.rows;
    return sort?.column !== name || !sort ? '' : sort.descending ? ' ▼' : ' ▲';
  }

  private changedRows(_: Rows, arrived: Arrived): void {
    if (arrived === 'all') {
      this.emitChanged({ type: 'model-reset' });
    } else {
      const { start, count } = arrived;
      const columnSpan = this.result.columns.length;
      this.emitChanged({
        type: 'cells-changed',
        region: 'body',
        row: start,
        column: 0,
        rowSpan: count,
        columnSpan
      });
    }
  }
}

export function gridOf(model: ResultModel, sorted: (column: number) => void, left: () => void): DataGrid {
  const grid = new DataGrid({
    defaultSizes: {
      rowHeight: ROW_HEIGHT,
      columnWidth: 120,
      rowHeaderWidth: 24 + LETTER * String(model.result.rows).length,
      columnHeaderHeight: 20
    },
    headerVisibility: 'all',
    stretchLastColumn: false
  });
  grid.dataModel = model;
  grid.selectionModel = new BasicSelectionModel({ dataModel: model });
  grid.keyHandler = new Keys(sorted, left);
  grid.mouseHandler = new Mouse(sorted);
  grid.copyConfig = {
    separator: '\t',
    headers: 'none',
    warningThreshold: 1e6,
    format: ({ value }) => (typeof value === 'string' ? value : '')
  };
  fit(grid, model.result);
  return grid;
}

/** Wide enough for what the first rows hold, as far as that is sensible. */
export function fit(grid: DataGrid, result: Result): void {
  result.columns.forEach(({ name, type }, place) => {
    const texts = result.first[place] ?? [];
    // What comes later is often longer: numbers in names grow.
    const longest = Math.max(name.length + 2, type.length, ...texts.map(text => 1.1 * (text?.length ?? 4)));
    grid.resizeColumn('body', place, Math.min(WIDE, Math.max(NARROW, 20 + LETTER * longest)));
  });
}

/** Have the grid look as the theme does. */
export function dress(grid: DataGrid, model: ResultModel): void {
  const colour = coloursOf(grid.node);
  const font = `13px ${colour('--jp-ui-font-family', 'sans-serif')}`;
  const quiet = colour('--jp-ui-font-color2', '#666');
  const text = colour('--jp-ui-font-color1', '#111');
  grid.style = {
    ...DataGrid.defaultStyle,
    voidColor: colour('--jp-layout-color1', 'white'),
    backgroundColor: colour('--jp-layout-color1', 'white'),
    gridLineColor: colour('--jp-border-color3', '#ddd'),
    headerBackgroundColor: colour('--jp-layout-color2', '#eee'),
    headerGridLineColor: colour('--jp-border-color2', '#ccc'),
    selectionFillColor: translucent(colour('--jp-brand-color1', '#2196f3'), 0.18),
    selectionBorderColor: colour('--jp-brand-color1', '#2196f3'),
    cursorFillColor: 'transparent',
    cursorBorderColor: colour('--jp-brand-color1', '#2196f3'),
    headerSelectionFillColor: translucent(colour('--jp-brand-color1', '#2196f3'), 0.18),
    headerSelectionBorderColor: colour('--jp-brand-color1', '#2196f3'),
    rowBackgroundColor: () => ''
  };
  const numeric = ({ column }: CellRenderer.CellConfig): 'left' | 'right' =>
    model.result.columns[column]?.numeric ? 'right' : 'left';
  const body = new TextRenderer({
    font,
    horizontalAlignment: numeric,
    textColor: ({ value }: CellRenderer.CellConfig) => (typeof value === 'string' ? text : quiet),
    format: ({ value }: CellRenderer.CellConfig) =>
      value === null ? 'NULL' : typeof value === 'string' ? value.replaceAll('\n', '⏎') : '…'
  });
  const head = new TextRenderer({
    font: ({ row }: CellRenderer.CellConfig) => (row === 0 ? `600 ${font}` : font.replace('13px', '11px')),
    textColor: ({ row }: CellRenderer.CellConfig) => (row === 0 ? text : quiet),
    horizontalAlignment: numeric
  });
  const count = new TextRenderer({ font, textColor: quiet, horizontalAlignment: 'right' });
  grid.cellRenderers.update({
    body,
    'column-header': head,
    'row-header': count,
    'corner-header': count
  });
}

class Keys extends BasicKeyHandler {
  constructor(
    private readonly sorted: (column: number) => void,
    private readonly left: () => void
  ) {
    super();
  }

  override onKeyDown(grid: DataGrid, event: KeyboardEvent): void {
    const plain = !(event.ctrlKey || event.metaKey || event.altKey || event.shiftKey);
    const column = grid.selectionModel?.cursorColumn ?? -1;
    if (plain && event.key === 's' && column >= 0) {
      this.sorted(column);
    } else if (plain && event.key === 'Escape' && (grid.selectionModel?.isEmpty ?? true)) {
      this.left();
    } else {
      super.onKeyDown(grid, event);
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }
}

class Mouse extends BasicMouseHandler {
  constructor(private readonly sorted: (column: number) => void) {
    super();
  }

  override onMouseDown(grid: DataGrid, event: MouseEvent): void {
    super.onMouseDown(grid, event);
    const { region, column } = grid.hitTest(event.clientX, event.clientY);
    const resizes = this.pressData?.type === 'column-resize';
    this.pressed = region === 'column-header' && event.button === 0 && !resizes ? column : -1;
    // A header is a button; a drag across several of them is not.
    if (this.pressed >= 0) {
      grid.node.focus();
    }
  }

  override onMouseUp(grid: DataGrid, event: MouseEvent): void {
    const { region, column } = grid.hitTest(event.clientX, event.clientY);
    super.onMouseUp(grid, event);
    if (region === 'column-header' && column === this.pressed) {
      this.sorted(column);
    }
    this.pressed = -1;
  }

  private pressed = -1;
}

function coloursOf(node: HTMLElement): (name: string, otherwise: string) => string {
  const style = window.getComputedStyle(node);
  return (name, otherwise) => style.getPropertyValue(name).trim() || otherwise;
}

function translucent(colour: string, alpha: number): string {
  return `color-mix(in srgb, ${colour} ${alpha * 100}%, transparent)`;
}
