/** Other pages in the same document, where pages share one: what one of them writes is in all of them. */

import type { Cells } from './listening';
import type { CellChanges, Channel, Message, Recorded, Shown } from './protocol';

/** What pages that share a document know of each other. */
export interface Awareness {
  readonly clientID: number;
  getStates(): ReadonlyMap<number, Readonly<Record<string, unknown>>>;
  setLocalStateField(name: string, value: unknown): void;
  on(event: 'change', callback: () => void): void;
  off(event: 'change', callback: () => void): void;
}

/** Where each page says who it is. */
const FIELD = 'jupyter-reactive';

/** The session under which a page talks to the kernel, and when it came into the document. */
interface Presence {
  readonly session: string;
  readonly since: number;
}

export class Company {
  constructor(
    /** Null where nobody shares the document. */
    private readonly awareness: Awareness | null,
    /** Somebody has left, so that this page may have to write what they did not. */
    private readonly left: () => void,
    private readonly since = Date.now()
  ) {}

  /** Tell the others who talks to the kernel here. */
  enter(session: string): void {
    this.session = session;
    this.awareness?.setLocalStateField(FIELD, { session, since: this.since });
    this.awareness?.on('change', this.look);
    this.look();
  }

  /** Others need not wait until they miss this page. */
  leave(): void {
    this.awareness?.off('change', this.look);
    this.awareness?.setLocalStateField(FIELD, null);
  }

  /** Whether this page is to write what a run shows: its asker's page does, or else the one that came first. */
  writes(asker: string | null): boolean {
    if (!this.awareness || asker === this.session) {
      return true;
    }
    const others = this.others();
    return ![...others.values()].some(({ session }) => session === asker) && this.leads(others);
  }

  private leads(others: ReadonlyMap<number, Presence>): boolean {
    const id = this.awareness?.clientID ?? 0;
    return [...others].every(
      ([other, { since }]) => this.since < since || (this.since === since && id < other)
    );
  }

  private others(): ReadonlyMap<number, Presence> {
    const found = new Map<number, Presence>();
    this.awareness?.getStates().forEach((state, id) => {
      const presence = presenceIn(state[FIELD]);
      if (presence && id !== this.awareness?.clientID) {
        found.set(id, presence);
      }
    });
    return found;
  }

  private readonly look = (): void => {
    const present = new Set(this.others().keys());
    const gone = [...this.present].some(id => !present.has(id));
    this.present = present;
    if (gone) {
      this.left();
    }
  };

  private session = '';
  private present: ReadonlySet<number> = new Set();
}

/** The cells of a document that pages may share: each run is written by one page alone. */
export class SharedCells implements Cells {
  constructor(
    private readonly cells: Cells,
    private readonly company: Company
  ) {}

  hear(message: Recorded, channel: Channel): boolean {
    return (
      (channel === 'iopub' && !this.company.writes(askerOf(message))) || this.cells.hear(message, channel)
    );
  }

  settle(changes: CellChanges): void {
    this.cells.settle(changes);
  }

  settleAll(): void {
    this.cells.settleAll();
  }

  reconcile(id: string, shown: Shown, running: boolean): void {
    const first = shown.messages[0];
    if (this.company.writes(first ? askerOf(first) : null)) {
      this.cells.reconcile(id, shown, running);
    }
  }
}

/** The session that asked for what the message is part of. */
function askerOf(message: Message): string | null {
  const { session } = message.parent_header as { session?: unknown };
  return typeof session === 'string' ? session : null;
}

function presenceIn(value: unknown): Presence | null {
  const { session, since } = (value ?? {}) as { session?: unknown; since?: unknown };
  return typeof session === 'string' && typeof since === 'number' ? { session, since } : null;
}
