/** A shown result, as it stands in an output: parsed once, from what may be anything. */

export const MIME = 'application/vnd.jupyter-reactive.table+json';

/** The values of one column as people read them; null stands for NULL. */
export type Texts = readonly (string | null)[];

export interface Column {
  readonly name: string;
  readonly type: string;
  readonly numeric: boolean;
}

export interface Result {
  readonly id: string;
  readonly columns: readonly Column[];
  /** How many rows there are, wherever they are. */
  readonly rows: number;
  /** The first rows, by columns. */
  readonly first: readonly Texts[];
  /** More rows are on their way. */
  readonly coming: boolean;
  readonly summary: string;
  readonly notes: readonly string[];
}

const NUMERIC = /^(u?int|float|double|halffloat|decimal)/;

export function resultOf(value: unknown): Result | null {
  const { id, schema, rows, texts, coming, summary, notes } = fieldsOf(value);
  if (typeof id !== 'string' || !Array.isArray(schema) || typeof rows !== 'number') {
    return null;
  }
  return {
    id,
    columns: schema.map(columnOf),
    rows,
    first: columnsOf(texts),
    coming: coming === true,
    summary: typeof summary === 'string' ? summary : '',
    notes: textsOf(notes).filter(note => note !== null)
  };
}

/** Columns of texts, as a result or a page of it carries them. */
export function columnsOf(value: unknown): readonly Texts[] {
  return Array.isArray(value) ? value.map(textsOf) : [];
}

export function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

function columnOf(value: unknown): Column {
  const { name, type, arrow } = fieldsOf(value);
  return {
    name: typeof name === 'string' ? name : '',
    type: typeof type === 'string' ? type : '',
    numeric: typeof arrow === 'string' && NUMERIC.test(arrow)
  };
}

function textsOf(value: unknown): (string | null)[] {
  return Array.isArray(value) ? value.map(text => (typeof text === 'string' ? text : null)) : [];
}
