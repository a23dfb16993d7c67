/** A line to a kernel: a comm on which questions are numbered, so that every answer finds who asked. */

import type { Kernel, KernelMessage } from '@jupyterlab/services';
import type { JSONObject } from '@lumino/coreutils';
import { type ISignal, Signal } from '@lumino/signaling';

import { fieldsOf } from './bundle';

export interface Answer {
  readonly fields: Record<string, unknown>;
  readonly bytes: ArrayBuffer | null;
}

/** The kernel has said no, or is gone; the message is for people. */
export class Unanswered extends Error {}

interface Asker {
  resolve(answer: Answer): void;
  reject(reason: Unanswered): void;
}

const GONE: readonly Kernel.Status[] = ['restarting', 'autorestarting', 'terminating', 'dead'];

export class Line {
  /** The line to a kernel's target, opened when somebody first wants it. */
  static to(kernel: Kernel.IKernelConnection, target: string): Line {
    const lines = Line.all.get(kernel) ?? new Map<string, Line>();
    Line.all.set(kernel, lines);
    const known = lines.get(target);
    if (known && !known.closed) {
      return known;
    }
    const line = new Line(kernel, target);
    lines.set(target, line);
    return line;
  }

  private constructor(kernel: Kernel.IKernelConnection, target: string) {
    this.comm = kernel.createComm(target);
    this.comm.onMsg = message => {
      this.hear(message);
    };
    this.comm.onClose = () => {
      this.close('The kernel does not know of this.');
    };
    kernel.statusChanged.connect((_, status) => {
      if (GONE.includes(status)) {
        this.close('The kernel went away.');
      }
    }, this);
    kernel.disposed.connect(() => {
      this.close('The kernel went away.');
    }, this);
    // What comes for a comm that the kernel has yet to open is lost.
    this.opened = this.comm.open().done;
    // Who asks hears of it.
    this.opened.catch(() => undefined);
  }

  /** Tells what comes without a question. */
  get told(): ISignal<this, Record<string, unknown>> {
    return this.tells;
  }

  ask(question: JSONObject): Promise<Answer> {
    if (this.closed || this.comm.isDisposed) {
      return Promise.reject(new Unanswered('The kernel went away.'));
    }
    const ask = ++this.count;
    return new Promise((resolve, reject) => {
      this.askers.set(ask, { resolve, reject });
      void this.send({ ...question, ask });
    });
  }

  private async send(question: JSONObject): Promise<void> {
    try {
      await this.opened;
      if (!this.closed) {
        this.comm.send(question);
      }
    } catch {
      this.close('The kernel went away.');
    }
  }

  private hear(message: KernelMessage.ICommMsgMsg): void {
    const fields = fieldsOf(message.content.data);
    const asker = typeof fields.ask === 'number' ? this.askers.get(fields.ask) : undefined;
    if (!asker) {
      this.tells.emit(fields);
      return;
    }
    this.askers.delete(Number(fields.ask));
    if (fields.op === 'error') {
      asker.reject(new Unanswered(String(fields.message)));
    } else {
      asker.resolve({ fields, bytes: bytesOf(message.buffers?.[0]) });
    }
  }

  private close(why: string): void {
    if (!this.closed) {
      this.closed = true;
      this.askers.forEach(asker => {
        asker.reject(new Unanswered(why));
      });
      this.askers.clear();
      Signal.clearData(this);
    }
  }

  private static readonly all = new WeakMap<Kernel.IKernelConnection, Map<string, Line>>();
  private readonly comm: Kernel.IComm;
  private readonly askers = new Map<number, Asker>();
  private readonly tells = new Signal<this, Record<string, unknown>>(this);
  private readonly opened: Promise<unknown>;
  private count = 0;
  private closed = false;
}

function bytesOf(buffer: ArrayBuffer | ArrayBufferView | undefined): ArrayBuffer | null {
  if (buffer === undefined || buffer instanceof ArrayBuffer) {
    return buffer ?? null;
  }
  const copy = new Uint8Array(buffer.byteLength);
  copy.set(new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength));
  return copy.buffer;
}
