/** The states of one notebook's cells, in sight: drawn once a frame, at the cost of the cells that changed. */

import { CodeCell } from '@jupyterlab/cells';

import { explanation, type Change } from '../model';
import type { ReactiveNotebook } from '../notebook';
import { cellModeOf, type CellMode, type CellState } from '../protocol';
import { Badge, type Look } from './badge';
import { Frame } from './frames';
import type { Telling, Tip, Way } from './tip';
import {
  because,
  duration,
  meaningOf,
  sightOf,
  wordOf,
  type Sight,
  type Surroundings,
  type Trans
} from './words';

export type Relation = 'parent' | 'child';

/** Milliseconds: how often the clock of a running cell moves, and what is too short for one. */
const TICK = 100;
const SHORT = 500;

export class States implements Surroundings {
  constructor(
    private readonly notebook: ReactiveNotebook,
    private readonly tip: Tip,
    private readonly trans: Trans
  ) {}

  start(): void {
    const { content } = this.notebook.panel;
    content.addClass('jp-mod-reactive');
    this.notebook.changed.connect(this.heard, this);
    content.model?.cells.changed.connect(this.all, this);
    content.activeCellChanged.connect(this.activate, this);
    this.notebook.panel.disposed.connect(this.stop, this);
    for (const id of this.notebook.model.cells.keys()) {
      this.time(id);
    }
    this.all();
  }

  place(id: string): number | null {
    return this.places.get(id) ?? null;
  }

  outcome(id: string): CellState['outcome'] {
    return this.notebook.model.cells.get(id)?.outcome ?? null;
  }

  /** Show who feeds and who reads the cell that somebody looks at in the graph. */
  relate(relations: ReadonlyMap<string, Relation>): void {
    const before = this.relations;
    this.relations = relations;
    [...before.keys(), ...relations.keys()].forEach(id => this.changed.add(id));
    this.frame.request();
  }

  /** Put the keyboard on the state of a cell, which says why. */
  ask(id: string): void {
    this.badges.get(id)?.focus();
  }

  /** To the first cell that is to blame for the state of this one; false if none is. */
  async goToCause(id: string): Promise<boolean> {
    const cause = this.notebook.model.cells
      .get(id)
      ?.reason?.cells.find(other => other !== id && this.place(other));
    if (cause === undefined) {
      return false;
    }
    await this.notebook.reveal(cause);
    return true;
  }

  private stop(): void {
    this.frame.cancel();
    window.clearInterval(this.clock);
    this.tip.hide();
  }

  private heard(_: unknown, { cells, mode }: Change): void {
    const told =
      cells === 'all' ? [...this.since.keys(), ...this.notebook.model.cells.keys()] : (cells ?? []);
    for (const id of told) {
      this.changed.add(id);
      this.time(id);
    }
    this.everything ||= cells === 'all' || mode;
    if (cells || mode) {
      this.frame.request();
    }
  }

  private time(id: string): void {
    const state = this.notebook.model.cells.get(id);
    if (state?.activity === 'running') {
      if (!this.since.has(id)) {
        this.since.set(id, performance.now() - this.notebook.ranFor(id));
      }
      this.clock ||= window.setInterval(() => {
        this.tick();
      }, TICK);
      return;
    }
    const since = this.since.get(id);
    const known = this.runs.get(id);
    this.runs.set(id, state?.run ?? null);
    if (since === undefined && known !== undefined && state?.run != null && state.run !== known) {
      this.brief.add(id);
    }
    if (since !== undefined) {
      const took = performance.now() - since;
      this.since.delete(id);
      this.took.set(id, took);
      if (took < SHORT) {
        this.brief.add(id);
      }
    }
  }

  private tick(): void {
    for (const id of this.since.keys()) {
      this.badges.get(id)?.say(this.elapsed(id));
    }
    if (!this.since.size) {
      window.clearInterval(this.clock);
      this.clock = 0;
    }
  }

  private all(): void {
    this.everything = true;
    this.frame.request();
  }

  private draw(): void {
    const cells = this.cells();
    const reactive = this.notebook.model.reactive;
    for (const [id, cell] of cells) {
      if (this.everything || this.changed.has(id)) {
        this.drawCell(id, cell, reactive);
      }
    }
    this.brief.forEach(id => this.badges.get(id)?.flash());
    for (const [id, badge] of this.badges) {
      if (cells.get(id) !== badge.cell) {
        badge.remove();
        this.badges.delete(id);
      }
    }
    this.everything = false;
    this.changed.clear();
    this.brief.clear();
  }

  private drawCell(id: string, cell: CodeCell, reactive: boolean): void {
    const state = this.notebook.model.cells.get(id);
    if (!reactive || !state) {
      this.badges.get(id)?.remove();
      this.badges.delete(id);
      return;
    }
    const badge = this.badgeOf(id, cell);
    if (badge.settle()) {
      badge.show(this.lookOf(id, cell, state));
    }
    const relation = this.relations.get(id);
    cell.node.classList.toggle('jp-reactive-isParent', relation === 'parent');
    cell.node.classList.toggle('jp-reactive-isChild', relation === 'child');
  }

  private badgeOf(id: string, cell: CodeCell): Badge {
    const known = this.badges.get(id);
    if (known?.cell === cell) {
      return known;
    }
    known?.remove();
    const badge = new Badge(
      cell,
      this.tip,
      () => this.telling(id, cell),
      () => {
        void this.goToCause(id);
      }
    );
    this.badges.set(id, badge);
    badge.reachable = cell === this.notebook.panel.content.activeCell;
    const again = (): void => {
      this.changed.add(id);
      this.frame.request();
    };
    cell.model.metadataChanged.connect(again, this);
    // A cell that was far away gets its parts when it comes near.
    void cell.ready.then(again);
    return badge;
  }

  private lookOf(id: string, cell: CodeCell, state: CellState): Look {
    const mode = cellModeOf(cell.model.metadata);
    const sight = sightOf(state, mode);
    return {
      sight,
      word: this.wordBelow(id, sight, mode),
      label: this.labelOf(id, sight, mode, state),
      reason: explanation(state)
    };
  }

  private wordBelow(id: string, sight: Sight, mode: CellMode | null): string {
    const relation = this.relations.get(id);
    if (relation) {
      return relation === 'parent' ? this.trans.__('↑ feeds it') : this.trans.__('↓ reads it');
    }
    if (sight === 'running') {
      return this.elapsed(id);
    }
    if (mode === 'manual' && sight !== 'queued') {
      return this.trans.__('manual');
    }
    return sight === 'stale' ||
      sight === 'blocked' ||
      sight === 'off' ||
      sight === 'error' ||
      sight === 'queued'
      ? wordOf(sight, this.trans)
      : '';
  }

  private elapsed(id: string): string {
    const passed = performance.now() - (this.since.get(id) ?? performance.now());
    return passed < SHORT ? '' : duration(passed);
  }

  private labelOf(id: string, sight: Sight, mode: CellMode | null, state: CellState): string {
    const place = this.trans.__('Cell %1', this.place(id) ?? 0);
    const why = this.why(sight, state).replaceAll('`', '');
    const manual = mode === 'manual' ? this.trans.__(' It runs only when you run it.') : '';
    return `${place}: ${wordOf(sight, this.trans)}, ${why}.${manual}`;
  }

  private why(sight: Sight, { reason }: CellState): string {
    return (
      reason && sight !== 'running' ? because(reason, this, this.trans) : meaningOf(sight, this.trans)
    ).replace(/\.$/, '');
  }

  private telling(id: string, cell: CodeCell): Telling | null {
    const state = this.notebook.model.cells.get(id);
    if (!state) {
      return null;
    }
    const mode = cellModeOf(cell.model.metadata);
    const sight = sightOf(state, mode);
    const took = this.took.get(id);
    const notes = [
      state.freshness === 'stale' && state.outcome === 'error' ? this.trans.__('Its latest run failed.') : '',
      mode === 'manual' ? this.trans.__('Manual: it runs only when you run it.') : '',
      took !== undefined && took >= TICK && sight !== 'running'
        ? this.trans.__('Its latest run took %1.', duration(took))
        : ''
    ];
    return {
      word: wordOf(sight, this.trans),
      symbol: sight,
      text: this.why(sight, state),
      notes: notes.filter(Boolean),
      ways: (state.reason?.cells ?? []).filter(other => other !== id).flatMap(other => this.wayTo(other))
    };
  }

  private wayTo(id: string): Way[] {
    const place = this.place(id);
    const cell = this.cells().get(id);
    if (place === null || !cell) {
      return [];
    }
    return [
      {
        label: this.trans.__('Cell %1', place),
        code: cell.model.sharedModel.getSource().split('\n')[0] ?? '',
        go: () => void this.notebook.reveal(id)
      }
    ];
  }

  private activate(): void {
    const active = this.notebook.panel.content.activeCell;
    if (this.reached) {
      this.reached.reachable = false;
    }
    this.reached = this.badges.get(active?.model.id ?? '') ?? null;
    if (this.reached) {
      this.reached.reachable = true;
    }
  }

  /** The code cells by id, in document order; their places, too. */
  private cells(): ReadonlyMap<string, CodeCell> {
    const cells = new Map<string, CodeCell>();
    this.places = new Map();
    for (const cell of this.notebook.panel.content.widgets) {
      if (cell instanceof CodeCell) {
        cells.set(cell.model.id, cell);
        this.places.set(cell.model.id, cells.size);
      }
    }
    return cells;
  }

  private readonly frame = new Frame(() => {
    this.draw();
  });
  private readonly badges = new Map<string, Badge>();
  private readonly changed = new Set<string>();
  private everything = false;
  private relations: ReadonlyMap<string, Relation> = new Map();
  private places = new Map<string, number>();
  private reached: Badge | null = null;
  // Since when each cell runs, how long each ran, and which ran so short that nobody could see it.
  private readonly runs = new Map<string, number | null>();
  private readonly brief = new Set<string>();
  private readonly since = new Map<string, number>();
  private readonly took = new Map<string, number>();
  private clock = 0;
}
