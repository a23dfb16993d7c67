/** The way to a kernel's stream through JupyterLab's own connection to its server. */

import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

import type { Gate } from './stream';

export function gateTo(kernel: string, settings: ServerConnection.ISettings): Gate {
  return {
    knock: async signal => {
      const url = URLExt.join(settings.baseUrl, 'reactive', 'version');
      return (await ServerConnection.makeRequest(url, { signal, cache: 'no-store' }, settings)).status;
    },
    open: () => {
      const { wsUrl, appendToken, token } = settings;
      const place = URLExt.join(wsUrl, 'reactive', 'kernels', encodeURIComponent(kernel), 'stream');
      return new settings.WebSocket(
        place + (appendToken && token ? `?token=${encodeURIComponent(token)}` : '')
      );
    }
  };
}
