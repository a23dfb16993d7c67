/** The rows of a shown result: the first from the output itself, all others from the kernel, page by page. */

import type { JSONObject } from '@lumino/coreutils';
import { type ISignal, Signal } from '@lumino/signaling';

import { columnsOf, type Result, type Texts } from './bundle';
import type { Answer } from './line';

export const PAGE = 200;

export type Sort = { readonly column: string; readonly descending: boolean };
export type Condition = { readonly column: string; readonly is: string; readonly value: string };

/** Asks the kernel; null where there is none. */
export type Ask = (question: JSONObject) => Promise<Answer> | null;

/** What is other than before: all rows, or those that have come. */
export type Arrived = 'all' | { readonly start: number; readonly count: number };

export class Rows {
  constructor(
    private result: Result,
    private readonly ask: Ask
  ) {
    this.count = this.all();
  }

  /** How many rows there are to scroll through. */
  count: number;
  /** What is the matter, for people; empty if all is well. */
  problem = '';
  sort: Sort | null = null;
  conditions: readonly Condition[] = [];

  get arrived(): ISignal<this, Arrived> {
    return this.arrivals;
  }

  get changed(): boolean {
    return this.sort !== null || this.conditions.length > 0;
  }

  /** Take in more of the same result, or another one. */
  become(result: Result): void {
    const other = result.id !== this.result.id;
    this.result = result;
    if (other) {
      this.sort = null;
      this.conditions = [];
    }
    this.forget();
    this.count = this.all();
    this.arrivals.emit('all');
  }

  /** A value; undefined while it is on its way. */
  at(row: number, column: number): string | null | undefined {
    if (!this.changed && row < this.firstCount()) {
      return this.result.first[column]?.[row];
    }
    if (row >= this.count) {
      return undefined;
    }
    const page = Math.floor(row / PAGE);
    const texts = this.pages.get(page);
    if (texts === undefined) {
      void this.load(page);
    }
    return texts?.[column]?.[row - page * PAGE];
  }

  order(sort: Sort | null): Promise<void> {
    this.sort = sort;
    return this.again();
  }

  filter(conditions: readonly Condition[]): Promise<void> {
    this.conditions = conditions;
    return this.again();
  }

  async summary(column: string): Promise<Answer> {
    return this.must({ op: 'summary', id: this.result.id, column, ...this.view() });
  }

  async export(format: string): Promise<Answer> {
    return this.must({ op: 'export', id: this.result.id, format, ...this.view() });
  }

  private async again(): Promise<void> {
    this.forget();
    if (this.changed) {
      await this.load(0);
    } else {
      this.count = this.all();
    }
    this.arrivals.emit('all');
  }

  private forget(): void {
    this.pages.clear();
    this.generation++;
    this.problem = '';
  }

  private async load(page: number): Promise<void> {
    const { generation } = this;
    this.pages.set(page, null);
    try {
      const start = page * PAGE;
      const question = { op: 'page', id: this.result.id, start, count: PAGE, as: 'texts', ...this.view() };
      const { fields } = await this.must(question);
      if (generation === this.generation) {
        this.take(page, columnsOf(fields.texts), Number(fields.rows));
      }
    } catch (reason) {
      if (generation === this.generation) {
        this.fail(reason instanceof Error ? reason.message : String(reason));
      }
    }
  }

  private take(page: number, texts: readonly Texts[], count: number): void {
    this.pages.set(page, texts);
    if (count !== this.count) {
      this.count = count;
      this.arrivals.emit('all');
    } else {
      this.arrivals.emit({ start: page * PAGE, count: texts[0]?.length ?? 0 });
    }
  }

  /** The kernel has the rows no more: what the output itself holds remains. */
  private fail(problem: string): void {
    this.sort = null;
    this.conditions = [];
    this.forget();
    this.problem = problem;
    this.count = this.firstCount();
    this.arrivals.emit('all');
  }

  private must(question: JSONObject): Promise<Answer> {
    return this.ask(question) ?? Promise.reject(new Error('There is no kernel.'));
  }

  private view(): JSONObject {
    return {
      sort: this.sort ? [{ ...this.sort }] : [],
      filter: this.conditions.map(condition => ({ ...condition }))
    };
  }

  private all(): number {
    // Rows that are on their way cannot be asked for yet.
    return this.result.coming ? this.firstCount() : this.result.rows;
  }

  private firstCount(): number {
    return this.result.first[0]?.length ?? 0;
  }

  // A page that is on its way is null.
  private readonly pages = new Map<number, readonly Texts[] | null>();
  private readonly arrivals = new Signal<this, Arrived>(this);
  private generation = 0;
}
