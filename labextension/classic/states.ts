/** The state of each cell beside its prompt: a picture, a word, and in the tooltip why. */

import { cellAttributes, explanation, notebookAttributes, type Attributes, type Model } from '../src/model';
import { cellModeOf, type CellState } from '../src/protocol';
import { codeCells } from './cells';

/** How a state looks: an icon of Font Awesome's, which the notebook brings, and a word. */
interface Look {
  readonly icon: string;
  readonly word: string;
  readonly meaning: string;
}

const LOOKS = {
  new: { icon: 'circle-o', word: 'new', meaning: 'it has not run yet' },
  stale: {
    icon: 'clock-o',
    word: 'stale',
    meaning: 'it does not show what a run from top to bottom would show'
  },
  queued: { icon: 'ellipsis-h', word: 'queued', meaning: 'it runs when its turn comes' },
  running: { icon: 'play-circle-o', word: 'running', meaning: 'the kernel is at it' },
  ok: { icon: 'check', word: '', meaning: 'up to date: it shows what a run from top to bottom would show' },
  error: { icon: 'times-circle', word: 'error', meaning: 'its latest run failed' },
  blocked: { icon: 'minus-circle', word: 'blocked', meaning: 'something that it needs is missing' },
  off: { icon: 'power-off', word: 'off', meaning: 'it never runs' }
} satisfies Readonly<Record<string, Look>>;

export function showStates(
  notebook: Classic.Notebook,
  model: Model,
  which: ReadonlySet<string> | null
): void {
  const element = notebook.element[0];
  if (element) {
    mark(element, notebookAttributes(model));
  }
  for (const cell of codeCells(notebook)) {
    if (which === null || which.has(cell.id)) {
      showCell(cell, model.cells.get(cell.id));
    }
  }
}

function showCell(cell: Classic.CodeCell, state: CellState | undefined): void {
  const element = cell.element[0];
  const prompt = element?.querySelector('.prompt_container');
  if (!element || !prompt) {
    return;
  }
  mark(element, cellAttributes(state));
  const badge = prompt.querySelector('.reactive-state');
  if (!state) {
    badge?.remove();
  } else {
    draw(badge ?? prompt.insertAdjacentElement('afterbegin', document.createElement('span')), cell, state);
  }
}

function draw(badge: Element | null, cell: Classic.CodeCell, state: CellState): void {
  const sight = sightOf(cell, state);
  const { icon, word, meaning } = LOOKS[sight];
  const sentence = [word, explanation(state) ?? meaning].filter(Boolean).join(': ');
  if (badge && (badge.getAttribute('title') !== sentence || badge.getAttribute('data-sight') !== sight)) {
    mark(badge, {
      class: 'reactive-state',
      role: 'img',
      title: sentence,
      'aria-label': sentence,
      'data-sight': sight
    });
    badge.innerHTML = `<i class="fa fa-${icon}"></i><span>${word}</span>`;
  }
}

function sightOf(cell: Classic.CodeCell, state: CellState): keyof typeof LOOKS {
  if (state.activity !== 'idle') {
    return state.activity;
  }
  if (cellModeOf(cell.metadata) === 'off') {
    return 'off';
  }
  if (state.outcome === 'blocked') {
    return 'blocked';
  }
  if (state.freshness !== 'fresh') {
    return state.freshness;
  }
  return state.outcome === 'error' ? 'error' : 'ok';
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
