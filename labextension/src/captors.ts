/** Output widgets: what they take of a run is theirs, not its cell's. */

import type { Kernel, KernelMessage } from '@jupyterlab/services';

import { requestOf, type Message } from './protocol';
import { shows } from './requests';

type Hook = Parameters<Kernel.IKernelConnection['registerMessageHook']>[1];

export class Captors {
  constructor(
    /** Whether Lab itself has this request pass by its hooks. */
    private readonly awaited: (request: string) => boolean
  ) {}

  /** Lab forgets at once who wants to see what a request shows that it did not make: keep it here. */
  follow(kernel: Kernel.IKernelConnection): void {
    const { registerMessageHook, removeMessageHook } = kernel;
    kernel.registerMessageHook = (request, hook) => {
      registerMessageHook.call(kernel, request, hook);
      if (!this.awaited(request)) {
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
    this.taken.clear();
  }

  /** On the kernel's websocket, in whose order widgets come to know what they take. */
  async published(message: KernelMessage.IIOPubMessage): Promise<void> {
    const hook = this.hooks.get(requestOf(message))?.at(-1);
    if (hook && shows(message)) {
      await hook(message);
    }
  }

  /** On the stream: answers whether a widget takes it. */
  takes(message: Message): boolean {
    const { comm_id, data } = message.content as {
      comm_id?: string;
      data?: { state?: { msg_id?: unknown } };
    };
    const request = data?.state?.msg_id;
    if (comm_id !== undefined && request !== undefined) {
      this.taken.delete(comm_id);
      if (typeof request === 'string' && request) {
        this.taken.set(comm_id, request);
      }
    }
    return this.taken.size > 0 && shows(message) && [...this.taken.values()].includes(requestOf(message));
  }

  private readonly hooks = new Map<string, readonly Hook[]>();
  // By widget: the request of whose outputs it takes what comes now.
  private readonly taken = new Map<string, string>();
}
