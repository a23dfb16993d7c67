/** What could follow in a SQL cell: from its text, what the database has, and what Python knows. */

export interface Table {
  readonly schema: string;
  readonly name: string;
  readonly kind: string;
  readonly columns: readonly { readonly name: string; readonly type: string }[];
}

export interface Catalog {
  readonly schemas: readonly string[];
  /** The schemas that need not be named. */
  readonly path: readonly string[];
  readonly tables: readonly Table[];
  readonly types: readonly string[];
  readonly keywords: readonly string[];
}

export interface Variable {
  readonly name: string;
  readonly type: string;
}

export interface Item {
  readonly label: string;
  /** What it is: a word for Lab's icons. */
  readonly kind: 'column' | 'table' | 'schema' | 'type' | 'keyword' | 'variable' | 'option';
  readonly detail: string;
  readonly insert: string;
}

export interface Completion {
  readonly start: number;
  readonly items: readonly Item[];
}

export const NO_CATALOG: Catalog = { schemas: [], path: [], tables: [], types: [], keywords: [] };
const NOTHING: readonly Item[] = [];
const OPTIONS = ['--on', '--as', '--limit'];
const SHAPES = ['pandas', 'arrow', 'polars'];
const PLAIN = /^[a-z_][a-z0-9_$]*$/;
const NAMED =
  /\b(?:from|join|update|into|table)\s+((?:"[^"]+"|[\w$]+)(?:\.(?:"[^"]+"|[\w$]+))?)(?:\s+(?:as\s+)?([\w$]+))?/gi;
// What may stand behind a table's name without being another name for it.
const NO_ALIAS =
  /^(?:on|where|join|left|right|inner|full|cross|group|order|limit|using|set|values|select|natural|union|as)$/i;

/** Is a cell's text SQL? */
export function isSql(source: string): boolean {
  return /^\s*%%sql\b/.test(source);
}

/** The connection that a SQL cell names. */
export function connectionIn(source: string): string {
  const [line = ''] = source.trimStart().split('\n', 1);
  return /--on[=\s]+([^\s-]\S*)/.exec(line)?.[1] ?? 'default';
}

export function complete(
  source: string,
  offset: number,
  catalog: Catalog,
  variables: readonly Variable[],
  connections: readonly string[]
): Completion {
  const before = source.slice(0, offset);
  const word = /[\w$"]*$/.exec(before)?.[0] ?? '';
  const start = offset - word.length;
  const rest = before.slice(0, start);
  if (!before.includes('\n')) {
    return inFirstLine(before, start, rest, connections);
  }
  const brace = /\{\s*([\w.]*)$/.exec(before);
  if (brace) {
    return brace[1]?.includes('.')
      ? { start, items: NOTHING }
      : { start, items: matching(word, variables.map(variableItem)) };
  }
  const owner = /((?:"[^"]+"|[\w$]+))\.$/.exec(rest)?.[1];
  const items = owner ? behind(unquoted(owner), source, catalog) : anywhere(source, catalog);
  return { start, items: matching(word, items) };
}

function inFirstLine(
  before: string,
  start: number,
  rest: string,
  connections: readonly string[]
): Completion {
  const word = before.slice(start);
  if (/--on[=\s]+$/.test(rest)) {
    return { start, items: matching(word, connections.map(option)) };
  }
  if (/--as[=\s]+$/.test(rest)) {
    return { start, items: matching(word, SHAPES.map(option)) };
  }
  const dashes = /(?:^|\s)(-{1,2})$/.exec(rest)?.[1] ?? '';
  return /%%sql\s/.test(rest + ' ')
    ? { start: start - dashes.length, items: matching(dashes + word, OPTIONS.map(option)) }
    : { start, items: NOTHING };
}

/** What has an owner: the columns of a table or of what stands for one, the tables of a schema. */
function behind(owner: string, source: string, catalog: Catalog): Item[] {
  const named = [...tablesIn(source)].find(each => each.alias === owner);
  const table = named?.name ?? owner;
  const columns = catalog.tables.filter(each => isCalled(each, table)).flatMap(columnItems);
  return columns.length
    ? unlike(columns)
    : catalog.tables.filter(each => each.schema === owner).map(each => tableItem(each));
}

/** The columns of the tables that the text names come first. */
function anywhere(source: string, catalog: Catalog): Item[] {
  const names = [...tablesIn(source)].map(each => each.name);
  const here = catalog.tables.filter(table => names.some(name => isCalled(table, name)));
  const reachable = catalog.tables.filter(table => catalog.path.includes(table.schema));
  const lower = catalog.keywords.map(
    name => ({ label: name, kind: 'keyword', detail: '', insert: name }) as const
  );
  return unlike([
    ...here.flatMap(columnItems),
    ...reachable.map(table => tableItem(table)),
    ...catalog.schemas.map(
      name => ({ label: name, kind: 'schema', detail: '', insert: quoted(name) }) as const
    ),
    ...lower,
    ...catalog.types.map(name => ({ label: name, kind: 'type', detail: '', insert: name }) as const)
  ]);
}

function* tablesIn(source: string): Generator<{ readonly name: string; readonly alias: string }> {
  for (const [, name = '', alias = ''] of source.matchAll(NAMED)) {
    const plain = name.split('.').map(unquoted).join('.');
    yield { name: plain, alias: NO_ALIAS.test(alias) ? '' : alias };
  }
}

function isCalled(table: Table, name: string): boolean {
  return name === table.name || name === `${table.schema}.${table.name}`;
}

function columnItems(table: Table): Item[] {
  return table.columns.map(({ name, type }) => ({
    label: name,
    kind: 'column',
    detail: `${type}, ${table.name}`,
    insert: quoted(name)
  }));
}

function tableItem(table: Table): Item {
  return {
    label: table.name,
    kind: 'table',
    detail: `${table.kind}, ${table.schema}`,
    insert: quoted(table.name)
  };
}

function variableItem({ name, type }: Variable): Item {
  return { label: name, kind: 'variable', detail: type, insert: name };
}

function option(name: string): Item {
  return { label: name, kind: 'option', detail: '', insert: name };
}

function matching(word: string, items: readonly Item[]): Item[] {
  const wanted = unquoted(word).toLowerCase();
  return items.filter(item => item.label.toLowerCase().startsWith(wanted));
}

function unlike(items: readonly Item[]): Item[] {
  const seen = new Map(items.map(item => [`${item.kind} ${item.label}`, item]));
  return [...seen.values()];
}

function quoted(name: string): string {
  return PLAIN.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
}

function unquoted(name: string): string {
  return name.replace(/^"|"$/g, '');
}
