/** The pictures of the states, told apart by their shapes alone, and the icons of commands. */

import { LabIcon } from '@jupyterlab/ui-components';

import type { Sight } from './words';

export type Symbol = Sight | 'manual' | 'table' | 'file';

const LINE =
  'fill="none" stroke="currentColor" stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round"';
const SOLID = 'fill="currentColor" fill-rule="evenodd"';

// Each fills the same square of 16, so that none jumps when it becomes another.
const SHAPES: Readonly<Record<Symbol, string>> = {
  new: `<circle cx="8" cy="8" r="5.5" ${LINE} stroke-dasharray="2.2 2.12"/>`,
  stale: `<circle cx="8" cy="8" r="5.7" ${LINE}/><path d="M8 4.9V8l2.2 1.5" ${LINE}/>`,
  queued: `<path d="M3.2 6.6a1.5 1.5 0 110 3 1.5 1.5 0 010-3zm4.8 0a1.5 1.5 0 110 3 1.5 1.5 0 010-3zm4.8 0a1.5 1.5 0 110 3 1.5 1.5 0 010-3z" ${SOLID}/>`,
  running: `<path class="jp-reactive-Spin" d="M8 2.2A5.8 5.8 0 112.2 8" ${LINE}/><path d="M6.7 5.7v4.6L10.3 8z" ${SOLID}/>`,
  ok: `<path d="M3.4 8.6l3 3 6.2-6.8" ${LINE}/>`,
  error: `<path d="M8 1.6a6.4 6.4 0 110 12.8A6.4 6.4 0 018 1.6zM5.4 4.4l-1 1L7 8l-2.6 2.6 1 1L8 9l2.6 2.6 1-1L9 8l2.6-2.6-1-1L8 7z" ${SOLID}/>`,
  blocked: `<path d="M5.2 1.6h5.6l3.6 3.6v5.6l-3.6 3.6H5.2l-3.6-3.6V5.2zM4.4 7.1v1.8h7.2V7.1z" ${SOLID}/>`,
  off: `<path d="M8 2.2v5M5 4a5.4 5.4 0 106 0" ${LINE}/>`,
  manual: `<path d="M5.6 8.8V3.6a1.1 1.1 0 012.2 0v3.6l4 .9a1.5 1.5 0 011.2 1.7l-.5 3.4a1.4 1.4 0 01-1.4 1.2H7.4a1.6 1.6 0 01-1.2-.5L3 10.6l.5-.6a1.3 1.3 0 011.6-.2z" ${LINE}/>`,
  table: `<path d="M2.5 3.5h11v9h-11zM2.5 6.5h11M6.5 6.5v6" ${LINE}/>`,
  file: `<path d="M4 2h5l3 3v9H4zM9 2v3h3" ${LINE}/>`
};

const SVG = 'http://www.w3.org/2000/svg';
const SPRITE = 'jp-reactive-symbols';

/** Put the pictures where every cell can point at them; once for a page. */
export function provideSymbols(): void {
  if (document.getElementById(SPRITE)) {
    return;
  }
  const sprite = svg('svg', {
    id: SPRITE,
    width: '0',
    height: '0',
    'aria-hidden': 'true'
  });
  sprite.style.position = 'absolute';
  sprite.innerHTML = Object.entries(SHAPES)
    .map(([name, shape]) => `<symbol id="jp-reactive-${name}" viewBox="0 0 16 16">${shape}</symbol>`)
    .join('');
  document.body.append(sprite);
}

/** An element that shows a picture; `point` makes it show another one. */
export function picture(name: Symbol): SVGSVGElement {
  const element = svg('svg', {
    viewBox: '0 0 16 16',
    'aria-hidden': 'true',
    class: 'jp-reactive-Symbol'
  });
  element.append(svg('use', { href: `#jp-reactive-${name}` }));
  return element;
}

export function point(element: Element, name: Symbol): void {
  element.firstElementChild?.setAttribute('href', `#jp-reactive-${name}`);
}

export function svg<Name extends keyof SVGElementTagNameMap>(
  name: Name,
  attributes: Readonly<Record<string, string>> = {}
): SVGElementTagNameMap[Name] {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) {
    element.setAttribute(key, value);
  }
  return element;
}

function icon(name: string, shape: string): LabIcon {
  const svgstr = `<svg xmlns="${SVG}" width="16" viewBox="0 0 16 16"><g class="jp-icon3" fill="#616161">${shape}</g></svg>`;
  return new LabIcon({ name: `jupyter-reactive:${name}`, svgstr });
}

export const graphIcon = icon(
  'graph',
  '<path d="M6 1h4v3.4H8.7v1.8l3.6 2.6v2.3h1.4V15H9.6v-3.9h1.5V9.5L8 7.2 4.9 9.5v1.6h1.5V15H2.3v-3.9h1.4V8.8l3.6-2.6V4.4H6z"/>'
);
export const staleIcon = icon(
  'run-stale',
  '<path d="M8 1.5a6.5 6.5 0 106.4 7.6h-1.6A5 5 0 118 3a5 5 0 013.4 1.4L9.2 6.5h5.3V1.3l-2 2A6.5 6.5 0 008 1.5z"/><path d="M6.6 5.5v5L10.6 8z"/>'
);
export const autoIcon = icon('auto', '<path d="M9.4 1L3.2 9.2h4L6.6 15l6.2-8.2h-4z"/>');
export const lazyIcon = icon('lazy', '<path d="M4.5 2.5h2.6v11H4.5zm4.4 0h2.6v11H8.9z"/>');
export const modeIcons = {
  auto: autoIcon,
  manual: icon('manual', lines('manual')),
  off: icon('off', lines('off'))
};

/** A shape of lines, which themes must paint but not fill. */
function lines(name: Symbol): string {
  return SHAPES[name]
    .replaceAll('fill="none"', 'style="fill: none"')
    .replaceAll('stroke="currentColor"', 'class="jp-icon3" stroke="#616161"');
}

export const lessIcon = icon('less', '<path d="M3 7.2h10v1.6H3z"/>');
export const fitIcon = icon(
  'fit',
  '<path d="M2 2h4.5v1.5h-3v3H2zm7.5 0H14v4.5h-1.5v-3h-3zM2 9.5h1.5v3h3V14H2zm10.5 0H14V14H9.5v-1.5h3z"/>'
);
export const sqlIcon = icon(
  'sql',
  '<path d="M8 1.5c3.3 0 5.5 1 5.5 2.4v8.2c0 1.4-2.2 2.4-5.5 2.4s-5.5-1-5.5-2.4V3.9C2.500 2.500 4.700 1.500 8 1.500zM8 3C5.500 3 4 3.600 4 3.900s1.500.9 4 .9 4-.6 4-.9S10.500 3 8 3zm4 2.700c-1 .4-2.400.6-4 .6s-3-.2-4-.6v2.200c.200.300 1.600.8 4 .8s3.800-.5 4-.8zm0 4.100c-1 .4-2.400.6-4 .6s-3-.2-4-.6v2.300c.200.300 1.600.9 4 .9s3.800-.6 4-.9z"/>'
);
