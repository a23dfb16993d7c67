/** The code cells of the classic notebook, by ids that also old notebooks have. */

import { cellSource, type CellSource } from '../src/protocol';

export function codeCells(notebook: Classic.Notebook): Classic.CodeCell[] {
  return notebook.get_cells().filter(isCodeCell);
}

export function isCodeCell(cell: Classic.Cell): cell is Classic.CodeCell {
  return cell.cell_type === 'code';
}

export function sourceOf(cell: Classic.CodeCell): CellSource {
  return cellSource(cell.id, cell.get_text(), cell.metadata);
}

/** Cells have had ids in files since format 4.5. */
export function hasIds(notebook: Classic.Notebook): boolean {
  return notebook.nbformat > 4 || notebook.nbformat_minor >= 5;
}

/** Name the cells of an old notebook after what is in them, so that they have the same names in every tab and
 *  after a reload. */
export function nameCells(notebook: Classic.Notebook): void {
  const taken = new Map<string, number>();
  for (const cell of notebook.get_cells()) {
    const name = nameOf(cell.get_text());
    const times = taken.get(name) ?? 0;
    taken.set(name, times + 1);
    cell.id = times ? `${name}-${times}` : name;
  }
}

function nameOf(text: string): string {
  // Two different sums: one of 32 bits would soon name two cells alike.
  return `cell-${sum(text, 31)}${sum(text, 37)}`;
}

function sum(text: string, factor: number): string {
  let value = text.length;
  for (let place = 0; place < text.length; place++) {
    value = (Math.imul(value, factor) + text.charCodeAt(place)) | 0;
  }
  return (value >>> 0).toString(16).padStart(8, '0');
}
