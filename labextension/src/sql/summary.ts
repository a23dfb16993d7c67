/** What is in one column: how many values, the least and the greatest, and the most frequent ones. */

import type { TranslationBundle } from '@jupyterlab/translation';
import { Widget } from '@lumino/widgets';

import { fieldsOf } from './bundle';
import { element } from './elements';
import type { Rows } from './rows';

export class SummaryView extends Widget {
  constructor(
    private readonly rows: Rows,
    private readonly trans: TranslationBundle
  ) {
    super();
    this.addClass('jp-ReactiveTable-summary');
    this.node.setAttribute('role', 'region');
    this.hide();
  }

  /** Show a column, or hide it if it is shown. */
  async toggle(column: string): Promise<void> {
    if (!this.isHidden && this.shown === column) {
      this.fold();
      return;
    }
    this.shown = column;
    this.node.setAttribute('aria-label', this.trans.__('Column %1', column));
    try {
      const { fields } = await this.rows.summary(column);
      this.fill(column, fields);
    } catch (reason) {
      this.node.replaceChildren(
        element('div', '', reason instanceof Error ? reason.message : String(reason))
      );
    }
    this.show();
  }

  fold(): void {
    this.hide();
  }

  private fill(column: string, fields: Record<string, unknown>): void {
    const { trans } = this;
    const facts: [string, unknown][] = [
      [trans.__('rows'), fields.rows],
      [trans.__('NULL'), fields.nulls],
      [trans.__('different'), fields.distinct],
      [trans.__('least'), fields.min],
      [trans.__('greatest'), fields.max]
    ];
    const list = element('dl');
    for (const [name, value] of facts) {
      if (value !== undefined) {
        list.append(element('dt', '', name), element('dd', '', said(value)));
      }
    }
    this.node.replaceChildren(element('strong', '', column), list, this.frequent(fields));
  }

  private frequent(fields: Record<string, unknown>): HTMLElement {
    const listed = Array.isArray(fields.frequent) ? fields.frequent.map(fieldsOf) : [];
    const most = Math.max(1, ...listed.map(each => Number(each.count)));
    const table = element('div', 'jp-ReactiveTable-frequent');
    for (const { value, count } of listed) {
      const bar = element('span', 'jp-ReactiveTable-share');
      bar.style.setProperty('--share', `${(100 * Number(count)) / most}%`);
      table.append(element('span', '', said(value)), bar, element('span', '', said(count)));
    }
    return table;
  }

  private shown = '';
}

function said(value: unknown): string {
  if (value === null) {
    return 'NULL';
  }
  return typeof value === 'number' ? value.toLocaleString() : typeof value === 'string' ? value : '';
}
