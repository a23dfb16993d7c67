/** Keeps the kernel's document the notebook's: its cells, their order, texts, modes and tags, saved or not. */

import type { CellChange, ISharedCell } from '@jupyter/ydoc';
import { isCodeCellModel, type ICellModel } from '@jupyterlab/cells';
import type { CellList, Notebook } from '@jupyterlab/notebook';
import type { IObservableList } from '@jupyterlab/observables';
import { Signal } from '@lumino/signaling';

import { sameDocument } from './model';
import { cellSource, sameSettings, type CellSource, type Request } from './protocol';

/** How long to wait for more of the same before the kernel is told, in milliseconds. */
const TYPING = 300;
const MOVING = 50;

export class Document {
  constructor(
    private readonly notebook: Notebook,
    private readonly tell: (request: Request) => boolean
  ) {}

  /** The text of a cell has changed. */
  readonly edited = new Signal<this, string>(this);

  start(): void {
    this.notebook.modelChanged.connect(this.listen, this);
    this.listen();
  }

  stop(): void {
    window.clearTimeout(this.timer);
    Signal.clearData(this);
  }

  /** The kernel knows nothing, or not what was thought. */
  forget(): void {
    this.told = null;
  }

  /** Tell the kernel now what it does not know yet; answers whether there was anything. */
  flush(): boolean {
    window.clearTimeout(this.timer);
    this.due = 0;
    const { told } = this;
    if (!told || this.restructured) {
      return this.sync();
    }
    const dirty = [...this.dirty.values()];
    this.dirty.clear();
    // What one cell's text costs does not depend on how many others there are.
    return dirty.filter(cell => this.edit(told, cell)).length > 0;
  }

  private edit(told: Map<string, CellSource>, cell: ISharedCell): boolean {
    const before = told.get(cell.getId());
    const after = sourceOf(cell);
    if (!before || (before.source === after.source && sameSettings(before, after))) {
      return false;
    }
    if (!sameSettings(before, after)) {
      this.restructured = true;
      return this.sync();
    }
    if (this.tell({ op: 'edit', id: after.id, source: after.source })) {
      told.set(after.id, after);
    }
    return true;
  }

  private sync(): boolean {
    const cells = [...(this.notebook.model?.cells ?? [])].filter(isCodeCellModel);
    const document = cells.map(cell => sourceOf(cell.sharedModel));
    const same = this.told !== null && sameDocument([...this.told.values()], document);
    if (same || this.tell({ op: 'sync', cells: document })) {
      this.told = new Map(document.map(cell => [cell.id, cell]));
      this.restructured = false;
      this.dirty.clear();
    }
    return !same;
  }

  private listen(): void {
    const cells = this.notebook.model?.cells;
    cells?.changed.connect(this.moved, this);
    [...(cells ?? [])].forEach(cell => {
      this.hear(cell);
    });
    this.restructured = true;
  }

  private hear(cell: ICellModel): void {
    // Connecting twice is connecting once.
    cell.sharedModel.changed.connect(this.cellChanged, this);
  }

  private moved(_: CellList, change: IObservableList.IChangedArgs<ICellModel>): void {
    change.newValues.forEach(cell => {
      this.hear(cell);
    });
    this.restructured = true;
    this.soon(MOVING);
  }

  private cellChanged(cell: ISharedCell, change: CellChange): void {
    if (cell.cell_type === 'code' && (change.sourceChange ?? change.metadataChange)) {
      this.dirty.set(cell.getId(), cell);
      this.soon(TYPING);
      if (change.sourceChange) {
        this.edited.emit(cell.getId());
      }
    }
  }

  /** Every keystroke puts it off; a cell that comes or goes does not wait for one. */
  private soon(delay: number): void {
    const due = Date.now() + delay;
    this.due = this.restructured && this.due ? Math.min(this.due, due) : due;
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.flush(), this.due - Date.now());
  }

  // What the kernel was told, in order; null before it was told anything.
  private told: Map<string, CellSource> | null = null;
  private readonly dirty = new Map<string, ISharedCell>();
  private restructured = true;
  private timer = 0;
  private due = 0;
}

function sourceOf(cell: ISharedCell): CellSource {
  return cellSource(cell.getId(), cell.getSource(), cell.getMetadata());
}
