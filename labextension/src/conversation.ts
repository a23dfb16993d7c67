/** The comm to a reactive kernel: what the page says, and what it asks. */

import {
  KERNEL,
  PROTOCOL,
  TARGET,
  answerOf,
  type Answer,
  type Fields,
  type Question,
  type Request
} from './protocol';

/** A kernel, as far as it is talked to. */
export interface Partner {
  readonly name: string;
  readonly status: string;
  readonly isDisposed: boolean;
  createComm(target: string): Line;
}

/** A comm. */
export interface Line {
  readonly isDisposed: boolean;
  // A method, because front ends' own types of messages say more.
  onMsg(message: { readonly content: { readonly data: unknown } }): void;
  open(data: { protocol: number }): unknown;
  send(data: Request | Question): unknown;
}

/** Whoever waits for an answer. */
interface Asker {
  readonly op: string;
  resolve(fields: Fields): void;
  reject(reason: Error): void;
}

/** States in which a kernel takes nothing, or forgets what it was told. */
const DEAF: readonly string[] = ['restarting', 'autorestarting', 'terminating', 'dead'];

export class Conversation {
  constructor(
    private readonly answered: (answer: Answer & { op: 'ready' | 'error' }) => void,
    private readonly ended: () => void
  ) {}

  get open(): boolean {
    return this.comm !== null && !this.comm.isDisposed;
  }

  /** Talk to this kernel; answers whether a conversation has just begun. */
  meet(kernel: Partner | null): boolean {
    if (kernel?.name === KERNEL && kernel === this.kernel && this.open) {
      return false;
    }
    this.end();
    if (kernel?.name !== KERNEL || kernel.isDisposed || DEAF.includes(kernel.status)) {
      return false;
    }
    // Kernels that are still to be connected get this before anything that their users ask for.
    const comm = kernel.createComm(TARGET);
    comm.onMsg = message => {
      this.hear(message.content.data);
    };
    comm.open({ protocol: PROTOCOL });
    this.kernel = kernel;
    this.comm = comm;
    return true;
  }

  /** Forget the comm: the kernel's process is another one. */
  end(): void {
    const { comm } = this;
    this.comm = null;
    this.kernel = null;
    if (comm) {
      comm.onMsg = () => undefined;
      this.questions.forEach(({ reject }) => {
        reject(new Error('The kernel went away.'));
      });
      this.questions.clear();
      this.ended();
    }
  }

  send(request: Request): boolean {
    if (!this.comm || this.comm.isDisposed) {
      return false;
    }
    this.comm.send(request);
    return true;
  }

  ask(question: Question): Promise<Fields> {
    const { comm } = this;
    if (!comm || comm.isDisposed) {
      return Promise.reject(new Error('There is no reactive kernel.'));
    }
    const ask = ++this.asked;
    return new Promise((resolve, reject) => {
      this.questions.set(ask, { op: question.op, resolve, reject });
      comm.send({ ...question, ask });
    });
  }

  private hear(data: unknown): void {
    const answer = answerOf(data);
    if (answer?.op === 'answer') {
      this.asker(answer.ask, answer.to)?.resolve(answer.fields);
    } else if (answer) {
      if (answer.op === 'error') {
        this.asker(answer.ask, null)?.reject(new Error(answer.message));
      }
      this.answered(answer);
    }
  }

  /** Who asked under this number, or, of those who asked the same, first. */
  private asker(ask: number | null, op: string | null): Asker | null {
    for (const [number, asker] of this.questions) {
      if (ask === null ? asker.op === op : number === ask) {
        this.questions.delete(number);
        return asker;
      }
    }
    return null;
  }

  private kernel: Partner | null = null;
  private comm: Line | null = null;
  private asked = 0;
  private readonly questions = new Map<number, Asker>();
}
