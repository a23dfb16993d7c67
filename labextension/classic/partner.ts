/** The classic notebook's kernel as the shared conversation knows kernels. */

import type { Line, Partner } from '../src/conversation';

export function partnerOf(kernel: Classic.Kernel): Partner {
  return {
    name: kernel.name,
    status: '',
    isDisposed: false,
    createComm: target => lineTo(kernel, target)
  };
}

export function lineTo(kernel: Classic.Kernel, target: string): Line {
  let comm: Classic.Comm | null = null;
  const line: Line = {
    isDisposed: false,
    onMsg: () => undefined,
    open: data => {
      comm = kernel.comm_manager.new_comm(target, data);
      comm.on_msg(message => {
        line.onMsg(message);
      });
    },
    send: data => comm?.send(data)
  };
  return line;
}
