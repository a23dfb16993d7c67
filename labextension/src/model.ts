/** What a page knows about its notebook: values and pure functions over them, for every front end. */

import type { CellChanges, CellSource, CellState, Mode, Reason } from './protocol';

export interface Model {
  readonly mode: Mode | null;
  readonly cells: ReadonlyMap<string, CellState>;
}

export const EMPTY: Model = { mode: null, cells: new Map() };

/** Attributes to set on an element; null takes one away. */
export type Attributes = Readonly<Record<string, string | null>>;

export function ready(mode: Mode, cells: CellChanges): Model {
  return changed({ mode, cells: new Map() }, cells);
}

export function changed(model: Model, changes: CellChanges): Model {
  const cells = new Map(model.cells);
  for (const [id, state] of changes) {
    if (state) {
      cells.set(id, state);
    } else {
      cells.delete(id);
    }
  }
  return { ...model, cells };
}

export function notebookAttributes(model: Model): Attributes {
  return { 'data-reactive-mode': model.mode };
}

export function cellAttributes(state: CellState | undefined): Attributes {
  return {
    'data-reactive-freshness': state?.freshness ?? null,
    'data-reactive-activity': state?.activity ?? null,
    'data-reactive-outcome': state?.outcome ?? null
  };
}

/** Why a cell is not as it should be, in one line: the kind, what the kernel says, the names, the cells. */
export function explanation(state: CellState | undefined): string | null {
  return state?.reason ? wordsOf(state.reason) : null;
}

function wordsOf(reason: Reason): string {
  const places = [reason.names.join(', '), reason.cells.join(', ')].filter(Boolean).join(' · ');
  return `${reason.kind}: ${reason.message}${places ? ` (${places})` : ''}`;
}

/** The cells of both documents whose text differs: what somebody edited, as opposed to inserted or deleted. */
export function edited(before: readonly CellSource[], after: readonly CellSource[]): string[] {
  const sources = new Map(before.map(cell => [cell.id, cell.source]));
  return after
    .filter(cell => sources.has(cell.id) && sources.get(cell.id) !== cell.source)
    .map(cell => cell.id);
}

export function sameDocument(before: readonly CellSource[], after: readonly CellSource[]): boolean {
  return (
    before.length === after.length &&
    before.every((cell, place) => {
      const other = after[place];
      return cell.id === other?.id && cell.source === other.source && cell.mode === other.mode;
    })
  );
}
