/** A result in an output: summary, grid, filters, column summaries and files. */

import type { IThemeManager } from '@jupyterlab/apputils';
import type { NotebookPanel } from '@jupyterlab/notebook';
import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import type { TranslationBundle } from '@jupyterlab/translation';
import { type Message, MessageLoop } from '@lumino/messaging';
import { Panel, Widget } from '@lumino/widgets';

import { MIME, type Result, resultOf } from './bundle';
import { button, choice, element } from './elements';
import { FilterBar } from './filter';
import { ROW_HEIGHT, ResultModel, dress, fit, gridOf } from './grid';
import { Line, Unanswered } from './line';
import { type Ask, Rows } from './rows';
import { SummaryView } from './summary';

const TARGET = 'reactive.table';
// Rows that are seen at once, at most.
const SEEN = 12;
const FILES = { csv: 'text/csv', parquet: 'application/vnd.apache.parquet' } as const;

/** What a result needs of the application. */
export interface Surroundings {
  readonly trans: TranslationBundle;
  readonly themes: IThemeManager | null;
  panelOf(node: Node): NotebookPanel | null;
}

export class RenderedResult extends Panel implements IRenderMime.IRenderer {
  constructor(private readonly around: Surroundings) {
    super();
    this.addClass('jp-ReactiveTable');
  }

  renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    const result = resultOf(model.data[MIME]);
    if (!result) {
      this.node.textContent = this.around.trans.__('This result cannot be read.');
    } else if (this.view) {
      this.view.become(result);
    } else {
      this.view = new ResultView(result, this.around);
      this.addWidget(this.view);
    }
    return Promise.resolve();
  }

  private view: ResultView | null = null;
}

class ResultView extends Panel {
  constructor(
    private result: Result,
    private readonly around: Surroundings
  ) {
    super();
    const ask: Ask = question => {
      const kernel = around.panelOf(this.node)?.sessionContext.session?.kernel;
      return kernel ? Line.to(kernel, TARGET).ask(question) : null;
    };
    this.rows = new Rows(result, ask);
    this.model = new ResultModel(result, this.rows);
    this.grid = gridOf(
      this.model,
      column => void this.sortBy(column),
      () => {
        around.panelOf(this.node)?.content.node.focus();
      }
    );
    this.filters = new FilterBar(result.columns, this.rows, around.trans);
    this.summary = new SummaryView(this.rows, around.trans);
    this.build();
    this.rows.arrived.connect(this.tell, this);
    this.rows.arrived.connect(this.speak, this);
    this.grid.selectionModel?.changed.connect(this.speak, this);
    around.themes?.themeChanged.connect(this.dress, this);
    this.tell();
  }

  override dispose(): void {
    this.around.themes?.themeChanged.disconnect(this.dress, this);
    this.observer.disconnect();
    super.dispose();
  }

  /** Another state of the same output: more rows, or another result. */
  become(result: Result): void {
    const shape = JSON.stringify(result.columns);
    const other = shape !== JSON.stringify(this.result.columns);
    this.result = result;
    this.model.result = result;
    this.rows.become(result);
    if (other) {
      fit(this.grid, result);
      this.filters.offer(result.columns);
      this.summary.fold();
    }
    this.tell();
  }

  protected override onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    this.observer.observe(this.node);
    this.dress();
  }

  protected override onBeforeDetach(message: Message): void {
    this.observer.disconnect();
    super.onBeforeDetach(message);
  }

  private build(): void {
    const { trans } = this.around;
    const bar = element('div', 'jp-ReactiveTable-bar');
    this.words.setAttribute('role', 'status');
    const files = choice(
      trans.__('Save as a file'),
      [
        ['', trans.__('Save as…')],
        ['csv', 'CSV'],
        ['parquet', 'Parquet']
      ],
      value => {
        files.value = '';
        void this.save(value);
      }
    );
    const filter = button(trans.__('Filter'), trans.__('Show only some rows'), () => {
      filter.setAttribute('aria-expanded', String(this.filters.toggle()));
    });
    const columns = button(trans.__('Column'), trans.__('What is in the selected column'), () => {
      void this.summarise();
    });
    const copy = button(trans.__('Copy'), trans.__('Copy the selected cells'), () => {
      this.grid.copyToClipboard();
    });
    filter.setAttribute('aria-expanded', 'false');
    this.tools.push(filter, columns, copy, files);
    bar.append(this.words, ...this.tools);
    this.grid.node.setAttribute('role', 'grid');
    this.grid.node.tabIndex = 0;
    // The notebook's own keys would move to another cell.
    this.grid.node.setAttribute('data-lm-suppress-shortcuts', 'true');
    this.spoken.setAttribute('aria-live', 'polite');
    const bottom = element('div', 'jp-ReactiveTable-bottom');
    bottom.append(this.notes, this.spoken);
    this.addWidget(new Widget({ node: bar }));
    this.addWidget(this.filters);
    this.addWidget(this.grid);
    this.addWidget(this.summary);
    this.addWidget(new Widget({ node: bottom }));
  }

  /** Say how many rows there are of which, and what else is to be said. */
  private tell(): void {
    const { trans } = this.around;
    const { result, rows } = this;
    const filtered = rows.conditions.length
      ? trans.__('%1 of %2 rows', rows.count.toLocaleString(), result.rows.toLocaleString())
      : '';
    this.words.textContent = [filtered, result.summary].filter(Boolean).join(' · ');
    this.words.classList.toggle('jp-mod-coming', result.coming);
    const notes = [...result.notes];
    if (rows.problem) {
      notes.push(trans.__('%1 Shown are the first %2 rows.', rows.problem, rows.count.toLocaleString()));
    }
    this.notes.replaceChildren(...notes.map(note => element('div', '', note)));
    this.tools.forEach(tool => {
      tool.toggleAttribute('disabled', result.coming);
    });
    this.grid.node.setAttribute('aria-rowcount', String(rows.count));
    this.grid.node.setAttribute('aria-colcount', String(result.columns.length));
    this.grid.node.setAttribute('aria-label', trans.__('Result: %1. s sorts by the column.', result.summary));
    const seen = Math.max(1, Math.min(SEEN, rows.count));
    const bottom = 2;
    this.grid.node.style.height = `${this.grid.headerHeight + seen * ROW_HEIGHT + bottom + SCROLLBAR}px`;
  }

  /** For those who hear the page: where the cursor is and what stands there. */
  private speak(): void {
    const selection = this.grid.selectionModel;
    const [row, column] = [selection?.cursorRow ?? -1, selection?.cursorColumn ?? -1];
    if (row >= 0 && row < this.rows.count && column >= 0) {
      const value = this.rows.at(row, column);
      const name = this.result.columns[column]?.name ?? '';
      this.spoken.textContent = `${name}: ${value === null ? 'NULL' : (value ?? '…')}`;
    }
  }

  private async sortBy(column: number): Promise<void> {
    const name = this.result.columns[column]?.name;
    if (name === undefined || this.result.coming) {
      return;
    }
    const { sort } = this.rows;
    const next = sort?.column !== name ? false : sort.descending ? null : true;
    await this.rows.order(next === null ? null : { column: name, descending: next });
  }

  private async summarise(): Promise<void> {
    const column = this.result.columns[Math.max(0, this.grid.selectionModel?.cursorColumn ?? 0)];
    if (column) {
      await this.summary.toggle(column.name);
    }
  }

  private async save(form: string): Promise<void> {
    if (form !== 'csv' && form !== 'parquet') {
      return;
    }
    try {
      const { bytes } = await this.rows.export(form);
      download(new Blob([bytes ?? new ArrayBuffer(0)], { type: FILES[form] }), `result.${form}`);
    } catch (reason) {
      this.complain(reason);
    }
  }

  private complain(reason: unknown): void {
    const said = reason instanceof Unanswered || reason instanceof Error ? reason.message : String(reason);
    this.notes.replaceChildren(element('div', '', said));
  }

  private dress(): void {
    // The theme's style sheet is there a moment after its name.
    window.requestAnimationFrame(() => {
      if (this.isAttached) {
        dress(this.grid, this.model);
      }
    });
  }

  private readonly rows: Rows;
  private readonly model: ResultModel;
  private readonly grid;
  private readonly filters: FilterBar;
  private readonly summary: SummaryView;
  private readonly words = element('span', 'jp-ReactiveTable-words');
  private readonly notes = element('div', 'jp-ReactiveTable-notes');
  private readonly spoken = element('div', 'jp-ReactiveTable-spoken');
  private readonly tools: HTMLElement[] = [];
  private readonly observer = new ResizeObserver(() => {
    MessageLoop.postMessage(this.grid, Widget.ResizeMessage.UnknownSize);
  });
}

const SCROLLBAR = 18;

function download(blob: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}
