/** Keeps the kernel's document the notebook's: its cells, their order, texts, modes and tags, saved or not. */

import { sameDocument } from '../src/model';
import { sameSettings, type CellSource, type Request } from '../src/protocol';
import { codeCells, isCodeCell, sourceOf } from './cells';

/** How long to wait for more of the same before the kernel is told, in milliseconds. */
const TYPING = 300;
const MOVING = 50;

export class Document {
  constructor(
    private readonly notebook: Classic.Notebook,
    private readonly tell: (request: Request) => boolean,
    /** The text of a cell has changed. */
    private readonly edited: (cell: Classic.CodeCell) => void
  ) {}

  /** The kernel knows nothing, or not what was thought. */
  forget(): void {
    this.told = null;
  }

  /** Hear of every edit in this cell. */
  hear(cell: Classic.Cell): void {
    if (isCodeCell(cell) && !this.heard.has(cell)) {
      this.heard.add(cell);
      cell.code_mirror.on('change', (_, { origin }) => {
        this.dirty.add(cell);
        this.soon(TYPING);
        if (origin !== 'setValue') {
          this.edited(cell);
        }
      });
    }
  }

  /** A cell has come, gone, or is elsewhere. */
  restructure(): void {
    this.restructured = true;
    this.soon(MOVING);
  }

  /** Something has changed, and it may have been the metadata in which a cell's mode and tags are kept. */
  look(): void {
    this.looking ||= window.setTimeout(() => {
      this.looking = 0;
      if (this.told && codeCells(this.notebook).some(cell => this.otherSettings(cell))) {
        this.restructure();
      }
    }, TYPING);
  }

  /** Tell the kernel now what it does not know yet. */
  flush(): void {
    window.clearTimeout(this.timer);
    this.due = 0;
    const { told } = this;
    if (!told || this.restructured) {
      this.sync();
      return;
    }
    const dirty = [...this.dirty];
    this.dirty.clear();
    // What one cell's text costs does not depend on how many others there are.
    dirty.forEach(cell => {
      this.edit(told, cell);
    });
  }

  private edit(told: Map<string, CellSource>, cell: Classic.CodeCell): void {
    const before = told.get(cell.id);
    const after = sourceOf(cell);
    const changed = before !== undefined && before.source !== after.source;
    if (changed && this.tell({ op: 'edit', id: after.id, source: after.source })) {
      told.set(after.id, { ...before, source: after.source });
    }
  }

  private sync(): void {
    const document = codeCells(this.notebook).map(sourceOf);
    const same = this.told !== null && sameDocument([...this.told.values()], document);
    if (same || this.tell({ op: 'sync', cells: document })) {
      this.told = new Map(document.map(cell => [cell.id, cell]));
      this.restructured = false;
      this.dirty.clear();
    }
  }

  private otherSettings(cell: Classic.CodeCell): boolean {
    const told = this.told?.get(cell.id);
    return told !== undefined && !sameSettings(told, sourceOf(cell));
  }

  /** Every keystroke puts it off; a cell that comes or goes does not wait for one. */
  private soon(delay: number): void {
    const due = Date.now() + delay;
    this.due = this.restructured && this.due ? Math.min(this.due, due) : due;
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => {
      this.flush();
    }, this.due - Date.now());
  }

  // What the kernel was told, in order; null before it was told anything.
  private told: Map<string, CellSource> | null = null;
  private readonly heard = new WeakSet<Classic.Cell>();
  private readonly dirty = new Set<Classic.CodeCell>();
  private restructured = true;
  private timer = 0;
  private due = 0;
  private looking = 0;
}
