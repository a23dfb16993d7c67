/** The result of a SQL cell as a table of its own, one page of rows at a time. */

import Jupyter from 'base/js/namespace';
import outputarea from 'notebook/js/outputarea';

import type { Line } from '../src/conversation';
import { fieldsOf } from '../src/protocol';
import { MIME, columnsOf, resultOf, type Result, type Texts } from '../src/sql/bundle';
import { lineTo } from './partner';

const TARGET = 'reactive.table';
const PAGE = 50;

export function showTables(): void {
  const { prototype } = outputarea.OutputArea;
  prototype.register_mime_type(
    MIME,
    function (value, metadata, element) {
      const result = resultOf(value);
      if (!result) {
        // The notebook takes the next form of the same output.
        throw new Error('not a table of this version');
      }
      const area = this.create_output_subarea(metadata, 'output_html rendered_html reactive-table', MIME);
      if (area[0]) {
        new Table(result, area[0]).show(0);
      }
      element.append(area);
      return area;
    },
    { safe: true, index: 0 }
  );
}

class Table {
  constructor(
    private readonly result: Result,
    area: HTMLElement
  ) {
    const { columns, rows, summary, notes } = result;
    this.body = make('tbody');
    this.where = make('span');
    this.back = this.button('Previous rows', '‹', -PAGE);
    this.next = this.button('Next rows', '›', PAGE);
    const table = make('table', make('thead', make('tr', ...columns.map(heading))), this.body);
    area.append(table);
    if (rows > PAGE) {
      area.append(make('nav', this.back, this.where, this.next));
    }
    area.append(make('small', [summary, ...notes].join(' ')));
  }

  show(start: number): void {
    const { first, rows } = this.result;
    const end = Math.min(start + PAGE, rows);
    if (end <= (first[0]?.length ?? 0)) {
      this.draw(
        start,
        first.map(column => column.slice(start, end))
      );
    } else {
      this.ask(start);
    }
  }

  private draw(start: number, columns: readonly Texts[]): void {
    const { rows } = this.result;
    const count = columns[0]?.length ?? 0;
    this.start = start;
    this.body.replaceChildren(
      ...Array.from({ length: count }, (_, row) =>
        make('tr', ...columns.map((column, place) => this.value(place, column[row] ?? null)))
      )
    );
    this.where.textContent = ` Rows ${start + 1} to ${start + count} of ${rows} `;
    this.back.disabled = start === 0;
    this.next.disabled = start + count >= rows;
  }

  private value(column: number, text: string | null): HTMLElement {
    const element = make('td', text ?? make('i', 'NULL'));
    element.style.textAlign = this.result.columns[column]?.numeric ? 'right' : 'left';
    return element;
  }

  private ask(start: number): void {
    const { kernel } = Jupyter.notebook;
    if (!kernel?.is_connected()) {
      this.where.textContent = ' There is no kernel to ask for more rows. ';
      return;
    }
    this.line ??= this.open(kernel);
    this.line.send({ op: 'page', id: this.result.id, start, count: PAGE, as: 'texts' });
  }

  private open(kernel: Classic.Kernel): Line {
    const line = lineTo(kernel, TARGET);
    line.onMsg = ({ content }) => {
      const { op, start, texts, message } = fieldsOf(content.data);
      if (op === 'page' && typeof start === 'number') {
        this.draw(start, columnsOf(texts));
      } else if (op === 'error' && typeof message === 'string') {
        this.where.textContent = ` ${message} `;
      }
    };
    line.open({ protocol: 1 });
    return line;
  }

  private button(label: string, sign: string, step: number): HTMLButtonElement {
    const button = document.createElement('button');
    button.className = 'btn btn-default btn-xs';
    button.setAttribute('aria-label', label);
    button.textContent = sign;
    button.addEventListener('click', () => {
      this.show(Math.max(0, this.start + step));
    });
    return button;
  }

  private readonly body: HTMLElement;
  private readonly where: HTMLElement;
  private readonly back: HTMLButtonElement;
  private readonly next: HTMLButtonElement;
  private start = 0;
  private line: Line | null = null;
}

function heading({ name, type }: Result['columns'][number]): HTMLElement {
  const element = make('th', name);
  element.title = type;
  return element;
}

function make(tag: string, ...children: (Node | string)[]): HTMLElement {
  const element = document.createElement(tag);
  element.append(...children);
  return element;
}
