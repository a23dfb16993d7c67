/** What a page knows about its notebook: values and pure functions over them, for every front end. */

import type {
  CellChanges,
  CellSource,
  CellState,
  Connection,
  Edges,
  GraphChange,
  Mode,
  Reason
} from './protocol';

/** Whether what the kernel says arrives. */
export type StreamState = 'connecting' | 'live' | 'lost';

export interface Model {
  /** Whether the kernel is a reactive one, which has told its state. */
  readonly reactive: boolean;
  readonly mode: Mode | null;
  readonly cells: ReadonlyMap<string, CellState>;
  readonly graph: ReadonlyMap<string, Edges>;
  readonly cycles: readonly (readonly string[])[];
  readonly connections: ReadonlyMap<string, Connection>;
  readonly stream: StreamState;
}

export const EMPTY: Model = {
  reactive: false,
  mode: null,
  cells: new Map(),
  graph: new Map(),
  cycles: [],
  connections: new Map(),
  stream: 'connecting'
};

/** What is other than before: which cells' states, and which of the other parts. */
export interface Change {
  readonly cells: ReadonlySet<string> | 'all' | null;
  readonly graph: boolean;
  readonly mode: boolean;
  readonly stream: boolean;
  readonly connections: boolean;
}

export const NO_CHANGE: Change = {
  cells: null,
  graph: false,
  mode: false,
  stream: false,
  connections: false
};

export const ALL_CHANGED: Change = { cells: 'all', graph: true, mode: true, stream: true, connections: true };

/** Attributes to set on an element; null takes one away. */
export type Attributes = Readonly<Record<string, string | null>>;

/** The kernel told everything that it knows. */
export function ready(model: Model, mode: Mode, cells: CellChanges, graph: GraphChange): Model {
  const empty = { ...EMPTY, stream: model.stream, connections: model.connections, reactive: true, mode };
  return rewired(changed(empty, cells), graph);
}

export function changed(model: Model, changes: CellChanges): Model {
  return { ...model, cells: merged(model.cells, changes) };
}

export function rewired(model: Model, change: GraphChange): Model {
  return { ...model, graph: merged(model.graph, change.cells), cycles: change.cycles };
}

export function connected(model: Model, connection: Connection): Model {
  return { ...model, connections: merged(model.connections, new Map([[connection.name, connection]])) };
}

function merged<Value>(
  before: ReadonlyMap<string, Value>,
  changes: ReadonlyMap<string, Value | null>
): ReadonlyMap<string, Value> {
  const after = new Map(before);
  for (const [id, value] of changes) {
    if (value === null) {
      after.delete(id);
    } else {
      after.set(id, value);
    }
  }
  return after;
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
