/** The way to a kernel's stream from the classic notebook, which is let in by its cookie. */

import type { Gate } from '../src/stream';

export function gateTo(kernel: Classic.Kernel, id: string): Gate {
  const base = kernel.kernel_service_url.replace(/api\/kernels\/?$/, 'reactive');
  return {
    knock: async signal => (await fetch(`${base}/version`, { signal, cache: 'no-store' })).status,
    open: () => new WebSocket(`${kernel.ws_url}${base}/kernels/${encodeURIComponent(id)}/stream`)
  };
}
