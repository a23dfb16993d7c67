/** What Lab's output areas listen through where nobody in the page made a request. */

import type { Kernel, KernelMessage } from '@jupyterlab/services';

import type { Recorded } from './protocol';

export type Future = Kernel.IShellFuture<KernelMessage.IExecuteRequestMsg, KernelMessage.IExecuteReplyMsg>;

/** A future that nobody resolves: an output area listens through it to messages that it is handed. */
export function passive(
  request: string,
  begun: Recorded | null,
  kernel: () => Kernel.IKernelConnection | null
): Future {
  let disposed = false;
  return {
    msg: {
      header: {
        msg_id: request,
        msg_type: 'execute_request',
        date: begun?.header.date ?? '',
        session: '',
        username: '',
        version: '5.4'
      },
      parent_header: {},
      metadata: {},
      content: { code: '' },
      channel: 'shell'
    },
    done: new Promise<KernelMessage.IExecuteReplyMsg>(() => undefined),
    onReply: () => undefined,
    onIOPub: () => undefined,
    onStdin: () => undefined,
    registerMessageHook: () => undefined,
    removeMessageHook: () => undefined,
    sendInputReply: (content, parent) => {
      kernel()?.sendInputReply(content, parent);
    },
    get isDisposed() {
      return disposed;
    },
    dispose: () => {
      disposed = true;
    }
  };
}

/** A recorded message as Lab's own websocket would have brought it; perhaps as another kind of message. */
export function published(message: Recorded, kind = message.header.msg_type): KernelMessage.IIOPubMessage {
  const header = { ...message.header, msg_type: kind };
  return delivered({ ...message, header }, 'iopub') as KernelMessage.IIOPubMessage;
}

/** The same for the other channels. */
export function delivered(message: Recorded, channel: KernelMessage.Channel): KernelMessage.IMessage {
  const buffers = message.buffers.map(buffer => (typeof buffer === 'string' ? bytesOf(buffer) : buffer));
  const lab: unknown = { ...message, channel, buffers };
  // Lab's own deserializer has as little proof.
  return lab as KernelMessage.IMessage;
}

function bytesOf(base64: string): DataView {
  return new DataView(Uint8Array.from(atob(base64), character => character.charCodeAt(0)).buffer);
}
