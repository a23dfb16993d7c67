/** The bar that says which rows are shown: conditions on columns, all of which hold. */

import type { TranslationBundle } from '@jupyterlab/translation';
import { Widget } from '@lumino/widgets';

import type { Column } from './bundle';
import { button, choice, element, field } from './elements';
import type { Condition, Rows } from './rows';

const RELATIONS = ['contains', '=', '!=', '<', '<=', '>', '>=', 'null', 'not null'] as const;

export class FilterBar extends Widget {
  constructor(
    columns: readonly Column[],
    private readonly rows: Rows,
    private readonly trans: TranslationBundle
  ) {
    super();
    this.addClass('jp-ReactiveTable-filter');
    this.node.setAttribute('data-lm-suppress-shortcuts', 'true');
    this.column = choice(trans.__('Column'), []);
    this.relation = choice(
      trans.__('Condition'),
      RELATIONS.map(each => [each, each]),
      value => {
        this.value.hidden = value.endsWith('null');
      }
    );
    this.value = field(trans.__('Value'), trans.__('value'));
    this.value.addEventListener('keydown', event => {
      if (event.key === 'Enter') {
        this.add();
      }
    });
    const add = button(trans.__('Add'), trans.__('Show only rows for which this holds'), () => {
      this.add();
    });
    this.node.append(this.column, this.relation, this.value, add, this.list);
    this.offer(columns);
    this.hide();
    rows.arrived.connect(this.show_, this);
  }

  /** Show or hide the bar; answers whether it is shown now. */
  toggle(): boolean {
    this.setHidden(!this.isHidden);
    if (!this.isHidden) {
      this.value.focus();
    }
    return !this.isHidden;
  }

  offer(columns: readonly Column[]): void {
    this.column.replaceChildren(...columns.map(({ name }) => new Option(name, name)));
  }

  private add(): void {
    const condition = { column: this.column.value, is: this.relation.value, value: this.value.value };
    this.value.value = '';
    void this.rows.filter([...this.rows.conditions, condition]);
  }

  private show_(): void {
    this.list.replaceChildren(...this.rows.conditions.map(condition => this.chip(condition)));
  }

  private chip(condition: Condition): HTMLElement {
    const { column, is, value } = condition;
    const chip = element(
      'span',
      'jp-ReactiveTable-chip',
      `${column} ${is} ${is.endsWith('null') ? '' : value} `
    );
    const remove = button('✕', this.trans.__('Take this condition away'), () => {
      void this.rows.filter(this.rows.conditions.filter(each => each !== condition));
    });
    chip.append(remove);
    return chip;
  }

  private readonly column: HTMLSelectElement;
  private readonly relation: HTMLSelectElement;
  private readonly value: HTMLInputElement;
  private readonly list = element('span', 'jp-ReactiveTable-chips');
}
