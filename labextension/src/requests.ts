/** The runs that this page asked for: Lab shows what the kernel's own websocket brings of them. */

import { requestOf, type Message } from './protocol';

/** A message that can be told from all others. */
interface Named extends Message {
  readonly header: { readonly msg_type: string; readonly msg_id: string };
}

/** A message to or from the kernel, on the kernel's own websocket. */
export interface Passing {
  readonly direction: 'send' | 'recv';
  readonly msg: Named;
}

/** What arrived of a run on one of two ways, so that both can be compared: how many messages, and which. */
interface Tally {
  count: number;
  sum: number;
}

interface Requested {
  readonly cell: string;
  readonly here: Tally;
  readonly stream: Tally;
  /** It has a reply, so it shows all that it will, but for what its threads still say. */
  replied: boolean;
  idle: boolean;
  /** The stream says that it runs, or that it is over: what the stream tells next is newer. */
  begun: boolean;
  over: boolean;
  /** A snapshot stands for the first part of what the stream told: only another one can be compared. */
  folded: boolean;
  /** What it shows is taken from the stream, whatever the websocket still brings. */
  given: boolean;
}

const SHOWING = new Set([
  'stream',
  'display_data',
  'execute_result',
  'error',
  'clear_output',
  'update_display_data'
]);

// What of a request tells that it runs, or that it was refused.
const BEGINNING = new Set(['execute_input', 'error']);

export function shows(message: Message): boolean {
  return SHOWING.has(message.header.msg_type);
}

export class Requests {
  /** Whether a run of this cell that was asked for here comes after all that the stream has told so far. */
  ahead(cell: string): boolean {
    const latest = this.known.get(this.latest.get(cell) ?? '');
    return latest !== undefined && !latest.begun && !latest.given;
  }

  /** Whether what a request shows comes over the kernel's websocket. */
  own(request: string): boolean {
    return this.known.get(request)?.given === false;
  }

  /** Whether Lab still waits for the end of a request. */
  awaited(request: string): boolean {
    const requested = this.known.get(request);
    return requested !== undefined && !(requested.replied && requested.idle);
  }

  /** Whether the latest run of a cell was asked for here. */
  ranHere(cell: string): boolean {
    return this.known.has(this.latest.get(cell) ?? '');
  }

  /** Leave the request to the stream. */
  giveUp(request: string): void {
    const requested = this.known.get(request);
    if (requested) {
      requested.given = true;
    }
  }

  /** A message to or from the kernel, at once when it passes. */
  passed(args: Passing): void {
    const message = args.msg;
    if (args.direction === 'send') {
      this.sent(message);
      return;
    }
    const requested = this.known.get(requestOf(message));
    if (requested && message.header.msg_type === 'execute_reply') {
      requested.replied = true;
    } else if (requested && isIdle(message)) {
      requested.idle = true;
    }
  }

  /** A message that the front end has dealt with. */
  shown(message: Named): void {
    count(this.known.get(requestOf(message))?.here, message);
  }

  /** A message on the stream. */
  told(message: Named): void {
    const requested = this.known.get(requestOf(message));
    if (requested) {
      count(requested.stream, message);
      // A reply may come before what was published before it: of a rerun that went before this run, too.
      requested.begun ||= BEGINNING.has(message.header.msg_type) || isIdle(message);
      requested.over ||= message.header.msg_type === 'execute_reply' || isIdle(message);
    }
  }

  /** The stream has told everything again, folded: what it tells from now on is only a part. */
  folded(): void {
    this.known.forEach(each => {
      each.folded = true;
      each.begun ||= each.replied;
    });
  }

  /** The requests of which the stream has told other things than the websocket, or may have. */
  lacking(): string[] {
    return [...this.known].filter(([, each]) => lacks(each)).map(([id]) => id);
  }

  /** Where every request stands, to see whether something moves. */
  progress(): string {
    return [...this.known.values()].map(each => `${each.here.count}/${each.stream.count}`).join();
  }

  cellOf(request: string): string | null {
    return this.known.get(request)?.cell ?? null;
  }

  clear(): void {
    this.known.clear();
    this.latest.clear();
  }

  private sent(message: Named): void {
    const cell = (message.metadata as { cellId?: unknown }).cellId;
    if (message.header.msg_type === 'execute_request' && typeof cell === 'string') {
      // Of each cell the latest one stays, for what its threads say late.
      this.known.delete(this.latest.get(cell) ?? '');
      this.latest.set(cell, message.header.msg_id);
      const tally = (): Tally => ({ count: 0, sum: 0 });
      this.known.set(message.header.msg_id, {
        cell,
        here: tally(),
        stream: tally(),
        replied: false,
        idle: false,
        begun: false,
        over: false,
        folded: false,
        given: false
      });
    }
  }

  private readonly known = new Map<string, Requested>();
  private readonly latest = new Map<string, string>();
}

function lacks(requested: Requested): boolean {
  const { given, folded, over, here, stream } = requested;
  return !given && (folded ? over : !same(here, stream));
}

function isIdle(message: Message): boolean {
  const { execution_state } = message.content as { execution_state?: unknown };
  return message.header.msg_type === 'status' && execution_state === 'idle';
}

function count(tally: Tally | undefined, message: Named): void {
  if (tally && shows(message)) {
    tally.count += 1;
    tally.sum = (tally.sum + hash(message.header.msg_id)) | 0;
  }
}

function same(one: Tally, other: Tally): boolean {
  return one.count === other.count && one.sum === other.sum;
}

function hash(text: string): number {
  let sum = 0;
  for (let place = 0; place < text.length; place++) {
    sum = (Math.imul(sum, 31) + text.charCodeAt(place)) | 0;
  }
  return sum;
}
