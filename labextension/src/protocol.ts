/** The wire between a reactive kernel and a page: its words as types, and one narrow parser for each message. */

export const PROTOCOL = 1;
export const KERNEL = 'reactive';
export const TARGET = 'reactive';

const FRESHNESS = ['new', 'fresh', 'stale'] as const;
const ACTIVITY = ['idle', 'queued', 'running'] as const;
const OUTCOME = ['ok', 'error', 'blocked', 'interrupted'] as const;
const MODE = ['auto', 'lazy'] as const;
const CELL_MODE = ['auto', 'manual', 'off'] as const;

export type Freshness = (typeof FRESHNESS)[number];
export type Activity = (typeof ACTIVITY)[number];
export type Outcome = (typeof OUTCOME)[number];
export type Mode = (typeof MODE)[number];
export type CellMode = (typeof CELL_MODE)[number];

export type Reason = {
  readonly kind: string;
  readonly message: string;
  readonly cells: readonly string[];
  readonly names: readonly string[];
};

export type CellState = {
  readonly freshness: Freshness;
  readonly activity: Activity;
  readonly outcome: Outcome | null;
  /** The number of its latest run, and the count that run shows. */
  readonly run: number | null;
  readonly count: number | null;
  readonly reason: Reason | null;
};

/** What a cell reads and writes, and its neighbours in the graph. */
export type Edges = {
  readonly reads: readonly string[];
  readonly writes: readonly string[];
  readonly parents: readonly string[];
  readonly children: readonly string[];
};

/** What changed, by cell id; a removed cell is null. */
export type CellChanges = ReadonlyMap<string, CellState | null>;

/** What changed in the graph, by cell id; the cycles are all that there are. */
export type GraphChange = {
  readonly cells: ReadonlyMap<string, Edges | null>;
  readonly cycles: readonly (readonly string[])[];
};

/** A database connection of the kernel's. */
export type Connection = {
  readonly name: string;
  readonly status: 'ok' | 'error';
  readonly server: string;
  readonly error: string | null;
};

/** What the kernel says on the comm. */
export type Answer =
  | { readonly op: 'ready'; readonly mode: Mode; readonly cells: CellChanges; readonly graph: GraphChange }
  | { readonly op: 'error'; readonly message: string }
  | { readonly op: 'answer'; readonly ask: number; readonly fields: Fields };

/** The fields of a message that only the one who asked can read. */
export type Fields = Readonly<Record<string, unknown>>;

/** A code cell as `sync` names it. Types, not interfaces: only those are assignable to JSON. */
export type CellSource = {
  id: string;
  source: string;
  mode?: CellMode;
};

/** What the page says on the comm. */
export type Request =
  | { op: 'sync'; cells: CellSource[] }
  | { op: 'edit'; id: string; source: string }
  | { op: 'run'; cells: string[] }
  | { op: 'run'; stale: true }
  | { op: 'configure'; mode: Mode }
  | { op: 'connect'; url: string; name?: string };

/** A question, answered on the comm under the number that it was asked under. */
export type Question = { op: string } & Record<string, JSONValue>;
type JSONValue = string | number | boolean | null | JSONValue[] | { [key: string]: JSONValue };

/** The part of a Jupyter message that is read here; Lab's own types know no message types but the standard ones. */
export interface Message {
  readonly header: { readonly msg_type: string };
  readonly parent_header: unknown;
  readonly metadata: unknown;
  readonly content: unknown;
}

/** Which run of which cell a published message belongs to. */
export interface Origin {
  readonly cell: string;
  readonly request: string;
}

export function answerOf(data: unknown): Answer | null {
  const fields = fieldsOf(data);
  if (fields.op === 'error') {
    return { op: 'error', message: textOf(fields.message) };
  }
  if (fields.op === 'answer' && typeof fields.ask === 'number') {
    return { op: 'answer', ask: fields.ask, fields };
  }
  const mode = oneOf(MODE, fields.mode);
  return fields.op === 'ready' && mode
    ? { op: 'ready', mode, cells: changesOf(fields.cells), graph: graphChangeOf(fields.graph) }
    : null;
}

/** The changes that a `reactive_cells` message carries; none for any other message. */
export function cellsOf(message: Message): CellChanges {
  return message.header.msg_type === 'reactive_cells'
    ? changesOf(fieldsOf(message.content).cells)
    : new Map<string, CellState | null>();
}

/** The change that a `reactive_graph` message carries. */
export function graphOf(message: Message): GraphChange | null {
  return message.header.msg_type === 'reactive_graph' ? graphChangeOf(message.content) : null;
}

/** The connection that a `reactive_connection` message tells of. */
export function connectionOf(message: Message): Connection | null {
  const { name, status, server, error } = fieldsOf(message.content);
  if (message.header.msg_type !== 'reactive_connection' || typeof name !== 'string') {
    return null;
  }
  return {
    name,
    status: status === 'ok' ? 'ok' : 'error',
    server: textOf(server),
    error: typeof error === 'string' ? error : null
  };
}

export function originOf(message: Message): Origin | null {
  const cell = fieldsOf(message.metadata).cellId;
  const request = fieldsOf(message.parent_header).msg_id;
  return typeof cell === 'string' && typeof request === 'string' ? { cell, request } : null;
}

export function executionCountOf(message: Message): number | null {
  return numberOf(fieldsOf(message.content).execution_count);
}

/** The mode kept in a cell's metadata under `reactive`. */
export function cellModeOf(metadata: unknown): CellMode | null {
  return oneOf(CELL_MODE, fieldsOf(fieldsOf(metadata).reactive).mode);
}

function changesOf(value: unknown): CellChanges {
  const changes = new Map<string, CellState | null>();
  for (const [id, entry] of Object.entries(fieldsOf(value))) {
    const state = entry === null ? null : stateOf(entry);
    // A word that this page does not know yet leaves the cell as it was.
    if (state !== undefined) {
      changes.set(id, state);
    }
  }
  return changes;
}

function stateOf(value: unknown): CellState | undefined {
  const fields = fieldsOf(value);
  const freshness = oneOf(FRESHNESS, fields.freshness);
  const activity = oneOf(ACTIVITY, fields.activity);
  if (!freshness || !activity) {
    return undefined;
  }
  return {
    freshness,
    activity,
    outcome: oneOf(OUTCOME, fields.outcome),
    run: numberOf(fields.run),
    count: numberOf(fields.execution_count),
    reason: reasonOf(fields.reason)
  };
}

function graphChangeOf(value: unknown): GraphChange {
  const { cells, cycles } = fieldsOf(value);
  const entries = Object.entries(fieldsOf(cells));
  return {
    cells: new Map(entries.map(([id, entry]) => [id, entry === null ? null : edgesOf(entry)])),
    cycles: Array.isArray(cycles) ? cycles.map(textsOf) : []
  };
}

function edgesOf(value: unknown): Edges {
  const { reads, writes, parents, children } = fieldsOf(value);
  return {
    reads: textsOf(reads),
    writes: textsOf(writes),
    parents: textsOf(parents),
    children: textsOf(children)
  };
}

function reasonOf(value: unknown): Reason | null {
  const { kind, message, cells, names } = fieldsOf(value);
  return typeof kind === 'string'
    ? { kind, message: textOf(message), cells: textsOf(cells), names: textsOf(names) }
    : null;
}

function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

function oneOf<Word extends string>(words: readonly Word[], value: unknown): Word | null {
  return words.find(word => word === value) ?? null;
}

function numberOf(value: unknown): number | null {
  return typeof value === 'number' ? value : null;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter(item => typeof item === 'string') : [];
}
