/** Completes in SQL cells: what the kernel knows of the database, and Python's names in braces. */

import type { CompletionHandler, ICompletionContext, ICompletionProvider } from '@jupyterlab/completer';
import { NotebookPanel } from '@jupyterlab/notebook';
import type { Kernel } from '@jupyterlab/services';

import { fieldsOf } from './bundle';
import {
  type Catalog,
  type Item,
  NO_CATALOG,
  type Variable,
  complete,
  connectionIn,
  isSql
} from './complete';
import { Line } from './line';

const TARGET = 'reactive.sql';

export class SqlCompletion implements ICompletionProvider {
  readonly identifier = 'jupyter-reactive:sql';
  // Before the kernel, which takes the text for Python.
  readonly rank = 1000;
  readonly renderer = null;

  isApplicable(context: ICompletionContext): Promise<boolean> {
    return Promise.resolve(isSql(context.editor?.model.sharedModel.getSource() ?? ''));
  }

  async fetch(
    request: CompletionHandler.IRequest,
    context: ICompletionContext
  ): Promise<CompletionHandler.ICompletionItemsReply> {
    const source = request.text;
    const kernel =
      context.widget instanceof NotebookPanel
        ? (context.widget.sessionContext.session?.kernel ?? null)
        : null;
    const known = kernel ? await this.known(kernel, source) : NOTHING_KNOWN;
    const { start, items } = complete(
      source,
      request.offset,
      known.catalog,
      known.variables,
      known.connections
    );
    return { start, end: request.offset, items: items.map(itemOf) };
  }

  /** What is written is asked for as it is written: names after a brace, tables after a point. */
  shouldShowContinuousHint(visible: boolean, changed: { sourceChange?: { insert?: unknown }[] }): boolean {
    const inserted = changed.sourceChange?.find(change => change.insert !== undefined)?.insert;
    return !visible && (inserted === '.' || inserted === '{');
  }

  /** Ask for what will be wanted as soon as somebody types: the first answer takes its time. */
  warm(panel: NotebookPanel, source: string): void {
    const kernel = panel.sessionContext.session?.kernel;
    if (kernel && isSql(source)) {
      void this.catalog(this.line(kernel), connectionIn(source)).catch(() => undefined);
    }
  }

  private line(kernel: Kernel.IKernelConnection): Line {
    const line = Line.to(kernel, TARGET);
    if (!this.lines.has(line)) {
      this.lines.add(line);
      line.told.connect((_, { op, on }) => {
        if (op === 'changed') {
          this.catalogs.get(line)?.delete(String(on));
        }
      });
    }
    return line;
  }

  private async known(kernel: Kernel.IKernelConnection, source: string): Promise<Known> {
    const line = this.line(kernel);
    try {
      const catalog = await this.catalog(line, connectionIn(source));
      const [names, connections] = await Promise.all([
        line.ask({ op: 'names' }),
        line.ask({ op: 'connections' })
      ]);
      const listed = connections.fields.names;
      return {
        catalog,
        variables: variablesOf(names.fields.names),
        connections: Array.isArray(listed) ? listed.map(String) : []
      };
    } catch {
      // A kernel that knows nothing of SQL, or has just gone: nothing to offer is no mistake of anybody's.
      return NOTHING_KNOWN;
    }
  }

  private catalog(line: Line, on: string): Promise<Catalog> {
    const catalogs = this.catalogs.get(line) ?? new Map<string, Promise<Catalog>>();
    this.catalogs.set(line, catalogs);
    const heard = catalogs.get(on);
    if (heard) {
      return heard;
    }
    const asked = line.ask({ op: 'catalog', on }).then(({ fields }) => {
      // Who is not connected now may be soon.
      if (fields.connected !== true && catalogs.get(on) === asked) {
        catalogs.delete(on);
      }
      return catalogOf(fields);
    });
    catalogs.set(on, asked);
    asked.catch(() => {
      catalogs.delete(on);
    });
    return asked;
  }

  private readonly lines = new WeakSet<Line>();
  private readonly catalogs = new WeakMap<Line, Map<string, Promise<Catalog>>>();
}

interface Known {
  readonly catalog: Catalog;
  readonly variables: readonly Variable[];
  readonly connections: readonly string[];
}

const NOTHING_KNOWN: Known = { catalog: NO_CATALOG, variables: [], connections: [] };

function itemOf({ label, kind, detail, insert }: Item): CompletionHandler.ICompletionItem {
  return { label, type: kind, insertText: insert, ...(detail && { documentation: detail }) };
}

function catalogOf(fields: Record<string, unknown>): Catalog {
  return {
    schemas: wordsOf(fields.schemas),
    path: wordsOf(fields.path),
    types: wordsOf(fields.types),
    keywords: wordsOf(fields.keywords),
    tables: listOf(fields.tables).map(({ schema, name, kind, columns }) => ({
      schema: String(schema),
      name: String(name),
      kind: String(kind),
      columns: variablesOf(columns)
    }))
  };
}

function variablesOf(value: unknown): Variable[] {
  return listOf(value).map(({ name, type }) => ({ name: String(name), type: String(type) }));
}

function listOf(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.map(fieldsOf) : [];
}

function wordsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter(word => typeof word === 'string') : [];
}
