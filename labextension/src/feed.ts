/** Makes events of the stream's frames: parts put together, repeats left out, gaps noticed. No socket, no time. */

import type { Channel, Cursor, Frame, Recorded, Shown } from './protocol';

/** Everything that there is to know at one moment. */
export interface Snapshot {
  readonly cells: ReadonlyMap<string, Shown>;
  readonly other: readonly Recorded[];
}

export type StreamEvent =
  /** Another process of the kernel: what is known of the last one's state holds no more. */
  | { readonly type: 'epoch' }
  /** The kernel's own state, as the server knows it. */
  | { readonly type: 'state'; readonly state: string }
  | { readonly type: 'snapshot'; readonly snapshot: Snapshot }
  | { readonly type: 'message'; readonly channel: Channel; readonly message: Recorded }
  /** Something is missing: only a snapshot helps. */
  | { readonly type: 'astray' };

export class Feed {
  /** What the page knows; null before it knows anything. */
  get cursor(): Cursor | null {
    return this.known;
  }

  /** Forget what is known, so that the next hello brings a snapshot. */
  restart(): void {
    this.known = null;
    this.parts = null;
  }

  take(frame: Frame): readonly StreamEvent[] {
    switch (frame.type) {
      case 'welcome':
        return this.welcome(frame.cursor, frame.state);
      case 'snapshot':
        return this.part(frame);
      case 'message':
        return this.message(frame.seq, frame.channel, frame.message);
      default:
        return [];
    }
  }

  private welcome(cursor: Cursor, state: string): readonly StreamEvent[] {
    const another = this.known !== null && this.known.epoch !== cursor.epoch;
    this.parts = null;
    if (this.known?.epoch !== cursor.epoch) {
      // Records of this epoch begin with 1, unless a snapshot comes first.
      this.known = { epoch: cursor.epoch, seq: 0 };
    }
    return another ? [{ type: 'epoch' }, { type: 'state', state }] : [{ type: 'state', state }];
  }

  private part(frame: Frame & { type: 'snapshot' }): readonly StreamEvent[] {
    const earlier = this.parts ?? { cells: new Map<string, Shown>(), other: [] };
    const snapshot = {
      cells: new Map([...earlier.cells, ...frame.cells]),
      other: [...earlier.other, ...frame.other]
    };
    this.parts = frame.more ? snapshot : null;
    if (frame.more) {
      return [];
    }
    this.known = frame.cursor;
    return [{ type: 'snapshot', snapshot }];
  }

  private message(seq: number, channel: Channel, message: Recorded): readonly StreamEvent[] {
    const next = (this.known?.seq ?? 0) + 1;
    if (!this.known || seq < next) {
      return [];
    }
    if (seq > next) {
      return [{ type: 'astray' }];
    }
    this.known = { ...this.known, seq };
    return [{ type: 'message', channel, message }];
  }

  private known: Cursor | null = null;
  private parts: Snapshot | null = null;
}
