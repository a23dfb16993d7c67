/** Output widgets: what they take of a run is theirs, not its cell's. */

import { OutputAreaModel } from '@jupyterlab/outputarea';
import { type Kernel, KernelMessage } from '@jupyterlab/services';
import { type JSONArray, JSONExt } from '@lumino/coreutils';

import { Areas, type Outputs } from './areas';
import { requestOf, type Message, type Recorded } from './protocol';
import { shows } from './requests';

type Hook = Parameters<Kernel.IKernelConnection['registerMessageHook']>[1];

/** Of so many requests it is known whether a widget here took what they showed. */
const REMEMBERED = 1_000;

/** What captors need to know of the page. */
export interface Page {
  kernel(): Kernel.IKernelConnection | null;
  /** Whether Lab itself has this request pass by its hooks. */
  awaited(request: string): boolean;
  /** What the kernel does, as the stream tells it. */
  kernelState(): string;
  /** Have everything told again. */
  afresh(): void;
}

export class Captors {
  constructor(private readonly page: Page) {
    this.areas = new Areas({
      quiet: () => page.kernelState() === 'idle' && this.hasHeardAll(),
      took: request => this.hooked.has(request),
      afresh: () => {
        page.afresh();
      },
      alike: (one, other) => JSONExt.deepEqual(shownOf(one), shownOf(other)),
      set: (comm, outputs) => this.set(comm, outputs)
    });
  }

  /** Lab forgets at once who wants to see what a request shows that it did not make: keep it here. */
  follow(kernel: Kernel.IKernelConnection): void {
    const { registerMessageHook, removeMessageHook } = kernel;
    kernel.registerMessageHook = (request, hook) => {
      registerMessageHook.call(kernel, request, hook);
      this.remember(request);
      if (!this.page.awaited(request)) {
        this.hooks.set(request, [...(this.hooks.get(request) ?? []), hook]);
      }
    };
    kernel.removeMessageHook = (request, hook) => {
      removeMessageHook.call(kernel, request, hook);
      const left = (this.hooks.get(request) ?? []).filter(each => each !== hook);
      if (left.length) {
        this.hooks.set(request, left);
      } else {
        this.hooks.delete(request);
      }
    };
  }

  clear(): void {
    this.hooks.clear();
    this.hooked.clear();
    this.taken.clear();
    this.areas.clear();
  }

  /** On the kernel's websocket, in whose order widgets come to know what they take. */
  async published(message: KernelMessage.IIOPubMessage): Promise<void> {
    const hook = this.hooks.get(requestOf(message))?.at(-1);
    if (hook && shows(message)) {
      await hook(message);
    }
  }

  /** The stream has told everything again. */
  folded(other: readonly Recorded[]): void {
    this.taken.clear();
    other.forEach(message => {
      this.learn(message);
    });
    this.areas.folded(other);
  }

  /** On the stream: answers whether a widget takes it. */
  takes(message: Recorded): boolean {
    this.learn(message);
    if (!this.taken.size || !shows(message)) {
      return false;
    }
    const request = requestOf(message);
    const takers = [...this.taken].filter(([, asked]) => asked === request);
    const last = takers.at(-1);
    if (last) {
      this.areas.taken(last[0], message);
    }
    return last !== undefined;
  }

  look(): void {
    this.areas.look();
  }

  private learn(message: Message): void {
    const { comm_id, data } = message.content as {
      comm_id?: string;
      data?: { state?: { msg_id?: unknown; outputs?: unknown } };
    };
    if (comm_id === undefined) {
      return;
    }
    const state = data?.state;
    const request = state?.msg_id;
    if (message.header.msg_type === 'comm_close' || request !== undefined) {
      this.taken.delete(comm_id);
    }
    if (typeof request === 'string' && request) {
      this.taken.set(comm_id, request);
    }
    if (state?.outputs !== undefined) {
      this.areas.set(comm_id, state);
    }
  }

  private remember(request: string): void {
    this.hooked.delete(request);
    this.hooked.add(request);
    const [eldest] = this.hooked;
    if (this.hooked.size > REMEMBERED && eldest !== undefined) {
      this.hooked.delete(eldest);
    }
  }

  private hasHeardAll(): boolean {
    const kernel = this.page.kernel();
    return kernel?.connectionStatus === 'connected' && kernel.status === 'idle';
  }

  /** As if the kernel had set it; and then it has. */
  private set(id: string, outputs: Outputs): boolean {
    const kernel = this.page.kernel();
    const comm = kernel && commOf(kernel, id);
    if (!kernel || !comm?.onMsg) {
      return false;
    }
    const data = { method: 'update', state: { outputs: outputs as JSONArray }, buffer_paths: [] };
    const { clientId: session } = kernel;
    // The widget keeps what it is handed.
    const content = { comm_id: id, data: JSONExt.deepCopy(data) };
    void comm.onMsg(KernelMessage.createMessage({ msgType: 'comm_msg', channel: 'iopub', session, content }));
    comm.send(data);
    return true;
  }

  private readonly areas: Areas;
  private readonly hooks = new Map<string, readonly Hook[]>();
  // The requests for which a widget of this page has been asked to take what they show.
  private readonly hooked = new Set<string>();
  // By widget: the request of whose outputs it takes what comes now.
  private readonly taken = new Map<string, string>();
}

/** A comm of this page; Lab gives it to none but who opened it. */
function commOf(kernel: Kernel.IKernelConnection, id: string): Kernel.IComm | null {
  const { _comms } = kernel as unknown as { _comms?: ReadonlyMap<string, Kernel.IComm> };
  return _comms?.get(id) ?? null;
}

/** What a page makes of outputs: text has no control characters any more. */
function shownOf(outputs: Outputs): ReturnType<OutputAreaModel['toJSON']> {
  const model = new OutputAreaModel({ trusted: true });
  model.fromJSON(JSONExt.deepCopy(outputs as JSONArray) as ReturnType<OutputAreaModel['toJSON']>);
  const shown = model.toJSON();
  model.dispose();
  return shown;
}
