/** The state of each cell beside its input number: a picture, a word, and in the tooltip a sentence that says why. */

import { cellAttributes, explanation, notebookAttributes, type Attributes, type Model } from '../src/model';
import { cellModeOf, type CellState } from '../src/protocol';
import {
  because,
  meaningOf,
  sightOf,
  wordOf,
  type Sight,
  type Surroundings,
  type Trans
} from '../src/views/words';
import { codeCells } from './cells';

/** Pictures of Font Awesome's, which the notebook brings. */
const ICONS: Readonly<Record<Sight, string>> = {
  new: 'circle-o',
  stale: 'clock-o',
  queued: 'ellipsis-h',
  running: 'play-circle-o',
  ok: 'check',
  error: 'times-circle',
  blocked: 'minus-circle',
  off: 'power-off'
};

/** Words that need not be said all the time. */
const QUIET: ReadonlySet<Sight> = new Set(['new', 'ok']);

/** The classic notebook's own dictionaries know none of these sentences. */
const ENGLISH: Trans = {
  __: (text, ...values) => filled(text, values),
  _n: (one, many, count, ...values: unknown[]) => filled(count === 1 ? one : many, [count, ...values])
};

function filled(text: string, values: readonly unknown[]): string {
  return text.replace(/%(\d)/g, (_, place: string) => String(values[Number(place) - 1]));
}

export function showStates(
  notebook: Classic.Notebook,
  model: Model,
  which: ReadonlySet<string> | null
): void {
  const element = notebook.element[0];
  if (element) {
    mark(element, notebookAttributes(model));
  }
  const cells = codeCells(notebook);
  const places = new Map(cells.map((cell, index) => [cell.id, index + 1]));
  const around: Surroundings = {
    place: id => places.get(id) ?? null,
    outcome: id => model.cells.get(id)?.outcome ?? null
  };
  for (const cell of cells) {
    if (which === null || which.has(cell.id)) {
      showCell(cell, model.cells.get(cell.id), around);
    }
  }
}

function showCell(cell: Classic.CodeCell, state: CellState | undefined, around: Surroundings): void {
  const element = cell.element[0];
  const prompt = element?.querySelector('.prompt_container');
  if (!element || !prompt) {
    return;
  }
  mark(element, cellAttributes(state));
  const number = prompt.querySelector('.input_prompt');
  if (number) {
    mark(number, { title: explanation(state) });
  }
  const badge = prompt.querySelector('.reactive-state');
  if (!state) {
    badge?.remove();
  } else {
    draw(badge ?? addBadge(prompt), cell, state, around);
  }
}

function addBadge(prompt: Element): Element {
  const badge = document.createElement('span');
  mark(badge, { class: 'reactive-state', role: 'img' });
  prompt.prepend(badge);
  return badge;
}

function draw(badge: Element, cell: Classic.CodeCell, state: CellState, around: Surroundings): void {
  const mode = cellModeOf(cell.metadata);
  const sight = sightOf(state, mode);
  const word = wordOf(sight, ENGLISH);
  const manual = mode === 'manual' ? ' It runs only when you run it.' : '';
  const sentence = `Cell ${around.place(cell.id) ?? 0}: ${word}, ${why(sight, state, around)}.${manual}`;
  const label = mode === 'manual' && state.activity === 'idle' ? 'manual' : QUIET.has(sight) ? '' : word;
  if (badge.getAttribute('title') !== sentence) {
    mark(badge, { title: sentence, 'aria-label': sentence, 'data-sight': sight });
    badge.innerHTML = `<i class="fa fa-${ICONS[sight]}" aria-hidden="true"></i><span>${label}</span>`;
  }
}

function why(sight: Sight, { reason }: CellState, around: Surroundings): string {
  const text = reason && sight !== 'running' ? because(reason, around, ENGLISH) : meaningOf(sight, ENGLISH);
  return text.replaceAll('`', '').replace(/\.$/, '');
}

function mark(element: Element, attributes: Attributes): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null) {
      element.removeAttribute(name);
    } else {
      element.setAttribute(name, value);
    }
  }
}
