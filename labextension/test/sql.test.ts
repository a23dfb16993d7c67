import assert from 'node:assert/strict';
import { test } from 'node:test';

import { resultOf } from '../src/sql/bundle';
import { complete, connectionIn, isSql, NO_CATALOG, type Catalog } from '../src/sql/complete';

const people = {
  schema: 'public',
  name: 'people',
  kind: 'table',
  columns: [
    { name: 'id', type: 'integer' },
    { name: 'Name', type: 'text' }
  ]
};
const orders = {
  schema: 'sales',
  name: 'orders',
  kind: 'view',
  columns: [{ name: 'person', type: 'integer' }]
};
const catalog: Catalog = {
  schemas: ['public', 'sales'],
  path: ['public'],
  tables: [people, orders],
  types: ['integer', 'text'],
  keywords: ['from', 'insert', 'select']
};

/** What is offered where the bar stands. */
function offered(text: string): string[] {
  const source = text.replace('|', '');
  const variables = [{ name: 'threshold', type: 'int' }];
  return complete(source, text.indexOf('|'), catalog, variables, ['default', 'prod']).items.map(
    item => item.insert
  );
}

void test('only a cell that begins with %%sql is SQL', () => {
  assert.deepEqual(['%%sql\nselect 1', '\n%%sql', '%%sqlite', 'x = 1\n%%sql'].map(isSql), [
    true,
    true,
    false,
    false
  ]);
});

void test('the connection is the one that the first line names', () => {
  assert.equal(connectionIn('%%sql rows << --on prod\nselect 1'), 'prod');
  assert.equal(connectionIn('%%sql\nselect 1 -- --on prod'), 'default');
});

void test('columns of the tables that the text names come first, quoted where that is needed', () => {
  assert.deepEqual(offered('%%sql\nselect | from people').slice(0, 3), ['id', '"Name"', 'people']);
  assert.deepEqual(offered('%%sql\nselect i| from people'), ['id', 'insert', 'integer']);
});

void test('behind a point stand the columns of a table or of its alias, or the tables of a schema', () => {
  assert.deepEqual(offered('%%sql\nselect p.| from people as p'), ['id', '"Name"']);
  assert.deepEqual(offered('%%sql\nselect o.| from sales.orders o join people on true'), ['person']);
  assert.deepEqual(offered('%%sql\nselect * from sales.|'), ['orders']);
});

void test('a keyword behind a table is no alias', () => {
  assert.deepEqual(offered('%%sql\nselect where.| from people where'), []);
});

void test('in braces stand names of Python', () => {
  assert.deepEqual(offered('%%sql\nselect {thr|}'), ['threshold']);
  assert.deepEqual(offered('%%sql\nselect {threshold.|}'), []);
});

void test('the first line has options, connections and shapes', () => {
  assert.deepEqual(offered('%%sql --o|'), ['--on']);
  assert.deepEqual(offered('%%sql --on |'), ['default', 'prod']);
  assert.deepEqual(offered('%%sql --as p|'), ['pandas', 'polars']);
});

void test('without a connection only options and names are offered', () => {
  const source = '%%sql\nselect ';
  assert.deepEqual(complete(source, source.length, NO_CATALOG, [], []).items, []);
});

void test('an output that is no result is none, and one of a later version may have more in it', () => {
  assert.equal(resultOf({ id: 'x' }), null);
  const schema = [{ name: 'n', type: 'int4', arrow: 'int32' }];
  const found = resultOf({ id: 'x', schema, rows: 2, texts: [['1', null]], more: true });
  assert.deepEqual(found?.first, [['1', null]]);
  assert.equal(found.columns[0]?.numeric, true);
});
