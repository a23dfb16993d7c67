/** The websocket on which the server replays what a kernel published; it comes back whenever it can. */

import { Feed, type StreamEvent } from './feed';
import type { StreamState } from './model';
import { PROTOCOL, frameOf, type Word } from './protocol';

const PING = 5_000;
const SILENCE = 15_000;
/** How long a connection may take, and how long to wait between two tries: first, and at most. */
const PATIENCE = 8_000;
const KNOCK = 2_500;
const SOON = 100;
const LATER = 1_000;
const BEAT = 500;
/** The code with which the server says that there is nothing more to come. */
const KERNEL_ENDED = 1000;

/** The way to one kernel's stream. */
export interface Gate {
  /** The status with which the server answers who asks for its version; rejected if nobody is there. */
  knock(signal: AbortSignal): Promise<number>;
  open(): WebSocket;
}

/** Whoever hears the stream. */
export interface Listener {
  /** In order, in batches: many messages may have come since the last frame was drawn. */
  heard(events: readonly StreamEvent[]): void;
  turned(state: StreamState): void;
  /** This server has no streams. */
  absent(): void;
}

export class Stream {
  constructor(
    private readonly gate: Gate,
    private readonly listener: Listener
  ) {
    this.beat = window.setInterval(this.look, BEAT);
    window.addEventListener('online', this.hurry);
    document.addEventListener('visibilitychange', this.hurry);
    void this.knock();
  }

  get state(): StreamState {
    return this.now;
  }

  /** Have everything told again. */
  restart(): void {
    this.feed.restart();
    this.hello();
  }

  /** Leave what these cells show out of what is told later. */
  forget(cells: string[]): void {
    this.say({ type: 'forget', cells });
  }

  dispose(): void {
    this.disposed = true;
    window.clearInterval(this.beat);
    window.clearTimeout(this.timer);
    window.removeEventListener('online', this.hurry);
    document.removeEventListener('visibilitychange', this.hurry);
    this.drop();
  }

  /** See whether the server is there before a socket is opened: browsers slow down who opens many in vain. */
  private readonly knock = async (): Promise<void> => {
    let status = 0;
    try {
      status = await this.gate.knock(AbortSignal.timeout(KNOCK));
    } catch {
      // Nobody there: the same as an answer that promises nothing.
    }
    if (this.disposed || this.socket) {
      return;
    }
    if (status === 404) {
      this.dispose();
      this.listener.absent();
    } else if (status === 200) {
      this.open();
    } else {
      this.again();
    }
  };

  private open(): void {
    const socket = this.gate.open();
    this.socket = socket;
    this.unanswered = Date.now();
    socket.onopen = () => {
      this.hello();
    };
    socket.onmessage = (event: MessageEvent<string>) => {
      this.take(event.data);
    };
    socket.onclose = event => {
      this.ended = event.code === KERNEL_ENDED;
      this.lose();
    };
  }

  private hello(): void {
    this.say({ type: 'hello', protocol: PROTOCOL, cursor: this.feed.cursor });
  }

  private say(word: Word): void {
    if (this.socket?.readyState === WebSocket.OPEN) {
      this.socket.send(JSON.stringify(word));
    }
  }

  private take(text: string): void {
    this.unanswered = 0;
    const frame = frameOf(text);
    if (!frame) {
      return;
    }
    if (frame.type === 'error') {
      console.warn(`jupyter-reactive: ${frame.reason}`);
    }
    const events = this.feed.take(frame);
    if (events.some(event => event.type === 'astray')) {
      this.restart();
    }
    if (frame.type === 'welcome') {
      this.tries = 0;
      this.turn('live');
    }
    this.pending.push(...events);
    if (this.pending.length && !this.due) {
      // Many small messages cost one look at the page; a hidden page draws no frames.
      this.due = true;
      if (document.hidden) {
        window.setTimeout(this.tell, 0);
      } else {
        window.requestAnimationFrame(this.tell);
      }
    }
  }

  private readonly tell = (): void => {
    this.due = false;
    const events = this.pending;
    this.pending = [];
    if (!this.disposed && events.length) {
      this.listener.heard(events);
    }
  };

  /** A ping every few seconds; a socket on which nothing comes back is no socket. */
  private readonly look = (): void => {
    const now = Date.now();
    if (!this.socket) {
      return;
    }
    const patience = this.now === 'live' ? SILENCE - PING : PATIENCE;
    if (this.unanswered && now - this.unanswered >= patience) {
      this.lose();
    } else if (this.now === 'live' && now - this.pinged >= PING) {
      this.pinged = now;
      this.unanswered = this.unanswered || now;
      this.say({ type: 'ping' });
    }
  };

  private lose(): void {
    this.drop();
    // What has arrived is known: the cursor has gone past it.
    this.tell();
    this.turn('lost');
    this.again();
  }

  private drop(): void {
    const { socket } = this;
    this.socket = null;
    if (socket) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
    }
  }

  private again(): void {
    window.clearTimeout(this.timer);
    if (!this.disposed && !this.ended) {
      const wait = Math.min(this.tries > 20 ? 3 * LATER : LATER, SOON * 2 ** this.tries++);
      this.timer = window.setTimeout(() => void this.knock(), wait * (0.5 + Math.random() / 2));
    }
  }

  /** The network is back, or somebody looks at the page again. */
  private readonly hurry = (): void => {
    if (this.due && document.hidden) {
      this.tell();
    }
    if (this.now === 'lost' && !this.socket) {
      this.tries = 0;
      this.again();
    } else {
      this.pinged = 0;
      this.look();
    }
  };

  private turn(state: StreamState): void {
    if (this.now !== state && !this.disposed) {
      this.now = state;
      this.listener.turned(state);
    }
  }

  private readonly feed = new Feed();
  private now: StreamState = 'connecting';
  private socket: WebSocket | null = null;
  private disposed = false;
  private ended = false;
  private pending: StreamEvent[] = [];
  private due = false;
  private tries = 0;
  private timer = 0;
  private beat = 0;
  private pinged = 0;
  private unanswered = 0;
}
