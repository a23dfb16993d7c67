/** Which runs the cells show that nobody in this page asked for, and whose each message is. No front end here. */

import {
  displayOf,
  executionStateOf,
  originOf,
  requestOf,
  type CellChanges,
  type Channel,
  type Recorded,
  type Shown
} from './protocol';
import { type Requests, shows } from './requests';

/** What a cell shows of such a run. */
export interface Run<Cell> {
  readonly request: string;
  readonly cell: Cell;
  running: boolean;
}

/** The cells of a front end. */
export interface Stage<Cell, Kept extends Run<Cell>> {
  /** The code cell of an id, if the notebook has it. */
  find(id: string): Cell | null;
  /** A run has begun: have its cell show it, and nothing else. */
  begin(id: string, cell: Cell, message: Recorded): Kept;
  show(run: Kept, message: Recorded): void;
  /** The run asks for input. */
  ask(run: Kept, message: Recorded): void;
  /** A display of this name is another one now, wherever it is shown. */
  update(runs: Iterable<Kept>, display: string, message: Recorded): void;
  /** The run is over, as this message says, or as follows from others. */
  rest(run: Kept, message: Recorded | null): void;
  /** A request is over, whoever made it. */
  over(message: Recorded): void;
}

export class Runs<Cell, Kept extends Run<Cell>> {
  constructor(
    private readonly stage: Stage<Cell, Kept>,
    private readonly requests: Requests
  ) {}

  /** Take in one message; `false` if it belongs to a run whose beginning is not known here. */
  hear(message: Recorded, channel: Channel): boolean {
    const kind = message.header.msg_type;
    if (channel === 'stdin') {
      const asking = this.of(requestOf(message));
      if (asking) {
        this.stage.ask(asking, message);
      }
    } else if (channel === 'shell' ? kind === 'execute_reply' : executionStateOf(message) === 'idle') {
      this.finish(message);
    } else if (channel === 'iopub') {
      return this.published(message);
    }
    return true;
  }

  /** The kernel says which cells have come to rest. */
  settle(changes: CellChanges): void {
    for (const [id, state] of changes) {
      const run = this.latest.get(id);
      if (run?.running && state?.activity !== 'running') {
        this.stage.rest(run, null);
      }
    }
  }

  /** Nothing runs any more: the process is another one. */
  settleAll(): void {
    this.latest.forEach(run => {
      this.stage.rest(run, null);
    });
  }

  /** The cell that is to show what a snapshot says; null if it shows something newer. */
  due(id: string, shown: Shown): Cell | null {
    return this.requests.own(shown.request) || this.requests.ahead(id) ? null : this.stage.find(id);
  }

  /** The latest run of a cell, unless this page asked for it. */
  get(id: string): Kept | null {
    return this.latest.get(id) ?? null;
  }

  keep(id: string, run: Kept): void {
    this.latest.set(id, run);
  }

  private published(message: Recorded): boolean {
    const display = displayOf(message);
    if (display !== null && message.header.msg_type !== 'execute_result') {
      this.stage.update(this.latest.values(), display, message);
    }
    const origin = originOf(message);
    if (origin && this.requests.own(origin.request)) {
      this.latest.delete(origin.cell);
    } else if (origin && message.header.msg_type === 'execute_input') {
      this.begin(origin.cell, message);
    } else if (origin && shows(message)) {
      return this.show(origin.cell, message);
    }
    return true;
  }

  private begin(id: string, message: Recorded): void {
    const cell = this.stage.find(id);
    // A run that this page asked for takes the place of this one: the cell has been emptied for it.
    if (!cell || this.requests.ahead(id)) {
      this.latest.delete(id);
    } else {
      this.latest.set(id, this.stage.begin(id, cell, message));
    }
  }

  private show(id: string, message: Recorded): boolean {
    const run = this.latest.get(id);
    const cell = this.stage.find(id);
    if (!cell || this.requests.ahead(id)) {
      return true;
    }
    if (run?.cell !== cell) {
      return this.requests.ranHere(id);
    }
    if (run.request === requestOf(message)) {
      this.stage.show(run, message);
    }
    return true;
  }

  private finish(message: Recorded): void {
    this.stage.over(message);
    const run = this.of(requestOf(message));
    if (run?.running) {
      this.stage.rest(run, message);
    }
  }

  private of(request: string): Kept | null {
    return [...this.latest.values()].find(run => run.request === request) ?? null;
  }

  // They stay after their end, for late words.
  private readonly latest = new Map<string, Kept>();
}
