/** Where nodes and links of a graph go: layers from top to bottom, links through lanes of their own. Pure.
 *
 *  The usual four steps: turn links around that close a cycle; give every node a layer below all that it takes
 *  from; order each layer so that links cross little; move nodes to the middle of their neighbours.
 *  A link that passes layers does so through one bend in each. All long links of one node share their bends:
 *  a cell of imports that everybody reads makes one trunk, not two hundred. */

import { middles } from './middles';

export interface Size {
  readonly width: number;
  readonly height: number;
  /** Between two layers, and between two neighbours of one layer. */
  readonly apart: number;
  readonly beside: number;
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** One piece of one or more links, from the bottom of a node or bend to the top of the next one. */
export interface Piece {
  /** How far up it begins, straight above `from`. */
  readonly start: number;
  readonly from: Point;
  readonly to: Point;
  readonly source: string;
  /** Where the link ends; null for a piece of the trunk that all long links of the source share. */
  readonly target: string | null;
}

export interface Layout {
  /** The middles of the nodes. */
  readonly places: ReadonlyMap<string, Point>;
  readonly pieces: readonly Piece[];
  readonly rows: readonly (readonly string[])[];
  readonly width: number;
  readonly height: number;
  /** Of nodes and the room between them. */
  readonly size: Size;
}

type Pair = readonly [from: string, to: string];

/** A place in a layer: a node, or the bend at which a node's long links pass the layer. */
interface Slot {
  readonly id: string;
  readonly node: boolean;
  readonly row: number;
  readonly above: Slot[];
  readonly below: Slot[];
}

const LANE = 12;
const SWEEPS = 6;

/** `columns` is how many nodes stand side by side at most. */
export function layoutOf(
  ids: readonly string[],
  links: readonly Pair[],
  columns: number,
  size: Size
): Layout {
  const known = new Set(ids);
  const pairs = downward(
    ids,
    links.filter(([from, to]) => from !== to && known.has(from) && known.has(to))
  );
  const rows = rowsOf(ids, pairs, columns);
  const slots = slotsOf(rows, pairs);
  const ordered = untangled(slots);
  return placed(ordered, rows.length, size);
}

/** The links, those turned around that lead back to where a walk in document order came from. */
export function downward(ids: readonly string[], links: readonly Pair[]): Pair[] {
  const after = grouped(links);
  const state = new Map<string, 'open' | 'done'>();
  const turned: Pair[] = [];
  const walk = (start: string): void => {
    // A stack of its own: a chain of thousands of cells is deeper than the engine's.
    const path: { id: string; next: number }[] = [{ id: start, next: 0 }];
    state.set(start, 'open');
    for (let top = path.at(-1); top; top = path.at(-1)) {
      const to = after.get(top.id)?.[top.next++];
      if (to === undefined) {
        state.set(top.id, 'done');
        path.pop();
      } else if (state.get(to) === 'open') {
        turned.push([to, top.id]);
      } else {
        turned.push([top.id, to]);
        if (!state.has(to)) {
          state.set(to, 'open');
          path.push({ id: to, next: 0 });
        }
      }
    }
  };
  const targets = new Set(links.map(([, to]) => to));
  for (const id of [...ids.filter(id => !targets.has(id)), ...ids]) {
    if (!state.has(id)) {
      walk(id);
    }
  }
  return unique(turned);
}

/** Rows from the top: the layers, wide ones cut into several, and at the end the nodes that have no links. */
export function rowsOf(ids: readonly string[], links: readonly Pair[], columns: number): string[][] {
  const layers = layersOf(ids, links);
  const linked = new Set(links.flat());
  const grown: string[][] = [];
  for (const id of ids.filter(id => linked.has(id))) {
    (grown[layers.get(id) ?? 0] ??= []).push(id);
  }
  const alone = ids.filter(id => !linked.has(id));
  return [...grown, alone].flatMap(row => cut(row, columns));
}

function layersOf(ids: readonly string[], links: readonly Pair[]): Map<string, number> {
  const after = grouped(links);
  const open = new Map<string, number>();
  links.forEach(([, to]) => open.set(to, (open.get(to) ?? 0) + 1));
  const layers = new Map<string, number>();
  const ready = ids.filter(id => !open.get(id));
  ready.forEach(id => layers.set(id, 0));
  for (const id of ready) {
    for (const to of after.get(id) ?? []) {
      layers.set(to, Math.max(layers.get(to) ?? 0, (layers.get(id) ?? 0) + 1));
      open.set(to, (open.get(to) ?? 1) - 1);
      if (!open.get(to)) {
        ready.push(to);
      }
    }
  }
  // Whoever takes from nobody stands right above its first reader, not at the far top.
  const sources = ids.filter(id => layers.get(id) === 0 && after.has(id));
  for (const id of sources) {
    const below = (after.get(id) ?? []).map(to => layers.get(to) ?? 1);
    layers.set(id, Math.min(...below) - 1);
  }
  return layers;
}

function slotsOf(rows: readonly (readonly string[])[], links: readonly Pair[]): Slot[][] {
  const slots = rows.map((row, index) => row.map(id => slot(id, true, index)));
  const nodes = new Map(slots.flat().map(slot => [slot.id, slot]));
  const bends = new Map<string, Slot>();
  for (const [from, to] of [...links].sort((one, other) => span(one, nodes) - span(other, nodes))) {
    const [source, target] = [nodes.get(from), nodes.get(to)];
    if (source && target) {
      let last = source;
      for (let row = source.row + 1; row < target.row; row++) {
        const key = `${row} ${from}`;
        const next = bends.get(key) ?? slot(from, false, row);
        if (!bends.has(key)) {
          bends.set(key, next);
          slots[row]?.push(next);
          join(last, next);
        }
        last = next;
      }
      join(last, target);
    }
  }
  return slots;
}

function slot(id: string, node: boolean, row: number): Slot {
  return { id, node, row, above: [], below: [] };
}

function join(upper: Slot, lower: Slot): void {
  upper.below.push(lower);
  lower.above.push(upper);
}

function span([from, to]: Pair, nodes: ReadonlyMap<string, Slot>): number {
  return (nodes.get(to)?.row ?? 0) - (nodes.get(from)?.row ?? 0);
}

/** The rows in an order that crosses less: each slot goes to the middle of those above it, then below it. */
function untangled(rows: readonly Slot[][]): Slot[][] {
  const ordered = rows.map(row => [...row]);
  const at = new Map<Slot, number>();
  const count = (row: Slot[]): void => {
    row.forEach((slot, index) => at.set(slot, (index + 0.5) / row.length));
  };
  ordered.forEach(count);
  let best = {
    rows: rows.map(row => [...row]),
    crossings: crossings(ordered)
  };
  for (let sweep = 0; sweep < SWEEPS && best.crossings; sweep++) {
    const down = sweep % 2 === 0;
    for (const row of down ? ordered : [...ordered].reverse()) {
      const wish = new Map(
        row.map(slot => [slot, average(down ? slot.above : slot.below, at) ?? at.get(slot) ?? 0])
      );
      row.sort((one, other) => (wish.get(one) ?? 0) - (wish.get(other) ?? 0));
      count(row);
    }
    const found = crossings(ordered);
    if (found < best.crossings) {
      best = { rows: ordered.map(row => [...row]), crossings: found };
    }
  }
  return best.rows;
}

/** How often pieces cross between one row and the next. */
function crossings(rows: readonly Slot[][]): number {
  let sum = 0;
  for (const row of rows) {
    const next = new Map((rows[(row[0]?.row ?? 0) + 1] ?? []).map((slot, index) => [slot, index]));
    // Read from the left, every pair of ends that is out of order is a crossing.
    const ends: number[] = [];
    for (const slot of row) {
      const own = slot.below.map(below => next.get(below) ?? 0);
      sum += own.reduce((total, end) => total + ends.filter(other => other > end).length, 0);
      ends.push(...own);
    }
  }
  return sum;
}

function average(slots: readonly Slot[], at: ReadonlyMap<Slot, number>): number | null {
  const sum = slots.reduce((total, slot) => total + (at.get(slot) ?? 0), 0);
  return slots.length ? sum / slots.length : null;
}

function placed(slots: readonly Slot[][], rows: number, size: Size): Layout {
  const widthOf = (slot: Slot): number => (slot.node ? size.width + size.beside : LANE);
  const xs = middles(slots, widthOf, SWEEPS);
  const left = Math.min(0, ...slots.flat().map(slot => (xs.get(slot) ?? 0) - widthOf(slot) / 2));
  const pitch = size.height + size.apart;
  const point = (slot: Slot): Point => ({
    x: (xs.get(slot) ?? 0) - left,
    y: slot.row * pitch + size.height / 2
  });
  const all = slots.flat();
  return {
    places: new Map(all.filter(slot => slot.node).map(slot => [slot.id, point(slot)])),
    pieces: all.flatMap(slot => piecesBelow(slot, point, size.height / 2)),
    rows: slots.map(row => row.filter(slot => slot.node).map(slot => slot.id)),
    width: Math.max(0, ...all.map(slot => point(slot).x + widthOf(slot) / 2)),
    height: Math.max(0, rows * pitch - size.apart),
    size
  };
}

/** Whether a piece is on the way from its source to this node. */
export function leadsTo(piece: Piece, id: string, layout: Layout): boolean {
  const top = (layout.places.get(id)?.y ?? 0) - layout.size.height / 2;
  return piece.target === null ? piece.to.y < top : piece.target === id;
}

function piecesBelow(slot: Slot, point: (slot: Slot) => Point, half: number): Piece[] {
  const { x, y } = point(slot);
  // A piece that leaves a bend begins above it: it passes the row of nodes straight down.
  return slot.below.map(next => ({
    start: slot.node ? y + half : y - half,
    from: { x, y: y + half },
    to: { x: point(next).x, y: point(next).y - half },
    source: slot.id,
    target: next.node ? next.id : null
  }));
}

function grouped(links: readonly Pair[]): Map<string, string[]> {
  const after = new Map<string, string[]>();
  for (const [from, to] of links) {
    const known = after.get(from);
    if (known) {
      known.push(to);
    } else {
      after.set(from, [to]);
    }
  }
  return after;
}

function unique(links: readonly Pair[]): Pair[] {
  return [...new Map(links.map(link => [`${link[0]} ${link[1]}`, link])).values()];
}

function cut<Item>(row: readonly Item[], length: number): Item[][] {
  const pieces: Item[][] = [];
  for (let start = 0; start < row.length; start += length) {
    pieces.push(row.slice(start, start + length));
  }
  return pieces;
}
