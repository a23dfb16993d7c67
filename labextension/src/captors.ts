/** Output widgets: what they take of a run is theirs, not its cell's. */

import { OutputAreaModel } from '@jupyterlab/outputarea';
import { type Kernel, KernelMessage } from '@jupyterlab/services';
import { type JSONArray, JSONExt } from '@lumino/coreutils';

import { Areas, type Outputs } from './areas';
import { requestOf, type Recorded } from './protocol';
import { shows } from './requests';

type Hook = Parameters<Kernel.IKernelConnection['registerMessageHook']>[1];

/** Of so many requests it is known whether a widget here took what they showed. */
const REMEMBERED = 1_000;

/** What captors need to know of the page. */
export interface Page {
  kernel(): Kernel.IKernelConnection | null;
  /** Whether this page waits for the end of this run. */
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
      if (!this.awaited(kernel, request)) {
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
    this.areas.folded(other);
  }

  /** On the stream: answers whether a widget takes it. */
  takes(message: Recorded): boolean {
    return this.areas.takes(message);
  }

  look(): void {
    this.areas.look();
  }

  /** Whether Lab itself has this request pass by its hooks: a cell's run, or what a widget of this page says. */
  private awaited(kernel: Kernel.IKernelConnection, request: string): boolean {
    const { _futures } = kernel as unknown as { _futures?: ReadonlyMap<string, unknown> };
    return _futures ? _futures.has(request) : this.page.awaited(request);
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
