/** Draws a graph: nodes that can be pressed and walked through with the keyboard, and what they hand on. */

import { Widget } from '@lumino/widgets';

import { svg, type Symbol } from '../symbols';
import type { Trans } from '../words';
import { neighbours, type Drawing, type Node } from './drawing';
import { layoutOf, leadsTo, type Layout, type Piece, type Point, type Size } from './layout';
import { Viewport } from './viewport';

/** What stands on a node. */
export interface Face {
  readonly symbol: Symbol;
  readonly title: string;
  readonly caption: string;
  /** Everything about the node, for those who listen. */
  readonly label: string;
}

interface Wire {
  readonly piece: Piece;
  readonly path: SVGPathElement;
  readonly label: SVGTextElement | null;
}

const SIZE: Size = { width: 136, height: 38, apart: 38, beside: 14 };
const COLUMNS = { least: 2, most: 8 };
/** Letters that fit into a node, and on a link. */
const FIT = { caption: 17, label: 26 };
const READABLE = 0.45;

export class GraphView extends Widget {
  constructor(
    private readonly face: (node: Node) => Face,
    private readonly pick: (node: Node) => void,
    trans: Trans
  ) {
    super();
    this.addClass('jp-reactive-Graph');
    this.canvas.append(this.wiring, this.labels, this.boxes);
    this.sheet.append(this.canvas);
    this.sheet.setAttribute('role', 'group');
    this.sheet.setAttribute(
      'aria-label',
      trans.__('Dependency graph: arrow keys move, Enter goes to the cell')
    );
    this.nothing.className = 'jp-reactive-Nothing';
    this.nothing.textContent = trans.__('There are no cells to show yet.');
    this.node.append(this.sheet, this.nothing);
    this.sheet.addEventListener('keydown', event => {
      this.key(event);
    });
  }

  zoom(direction: number): void {
    this.viewport.zoom(direction);
  }

  fitPicture(whole: boolean): void {
    this.viewport.fit({ x: 0, y: 0, width: this.plan.width, height: this.plan.height }, whole);
  }

  draw(drawing: Drawing): void {
    const first = !this.plan.places.size;
    this.drawing = drawing;
    this.nodes = new Map(drawing.nodes.map(node => [node.id, node]));
    this.columns = this.room();
    const pairs = drawing.links.map(({ from, to }) => [from, to] as const);
    this.plan = layoutOf([...this.nodes.keys()], pairs, this.columns, SIZE);
    this.nothing.hidden = this.nodes.size > 0;
    this.drawWires();
    this.drawBoxes();
    this.select(this.selected);
    if (first) {
      this.fitPicture(false);
    }
  }

  /** These look otherwise than before; how they hang together is as it was. */
  dress(ids: Iterable<string>): void {
    for (const id of ids) {
      const [box, node] = [this.boxOf.get(id), this.nodes.get(id)];
      if (box && node) {
        dressed(box, this.face(node));
      }
    }
  }

  /** Mark a node and its neighbours; null for none. */
  select(id: string | null): void {
    this.selected = id;
    const { parents, children } = neighbours(this.drawing, id ?? '');
    const reached = id !== null && this.nodes.has(id) ? id : this.plan.rows[0]?.[0];
    this.canvas.classList.toggle('jp-mod-selecting', id !== null && this.nodes.has(id));
    for (const [other, box] of this.boxOf) {
      box.classList.toggle('jp-mod-selected', other === id);
      box.classList.toggle('jp-mod-parent', parents.has(other));
      box.classList.toggle('jp-mod-child', children.has(other));
      box.setAttribute('tabindex', other === reached ? '0' : '-1');
    }
    this.light(id, parents);
  }

  reveal(id: string): void {
    const place = this.plan.places.get(id);
    if (place) {
      const { width, height } = SIZE;
      this.viewport.reveal({
        x: place.x - width / 2,
        y: place.y - height / 2,
        width,
        height
      });
    }
  }

  protected override onResize(): void {
    if (this.room() !== this.columns) {
      this.draw(this.drawing);
    }
    if (!this.viewport.touched) {
      this.fitPicture(false);
      this.reveal(this.selected ?? '');
    }
  }

  private room(): number {
    const columns = Math.floor(this.node.clientWidth / (SIZE.width + SIZE.beside));
    return Math.max(COLUMNS.least, Math.min(COLUMNS.most, columns));
  }

  private light(id: string | null, parents: ReadonlySet<string>): void {
    for (const { piece, path, label } of this.wires) {
      const down = piece.source === id;
      const up = id !== null && parents.has(piece.source) && leadsTo(piece, id, this.plan);
      path.classList.toggle('jp-mod-lit', down || up);
      label?.classList.toggle('jp-mod-lit', down || up);
    }
  }

  private drawWires(): void {
    const names = new Map(this.drawing.links.map(link => [`${link.from} ${link.to}`, link.names]));
    const incoming = new Map<string, number>();
    this.wires = this.plan.pieces.map(piece => {
      const target = piece.target ?? '';
      const handed = names.get(`${piece.source} ${target}`);
      const path = svg('path', { d: curve(piece), class: 'jp-reactive-Wire' });
      // A link that was turned around closes a cycle.
      path.classList.toggle('jp-mod-cycle', piece.target !== null && !handed);
      const turn = incoming.get(target) ?? 0;
      incoming.set(target, turn + 1);
      return {
        piece,
        path,
        label: handed?.length ? label(piece, handed.join(', '), turn) : null
      };
    });
    this.wiring.replaceChildren(...this.wires.map(wire => wire.path));
    this.labels.replaceChildren(...this.wires.flatMap(wire => wire.label ?? []));
  }

  private drawBoxes(): void {
    for (const [id, box] of this.boxOf) {
      if (!this.nodes.has(id)) {
        box.remove();
        this.boxOf.delete(id);
      }
    }
    for (const id of this.plan.rows.flat()) {
      const node = this.nodes.get(id);
      const { x, y } = this.plan.places.get(id) ?? { x: 0, y: 0 };
      if (node) {
        const box = this.boxOf.get(id) ?? this.newBox(node);
        box.style.transform = `translate(${x - SIZE.width / 2}px, ${y - SIZE.height / 2}px)`;
        dressed(box, this.face(node));
      }
    }
  }

  private newBox(node: Node): SVGGElement {
    const box = svg('g', {
      class: `jp-reactive-Node jp-mod-${node.kind}`,
      role: 'button'
    });
    const { width, height } = SIZE;
    const round = node.kind === 'cell' ? '4' : `${height / 2}`;
    box.append(
      svg('rect', { width: `${width}`, height: `${height}`, rx: round }),
      svg('use', { x: '9', y: '12', width: '14', height: '14' }),
      svg('text', { x: '31', y: '16', class: 'jp-reactive-Node-title' }),
      svg('text', { x: '31', y: '29', class: 'jp-reactive-Node-caption' }),
      svg('title')
    );
    box.addEventListener('click', () => {
      if (!this.viewport.dragged) {
        this.pick(node);
      }
    });
    box.dataset.node = node.id;
    this.boxOf.set(node.id, box);
    this.boxes.append(box);
    return box;
  }

  private key(event: KeyboardEvent): void {
    const box =
      event.target instanceof Element ? event.target.closest<SVGGElement>('.jp-reactive-Node') : null;
    const id = box?.dataset.node;
    if (id === undefined || event.ctrlKey || event.metaKey || event.altKey) {
      return;
    }
    const act = this.action(event.key, id);
    if (act) {
      event.preventDefault();
      event.stopPropagation();
      act();
    }
  }

  private action(key: string, id: string): (() => void) | null {
    const node = this.nodes.get(id);
    const actions: Readonly<Record<string, () => void>> = {
      ArrowUp: () => {
        this.walk(id, -1, 0);
      },
      ArrowDown: () => {
        this.walk(id, 1, 0);
      },
      ArrowLeft: () => {
        this.walk(id, 0, -1);
      },
      ArrowRight: () => {
        this.walk(id, 0, 1);
      },
      Enter: () => {
        if (node) {
          this.pick(node);
        }
      },
      '+': () => {
        this.zoom(1);
      },
      '-': () => {
        this.zoom(-1);
      },
      '0': () => {
        this.fitPicture(true);
      }
    };
    return actions[key === ' ' ? 'Enter' : key === '=' ? '+' : key] ?? null;
  }

  /** Put the keyboard on the nearest node of the row above or below, or on the neighbour in the row. */
  private walk(id: string, down: number, right: number): void {
    const { rows, places } = this.plan;
    const row = rows.findIndex(ids => ids.includes(id));
    const x = places.get(id)?.x ?? 0;
    const far = (other: string): number => Math.abs((places.get(other)?.x ?? 0) - x);
    const here = rows[row] ?? [];
    let next = here[here.indexOf(id) + right];
    for (let other = row + down; down && other >= 0 && other < rows.length && next === id; other += down) {
      next = [...(rows[other] ?? [])].sort((one, two) => far(one) - far(two))[0] ?? id;
    }
    const box = this.boxOf.get(next ?? id);
    if (box && next !== undefined) {
      this.boxOf.get(id)?.setAttribute('tabindex', '-1');
      box.setAttribute('tabindex', '0');
      box.focus({ preventScroll: true });
      this.reveal(next);
    }
  }

  private drawing: Drawing = { nodes: [], links: [] };
  private nodes = new Map<string, Node>();
  private plan: Layout = {
    places: new Map(),
    pieces: [],
    rows: [],
    width: 0,
    height: 0,
    size: SIZE
  };
  private columns = 0;
  private selected: string | null = null;
  private wires: Wire[] = [];
  private readonly boxOf = new Map<string, SVGGElement>();
  private readonly sheet = svg('svg', { class: 'jp-reactive-Graph-sheet' });
  private readonly canvas = svg('g');
  private readonly wiring = svg('g', { 'aria-hidden': 'true' });
  private readonly labels = svg('g', { 'aria-hidden': 'true' });
  private readonly boxes = svg('g');
  private readonly nothing = document.createElement('div');
  private readonly viewport = new Viewport(this.sheet, this.canvas, scale => {
    this.canvas.classList.toggle('jp-mod-far', scale < READABLE);
  });
}

/** Put on a box what its face says; what it says already is left alone. */
function dressed(box: SVGGElement, { symbol, title, caption, label }: Face): void {
  const [, image, first, second, hint] = box.children;
  if (box.dataset.sight !== symbol) {
    box.dataset.sight = symbol;
    image?.setAttribute('href', `#jp-reactive-${symbol}`);
  }
  say(first, title);
  say(second, short(caption, FIT.caption));
  if (box.getAttribute('aria-label') !== label) {
    box.setAttribute('aria-label', label);
    say(hint, label);
  }
}

function say(element: Element | undefined, text: string): void {
  if (element && element.textContent !== text) {
    element.textContent = text;
  }
}

function curve({ start, from, to, target }: Piece): string {
  const middle = (from.y + to.y) / 2;
  const line = `M${from.x} ${start}L${at(from)}C${from.x} ${middle} ${to.x} ${middle} ${at(to)}`;
  return target === null ? line : `${line}M${to.x - 3.5} ${to.y - 6}L${at(to)}L${to.x + 3.5} ${to.y - 6}`;
}

function at({ x, y }: Point): string {
  return `${x} ${y}`;
}

/** Names of links that end in one node stand a little above each other, so that they can be read apart. */
function label({ from, to }: Piece, names: string, turn: number): SVGTextElement {
  const part = 0.5 + (((turn * 2) % 5) - 2) * 0.13;
  // On the curve that `curve` draws, near enough.
  const x = from.x + (to.x - from.x) * part * part * (3 - 2 * part);
  const y = from.y + (to.y - from.y) * part + 3;
  const text = svg('text', {
    x: `${x}`,
    y: `${y}`,
    class: 'jp-reactive-Wire-label'
  });
  text.textContent = short(names, FIT.label);
  return text;
}

function short(text: string, letters: number): string {
  return text.length > letters ? `${text.slice(0, letters - 1)}…` : text;
}
