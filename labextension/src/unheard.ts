/** What was said into a connection that nobody reads any more: it is said again over a new one. No front end here. */

import { TARGET, executionStateOf, fieldsOf, requestOf, type Message, type Shown } from './protocol';

/** For how many looks a kernel may have nothing to do and not begin what it was asked for. */
const SILENCE = 3;
/** For how many looks a server may still read what came over a connection that has been replaced: it closes that
 *  one when the new one comes, and five seconds later whatever the other side does. */
const FENCE = 7;
/** How many looks a new connection may take. */
const REACH = 12;

/** A message to the kernel. */
export interface Said extends Message {
  readonly header: { readonly msg_type: string; readonly msg_id: string };
}

/** The connection over which requests go. */
export interface Way<Word extends Said> {
  /** Whether what is said goes out at once, and the kernel has nothing to do, as the stream tells it. */
  quiet(): boolean;
  /** Make a new connection; fulfilled when the kernel has answered over it. */
  renew(): Promise<unknown>;
  /** Say this again: what the kernel is told on the comm, and what it is asked to run. */
  again(told: readonly Word[], runs: readonly Word[]): void;
}

export class Unheard<Word extends Said> {
  constructor(private readonly way: Way<Word>) {}

  /** A message goes to the kernel. */
  said(message: Word): void {
    const { msg_type, msg_id } = message.header;
    const { comm_id, target_name } = fieldsOf(message.content);
    if (msg_type === 'comm_open' && target_name === TARGET) {
      this.comms.add(comm_id);
    }
    const runs = msg_type === 'execute_request' && cellOf(message) !== null;
    if (runs || (msg_type.startsWith('comm_') && this.comms.has(comm_id))) {
      this.words.set(msg_id, message);
    }
  }

  /** A message from the kernel, whichever way it came. */
  heard(message: Message): void {
    const request = requestOf(message);
    this.words.delete(request);
    const state = executionStateOf(message);
    if (state === 'idle') {
      this.busy.delete(request);
    } else if (state === 'busy') {
      this.busy.add(request);
    }
    const cell = message.header.msg_type === 'execute_input' ? cellOf(message) : null;
    if (cell !== null) {
      this.ran.set(cell, request);
    }
  }

  /** The stream has told everything again: whatever else has run meanwhile, the kernel had what came before it. */
  folded(cells: ReadonlyMap<string, Shown>): void {
    this.busy.clear();
    for (const [id, word] of this.words) {
      const cell = cellOf(word);
      const shown = cells.get(cell ?? '');
      if (cell === null || (shown && shown.request !== this.ran.get(cell))) {
        this.words.delete(id);
      }
    }
    cells.forEach(({ request }, cell) => this.ran.set(cell, request));
  }

  /** Another process. */
  clear(): void {
    this.words.clear();
    this.comms.clear();
    this.busy.clear();
    this.ran.clear();
    this.listen();
  }

  /** Look once more, a while after the last time. */
  look(): void {
    this.looks += 1;
    const quiet = this.way.quiet() && !this.busy.size;
    switch (this.phase) {
      case 'listening':
        this.lost = this.lost.filter(id => quiet && this.words.has(id));
        if (!this.lost.length) {
          this.looks = 0;
          this.lost = quiet ? [...this.words.keys()] : [];
        } else if (this.looks >= SILENCE) {
          this.reach();
        }
        break;
      case 'reaching':
        if (this.looks >= REACH) {
          this.listen();
        }
        break;
      case 'fenced':
        if (quiet && this.looks >= FENCE) {
          this.repeat();
        }
        break;
    }
  }

  /** What the kernel answers over another connection comes after all that it heard over the old one. */
  private reach(): void {
    const attempt = ++this.attempt;
    this.become('reaching');
    this.lost = [...this.words.keys()];
    this.way.renew().then(
      () => {
        if (attempt === this.attempt) {
          this.become('fenced');
        }
      },
      () => {
        if (attempt === this.attempt) {
          this.listen();
        }
      }
    );
  }

  private repeat(): void {
    const words = this.lost.flatMap(id => this.words.get(id) ?? []);
    this.listen();
    if (words.length) {
      const runs = words.filter(({ header }) => header.msg_type === 'execute_request');
      const told = words.filter(word => !runs.includes(word) && !isDocument(word));
      words.filter(isDocument).forEach(({ header }) => this.words.delete(header.msg_id));
      this.way.again(told, runs);
    }
  }

  private listen(): void {
    this.attempt += 1;
    this.lost = [];
    this.become('listening');
  }

  private become(phase: 'listening' | 'reaching' | 'fenced'): void {
    this.phase = phase;
    this.looks = 0;
  }

  // In the order in which they were said.
  private readonly words = new Map<string, Word>();
  private readonly comms = new Set<unknown>();
  // The requests that the kernel is at.
  private readonly busy = new Set<string>();
  // Of each cell, the request that ran it last.
  private readonly ran = new Map<string, string>();
  private phase: 'listening' | 'reaching' | 'fenced' = 'listening';
  private looks = 0;
  private attempt = 0;
  private lost: readonly string[] = [];
}

/** Whether it says how the document is: by now it may be another one. */
function isDocument(word: Said): boolean {
  const { op, ask } = fieldsOf(fieldsOf(word.content).data);
  return op === 'sync' || (op === 'edit' && ask === undefined);
}

function cellOf(message: Message): string | null {
  const { cellId } = fieldsOf(message.metadata);
  return typeof cellId === 'string' ? cellId : null;
}
