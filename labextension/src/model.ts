/** What a page knows about its notebook: values and pure functions over them, for every front end. */

import {
  cellsOf,
  connectionOf,
  graphOf,
  modeOf,
  readyOf,
  sameSettings,
  type CellChanges,
  type CellSource,
  type CellState,
  type Connection,
  type Edges,
  type GraphChange,
  type Message,
  type Mode,
  type Reason
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

/** Both changes in one. */
export function joined(one: Change, other: Change): Change {
  return {
    cells: joinedCells(one.cells, other.cells),
    graph: one.graph || other.graph,
    mode: one.mode || other.mode,
    stream: one.stream || other.stream,
    connections: one.connections || other.connections
  };
}

function joinedCells(one: Change['cells'], other: Change['cells']): Change['cells'] {
  if (!one || !other) {
    return one ?? other;
  }
  return one === 'all' || other === 'all' ? 'all' : new Set([...one, ...other]);
}

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

/** What the page knows after one more message, live or replayed; null if it says nothing of the kind. */
export function learned(model: Model, message: Message): readonly [Model, Change] | null {
  const whole = readyOf(message);
  if (whole) {
    return [
      ready(model, whole.mode, whole.cells, whole.graph),
      { ...NO_CHANGE, cells: 'all', graph: true, mode: true }
    ];
  }
  switch (message.header.msg_type) {
    case 'reactive_cells': {
      const changes = cellsOf(message);
      const mode = modeOf(message);
      const after = { ...model, reactive: true, mode: mode ?? model.mode };
      return [changed(after, changes), { ...NO_CHANGE, cells: new Set(changes.keys()), mode: mode !== null }];
    }
    case 'reactive_graph': {
      const change = graphOf(message);
      return change && [rewired(model, change), { ...NO_CHANGE, graph: true }];
    }
    case 'reactive_connection': {
      const connection = connectionOf(message);
      return connection && [connected(model, connection), { ...NO_CHANGE, connections: true }];
    }
    default:
      return null;
  }
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
  return { 'data-reactive-mode': model.mode, 'data-reactive-stream': model.stream };
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

export function sameDocument(before: readonly CellSource[], after: readonly CellSource[]): boolean {
  return (
    before.length === after.length &&
    before.every((cell, place) => {
      const other = after[place];
      return cell.id === other?.id && cell.source === other.source && sameSettings(cell, other);
    })
  );
}
