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
  readonly reason: Reason | null;
};

/** What changed, by cell id; a removed cell is null. */
export type CellChanges = ReadonlyMap<string, CellState | null>;

/** What the kernel says on the comm. */
export type Answer =
  | { readonly op: 'ready'; readonly mode: Mode; readonly cells: CellChanges }
  | { readonly op: 'error'; readonly message: string };

/** A code cell as `sync` names it. Types, not interfaces: only those are assignable to JSON. */
export type CellSource = {
  id: string;
  source: string;
  mode?: CellMode;
};

/** What the page says on the comm. */
export type Request = { op: 'sync'; cells: CellSource[] } | { op: 'run'; cells: string[] };

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
  const mode = oneOf(MODE, fields.mode);
  return fields.op === 'ready' && mode ? { op: 'ready', mode, cells: changesOf(fields.cells) } : null;
}

/** The changes that a `reactive_cells` message carries; none for any other message. */
export function cellsOf(message: Message): CellChanges {
  return message.header.msg_type === 'reactive_cells'
    ? changesOf(fieldsOf(message.content).cells)
    : new Map<string, CellState | null>();
}

export function originOf(message: Message): Origin | null {
  const cell = fieldsOf(message.metadata).cellId;
  const request = fieldsOf(message.parent_header).msg_id;
  return typeof cell === 'string' && typeof request === 'string' ? { cell, request } : null;
}

export function executionCountOf(message: Message): number | null {
  const count = fieldsOf(message.content).execution_count;
  return typeof count === 'number' ? count : null;
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
  return { freshness, activity, outcome: oneOf(OUTCOME, fields.outcome), reason: reasonOf(fields.reason) };
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

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter(item => typeof item === 'string') : [];
}
