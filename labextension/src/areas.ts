/** Brings output widgets up to date with what they have taken while no page had them. No front end here.
 *
 *  A page tells the kernel what its output widgets take, and the kernel is where the next page gets them from. Of what
 *  was shown while no page was there the record alone knows, and says so in a snapshot. */

import { fieldsOf, requestOf, type Recorded } from './protocol';
import { shows } from './requests';

/** Outputs as a notebook keeps them. */
export type Outputs = readonly unknown[];

export interface Widgets {
  /** Whether the kernel has nothing to do, and the page has heard all that it said. */
  quiet(): boolean;
  /** Whether a widget of this page took what this request showed. */
  took(request: string): boolean;
  /** Have everything told again. */
  afresh(): void;
  /** Whether both look the same. */
  alike(one: Outputs, other: Outputs): boolean;
  /** Have a widget show this, here and where the kernel is; `false` if it is not there yet. */
  set(comm: string, outputs: Outputs): boolean;
}

interface Behind {
  readonly outputs: Outputs;
  /** What the kernel has instead. */
  readonly told: Outputs;
}

export class Areas {
  constructor(private readonly widgets: Widgets) {}

  clear(): void {
    this.asked.clear();
    this.behind.clear();
    this.missed.clear();
  }

  /** The stream has told everything again. */
  folded(other: readonly Recorded[]): void {
    this.clear();
    for (const message of other) {
      this.learn(message);
      const { content } = message;
      const { comm_id, data } = fieldsOf(content);
      const { behind, state } = fieldsOf(data);
      if (typeof comm_id === 'string' && behind !== undefined) {
        this.behind.set(comm_id, { outputs: outputsIn(state), told: outputsIn(behind) });
      }
    }
  }

  /** On the stream: answers whether a widget takes it. */
  takes(message: Recorded): boolean {
    this.learn(message);
    if (!this.asked.size || !shows(message)) {
      return false;
    }
    const request = requestOf(message);
    const taker = [...this.asked].filter(([, asked]) => asked === request).at(-1);
    if (taker) {
      const surely = this.behind.delete(taker[0]) || this.missed.get(request) === true;
      this.missed.set(request, surely);
    }
    return taker !== undefined;
  }

  /** Look once more, a while after the last time. */
  look(): void {
    if (!(this.missed.size || this.behind.size) || !this.widgets.quiet()) {
      return;
    }
    const missed = [...this.missed].some(([request, surely]) => surely || !this.widgets.took(request));
    this.missed.clear();
    if (missed) {
      this.widgets.afresh();
      return;
    }
    for (const [comm, { outputs, told }] of this.behind) {
      if (this.widgets.alike(outputs, told) || this.widgets.set(comm, outputs)) {
        this.behind.delete(comm);
      }
    }
  }

  private learn(message: Recorded): void {
    const { comm_id, data } = fieldsOf(message.content);
    if (typeof comm_id !== 'string') {
      return;
    }
    const state = fieldsOf(fieldsOf(data).state);
    if (message.header.msg_type === 'comm_close' || state.msg_id !== undefined) {
      this.asked.delete(comm_id);
    }
    if (typeof state.msg_id === 'string' && state.msg_id) {
      this.asked.set(comm_id, state.msg_id);
    }
    if (state.outputs !== undefined) {
      this.set(comm_id, outputsIn(state));
    }
  }

  /** Somebody has set what this widget shows: another page, or this one. */
  private set(comm: string, outputs: Outputs): void {
    const behind = this.behind.get(comm);
    if (behind && this.behind.delete(comm) && !this.widgets.alike(outputs, behind.outputs)) {
      this.missed.set(comm, true);
    }
  }

  // By widget: the request of whose outputs it takes what comes now.
  private readonly asked = new Map<string, string>();
  // By widget.
  private readonly behind = new Map<string, Behind>();
  // Requests whose outputs were taken, and whether it is known that no widget of this page did.
  private readonly missed = new Map<string, boolean>();
}

function outputsIn(state: unknown): Outputs {
  const { outputs } = fieldsOf(state);
  return Array.isArray(outputs) ? (outputs as Outputs) : [];
}
