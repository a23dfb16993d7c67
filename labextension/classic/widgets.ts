/** Output widgets of the classic notebook, reached over the comms that it has opened for them. */

import type { Outputs } from '../src/areas';

export class Widgets {
  constructor(private readonly kernel: Classic.Kernel | null) {}

  /** Have a widget show this by way of the kernel, which tells all pages; `false` if it is not there yet. */
  set(id: string, outputs: Outputs): boolean {
    const comm = this.reached.get(id);
    if (comm?._msg_callback) {
      comm.send({ method: 'update', state: { outputs }, buffer_paths: [] });
      return true;
    }
    const opened = this.kernel?.comm_manager.comms[id];
    void Promise.resolve(opened).then(found => {
      if (found) {
        this.reached.set(id, found as Classic.Comm);
      }
    });
    return false;
  }

  private readonly reached = new Map<string, Classic.Comm>();
}
