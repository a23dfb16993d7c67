/** How far a cascade has come: counted at the cost of what changes. Pure. */

import type { CellState } from '../protocol';

export class Cascade {
  /** The cells that still have to run, and those that the cascade has had in all. */
  get left(): number {
    return this.waiting.size;
  }

  get total(): number {
    return this.seen.size;
  }

  /** The cells in which the latest cascade failed, in the order in which they did. */
  get failed(): readonly string[] {
    return [...this.broken];
  }

  /** Take in one cell's state; null for a cell that is gone. Answers whether it has run since it was last noted:
   *  a run may begin and end between two looks. */
  note(id: string, state: CellState | null): boolean {
    const active = state !== null && state.activity !== 'idle';
    const known = this.runs.get(id);
    const ran = state?.run != null && known !== undefined && known !== state.run;
    this.runs.set(id, state?.run ?? null);
    if ((active || ran) && this.over) {
      this.forget();
    }
    if (active) {
      this.waiting.add(id);
      this.seen.add(id);
      this.broken.delete(id);
    } else if (this.waiting.delete(id) || ran) {
      this.seen.add(id);
      if (state?.outcome === 'error') {
        this.broken.add(id);
      }
    }
    return ran && !active;
  }

  /** Somebody has seen how far it has come: with nothing left, what comes next is another cascade. Answers
   *  whether it has come to its end since. */
  settle(): boolean {
    const ended = !this.over && !this.waiting.size;
    this.over = !this.waiting.size;
    return ended;
  }

  clear(): void {
    this.forget();
    this.over = true;
    this.runs.clear();
  }

  private forget(): void {
    this.over = false;
    this.waiting.clear();
    this.seen.clear();
    this.broken.clear();
  }

  private over = true;
  // The number of each cell's latest run.
  private readonly runs = new Map<string, number | null>();
  private readonly waiting = new Set<string>();
  private readonly seen = new Set<string>();
  private readonly broken = new Set<string>();
}
