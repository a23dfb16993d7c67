/** What people read of a cell: one word for its state, and sentences that say why. Pure. */

import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';

import type { CellMode, CellState, Outcome, Reason } from '../protocol';

export type Trans = Pick<IRenderMime.TranslationBundle, '__' | '_n'>;

/** The one state that a cell is shown in. */
export type Sight = 'new' | 'stale' | 'queued' | 'running' | 'ok' | 'error' | 'blocked' | 'off';

export const SIGHTS: readonly Sight[] = [
  'new',
  'stale',
  'queued',
  'running',
  'ok',
  'error',
  'blocked',
  'off'
];

/** What a sentence about one cell has to know of the others. */
export interface Surroundings {
  /** The place among the code cells, from 1; null if the notebook has no such cell. */
  place(id: string): number | null;
  outcome(id: string): Outcome | null;
}

export interface Named {
  readonly kind: 'name' | 'file' | 'table' | 'other';
  readonly label: string;
}

export function sightOf(state: CellState, mode: CellMode | null): Sight {
  if (state.activity !== 'idle') {
    return state.activity;
  }
  if (mode === 'off') {
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

export function wordOf(sight: Sight, trans: Trans): string {
  switch (sight) {
    case 'new':
      return trans.__('new');
    case 'stale':
      return trans.__('stale');
    case 'queued':
      return trans.__('queued');
    case 'running':
      return trans.__('running');
    case 'ok':
      return trans.__('up to date');
    case 'error':
      return trans.__('error');
    case 'blocked':
      return trans.__('blocked');
    case 'off':
      return trans.__('off');
  }
}

/** What the word means, where the kernel gives no reason. */
export function meaningOf(sight: Sight, trans: Trans): string {
  switch (sight) {
    case 'new':
      return trans.__('it has not run yet');
    case 'stale':
      return trans.__('it does not show what a run from top to bottom would show');
    case 'queued':
      return trans.__('it runs when its turn comes');
    case 'running':
      return trans.__('the kernel is at it');
    case 'ok':
      return trans.__('it shows what a run from top to bottom would show');
    case 'error':
      return trans.__('its latest run failed');
    case 'blocked':
      return trans.__('something that it needs is missing');
    case 'off':
      return trans.__('it never runs');
  }
}

/** Why a cell is as it is, to follow the state's word and a colon. */
export function because(reason: Reason, around: Surroundings, trans: Trans): string {
  const names = and(
    reason.names.map(name => `\`${named(name).label}\``),
    trans
  );
  const cells = cellsIn(reason.cells, around, trans);
  // The kernel knows what to call a random state or an option.
  if (reason.names.some(name => named(name).kind === 'other')) {
    return reason.message;
  }
  switch (reason.kind) {
    case 'edited':
      return trans.__('its text changed after the last run');
    case 'interrupted':
      return trans.__('an interrupt stopped it');
    case 'off':
      return trans.__('it is switched off');
    case 'cycle':
      return trans.__('%1 wait for each other through %2', cells, names);
    case 'input-changed':
      return cells
        ? trans.__('%1 changed in %2', names, cells)
        : trans.__('%1 got another value outside of the document', names);
    default:
      return cells && names
        ? trans.__('%1 comes from %2, which %3', names, cells, trouble(reason, around, trans))
        : reason.message;
  }
}

function trouble({ kind, cells }: Reason, around: Surroundings, trans: Trans): string {
  const one = cells.length;
  switch (kind) {
    case 'input-stale':
      return trans._n('is not up to date', 'are not up to date', one);
    case 'input-missing':
      return trans._n('has not run', 'have not run', one);
    case 'input-off':
      return trans._n('is switched off', 'are switched off', one);
    default:
      return cells.every(id => around.outcome(id) === 'blocked')
        ? trans._n('is blocked', 'are blocked', one)
        : trans.__('failed');
  }
}

/** "cell 3", "cells 2, 5 and 7"; nothing for cells that are gone. */
export function cellsIn(ids: readonly string[], around: Surroundings, trans: Trans): string {
  const places = ids.map(id => around.place(id)).filter(place => place !== null);
  const numbers = and(
    places.sort((one, other) => one - other).map(place => place.toString()),
    trans
  );
  return places.length ? trans._n('cell %2', 'cells %2', places.length, numbers) : '';
}

function and(items: readonly string[], trans: Trans): string {
  const shown = items.length > 4 ? [...items.slice(0, 3), trans.__('%1 more', items.length - 3)] : items;
  const last = shown.at(-1);
  return last === undefined || shown.length === 1
    ? (last ?? '')
    : trans.__('%1 and %2', shown.slice(0, -1).join(', '), last);
}

/** `file:PATH` and `table:HOST:PORT/DATABASE/SCHEMA.NAME` by the part that people know them by. A star stands for
 *  whatever there may be of the kind: it has no name to show. */
export function named(resource: string): Named {
  const colon = resource.indexOf(':');
  const scheme = resource.slice(0, Math.max(colon, 0));
  const rest = resource.slice(colon + 1);
  if (rest === '*') {
    return { kind: 'other', label: resource };
  }
  if (scheme === 'file') {
    return {
      kind: 'file',
      label: rest.replace(/\/$/, '').split('/').at(-1) ?? rest
    };
  }
  if (scheme === 'table') {
    const table = rest.split('/').at(-1) ?? rest;
    return { kind: 'table', label: table.replace(/^public\./, '') };
  }
  return { kind: scheme ? 'other' : 'name', label: resource };
}

/** "0.4 s", "12 s", "2:05". */
export function duration(milliseconds: number): string {
  const seconds = milliseconds / 1000;
  if (seconds < 10) {
    return `${(Math.floor(seconds * 10) / 10).toFixed(1)} s`;
  }
  const whole = Math.floor(seconds);
  if (whole < 60) {
    return `${whole} s`;
  }
  const clock = [Math.floor(whole / 60) % 60, whole % 60];
  const hours = Math.floor(whole / 3600);
  const text = clock
    .map((part, index) => (index || hours ? part.toString().padStart(2, '0') : `${part}`))
    .join(':');
  return hours ? `${hours}:${text}` : text;
}
