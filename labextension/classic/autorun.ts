/** Runs a cell when its typing stops, unless its user left it first or it should not run unasked. */

import { runsShell } from '../src/autorun';
import { cellModeOf, mayRunUnasked, type Fields, type Question } from '../src/protocol';
import type { Settings } from '../src/settings';

export interface Surroundings {
  settings(): Settings;
  /** Tell the kernel what was typed. */
  flush(): void;
  /** Whether cells run by themselves at all. */
  cascades(): boolean;
  ask(question: Question): Promise<Fields>;
  run(cell: string): void;
  /** Put what was typed on the disk. */
  save(): void;
}

export class AutoRun {
  constructor(
    private readonly element: HTMLElement,
    private readonly around: Surroundings
  ) {}

  start(): void {
    this.element.addEventListener('focusout', () => {
      // Where the focus goes is known after this event; it stays when only the window loses it.
      window.setTimeout(() => {
        if (this.waiting && !isTyping(this.waiting)) {
          this.left();
        }
      });
    });
  }

  edited(cell: Classic.CodeCell): void {
    if (!isTyping(cell)) {
      // Something else than its user changed it: nobody waits for it in this cell.
      return;
    }
    this.waiting = cell;
    this.asked += 1;
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => void this.rested(cell), this.around.settings().autoRunDelay);
  }

  /** Somebody runs it by hand. */
  cancel(cell: Classic.CodeCell): void {
    if (this.waiting === cell) {
      this.end();
    }
  }

  private async rested(cell: Classic.CodeCell): Promise<void> {
    this.waiting = null;
    const source = cell.get_text();
    this.around.flush();
    const told = cellModeOf(cell.metadata) === 'auto';
    const { settings, cascades, ask, run } = this.around;
    if (!settings().autoRun || !cascades() || (runsShell(source) && !told)) {
      return;
    }
    const asked = ++this.asked;
    const answer = await ask({ op: 'edit', id: cell.id, source }).catch(() => null);
    // Whatever happened to the cell meanwhile is newer than this.
    if (answer && mayRunUnasked(answer) && asked === this.asked && cell.get_text() === source) {
      run(cell.id);
    }
  }

  /** Leaving a cell is no request to run it, but the kernel learns its text, and so does the disk. */
  private left(): void {
    this.end();
    this.around.flush();
    this.around.save();
  }

  private end(): void {
    window.clearTimeout(this.timer);
    this.waiting = null;
    this.asked += 1;
  }

  private waiting: Classic.CodeCell | null = null;
  private timer = 0;
  private asked = 0;
}

function isTyping(cell: Classic.CodeCell): boolean {
  return cell.element[0]?.contains(document.activeElement) ?? false;
}
