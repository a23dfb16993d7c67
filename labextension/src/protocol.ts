/** The wire between a reactive kernel and a page: its words as types, and one narrow parser for each message. */

export const PROTOCOL = 1;
export const KERNEL = 'reactive';
export const TARGET = 'reactive';

const FRESHNESS = ['new', 'fresh', 'stale'] as const;
const ACTIVITY = ['idle', 'queued', 'running'] as const;
const OUTCOME = ['ok', 'error', 'blocked', 'interrupted'] as const;
const MODE = ['auto', 'lazy'] as const;
const CHANNEL = ['iopub', 'stdin', 'shell'] as const;
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
  | {
      readonly op: 'error';
      readonly message: string;
      /** The op that it is about, and the number of the question. */
      readonly about: string;
      readonly ask: number | null;
    }
  /** What somebody asked: `to` is the op of the question, `ask` its number where the kernel repeats it. */
  | { readonly op: 'answer'; readonly to: string; readonly ask: number | null; readonly fields: Fields };

/** The fields of a message that only the one who asked can read. */
export type Fields = Readonly<Record<string, unknown>>;

/** A code cell as `sync` names it. Types, not interfaces: only those are assignable to JSON. */
export type CellSource = {
  id: string;
  source: string;
  mode?: CellMode;
  /** They may say where the cell runs. */
  tags?: string[];
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

/** A message as the stream brings it, with its buffers in base64, or as the kernel's own websocket does. */
export interface Recorded extends Message {
  readonly header: { readonly msg_type: string; readonly msg_id: string; readonly date?: string };
  readonly buffers: readonly (string | ArrayBuffer | ArrayBufferView)[];
}

export type Channel = 'iopub' | 'stdin' | 'shell';

/** Up to which record of which kernel process a page knows everything. */
export type Cursor = { readonly epoch: string; readonly seq: number };

/** What a cell's latest run shows, as messages. `over` is null where the server does not say. */
export interface Shown {
  readonly request: string;
  readonly over: boolean | null;
  readonly messages: readonly Recorded[];
}

/** What the server says on the stream. */
export type Frame =
  | { readonly type: 'welcome'; readonly cursor: Cursor; readonly state: string }
  | {
      readonly type: 'snapshot';
      readonly cursor: Cursor;
      readonly cells: ReadonlyMap<string, Shown>;
      readonly other: readonly Recorded[];
      readonly more: boolean;
    }
  | {
      readonly type: 'message';
      readonly seq: number;
      readonly channel: Channel;
      readonly message: Recorded;
    }
  | { readonly type: 'gap' | 'pong' }
  | { readonly type: 'error'; readonly reason: string };

/** What the page says on the stream. */
export type Word =
  | { type: 'hello'; protocol: number; cursor: Cursor | null }
  | { type: 'ping' }
  | { type: 'forget'; cells: string[] };

export function answerOf(data: unknown): Answer | null {
  const fields = fieldsOf(data);
  if (fields.op === 'error') {
    const { op, ask } = fieldsOf(fields.about);
    return { op: 'error', message: textOf(fields.message), about: textOf(op), ask: numberOf(ask) };
  }
  if (fields.op === 'ready') {
    const mode = oneOf(MODE, fields.mode);
    return mode && { op: 'ready', mode, cells: changesOf(fields.cells), graph: graphChangeOf(fields.graph) };
  }
  return typeof fields.op === 'string'
    ? { op: 'answer', to: fields.op, ask: numberOf(fields.ask), fields }
    : null;
}

/** The changes that a `reactive_cells` message carries; none for any other message. */
export function cellsOf(message: Message): CellChanges {
  return message.header.msg_type === 'reactive_cells'
    ? changesOf(fieldsOf(message.content).cells)
    : new Map<string, CellState | null>();
}

/** The cascade mode that a `reactive_cells` message tells of. */
export function modeOf(message: Message): Mode | null {
  return message.header.msg_type === 'reactive_cells' ? oneOf(MODE, fieldsOf(message.content).mode) : null;
}

/** The whole state, where a message is the kernel's answer to a front end that has just come. */
export function readyOf(message: Message): (Answer & { op: 'ready' }) | null {
  const answer = message.header.msg_type === 'comm_msg' ? answerOf(fieldsOf(message.content).data) : null;
  return answer?.op === 'ready' ? answer : null;
}

/** What a frame of the stream says; null for what a later protocol may bring. */
export function frameOf(text: string): Frame | null {
  const fields = fieldsOf(JSON.parse(text));
  const cursor = { epoch: textOf(fields.epoch), seq: numberOf(fields.seq) ?? 0 };
  switch (fields.type) {
    case 'welcome':
      return { type: 'welcome', cursor, state: textOf(fields.execution_state) };
    case 'snapshot': {
      const cells = Object.entries(fieldsOf(fields.cells)).map(([id, run]) => [id, shownOf(run)] as const);
      const other = recordsOf(fields.other);
      return { type: 'snapshot', cursor, cells: new Map(cells), other, more: fields.more === true };
    }
    case 'message': {
      const channel = oneOf(CHANNEL, fields.channel);
      const message = recordedOf(fields.msg);
      return channel && message ? { type: 'message', seq: cursor.seq, channel, message } : null;
    }
    case 'gap':
    case 'pong':
      return { type: fields.type };
    case 'error':
      return { type: 'error', reason: textOf(fields.message) };
    default:
      return null;
  }
}

function shownOf(value: unknown): Shown {
  const { msg_id, over, messages } = fieldsOf(value);
  return {
    request: textOf(msg_id),
    over: typeof over === 'boolean' ? over : null,
    messages: recordsOf(messages)
  };
}

function recordsOf(value: unknown): Recorded[] {
  return Array.isArray(value) ? value.map(recordedOf).filter(message => message !== null) : [];
}

function recordedOf(value: unknown): Recorded | null {
  const { header, parent_header, metadata, content, buffers } = fieldsOf(value);
  const { msg_type, msg_id } = fieldsOf(header);
  return typeof msg_type === 'string'
    ? {
        header: { ...fieldsOf(header), msg_type, msg_id: textOf(msg_id) },
        parent_header,
        metadata,
        content,
        buffers: textsOf(buffers)
      }
    : null;
}

/** The request that a message answers. */
export function requestOf(message: Message): string {
  return textOf(fieldsOf(message.parent_header).msg_id);
}

/** The client that made the request which a message answers. */
export function clientOf(message: Message): string {
  return textOf(fieldsOf(message.parent_header).session);
}

/** The state that a `status` message tells. */
export function executionStateOf(message: Message): string | null {
  return message.header.msg_type === 'status' ? textOf(fieldsOf(message.content).execution_state) : null;
}

export function codeOf(message: Message): string {
  return textOf(fieldsOf(message.content).code);
}

/** The display that a message shows or brings up to date. */
export function displayOf(message: Message): string | null {
  const id = fieldsOf(fieldsOf(message.content).transient).display_id;
  return typeof id === 'string' && id ? id : null;
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

/** Whether the kernel's answer to an edit says that the cell may run without anybody asking for it. */
export function mayRunUnasked(answer: Fields): boolean {
  return answer.auto === true;
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

/** What the kernel is to know of a cell. */
export function cellSource(id: string, source: string, metadata: unknown): CellSource {
  const mode = cellModeOf(metadata);
  const listed = fieldsOf(metadata).tags;
  const tags = Array.isArray(listed) ? listed.filter(tag => typeof tag === 'string') : [];
  return { id, source, ...(mode && { mode }), ...(tags.length > 0 && { tags }) };
}

/** Is the same said of the cells, beside their texts? */
export function sameSettings(cell: CellSource, other: CellSource): boolean {
  return cell.mode === other.mode && cell.tags?.join('\n') === other.tags?.join('\n');
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

/** The fields of what may be anything. */
export function fieldsOf(value: unknown): Record<string, unknown> {
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
