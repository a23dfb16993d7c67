/** Puts what a rerun publishes into its own cell: nobody in this page has a request for it. */

import type { CodeCell } from '@jupyterlab/cells';
import type { Kernel, KernelMessage } from '@jupyterlab/services';

import { executionCountOf, originOf, type CellChanges } from './protocol';

type Future = Kernel.IShellFuture<KernelMessage.IExecuteRequestMsg, KernelMessage.IExecuteReplyMsg>;

interface Run {
  readonly cell: CodeCell;
  readonly future: Future;
  readonly count: number | null;
}

export class Reruns {
  /** `find` names the code cell of an id, if the notebook has it. */
  constructor(private readonly find: (id: string) => CodeCell | null) {}

  /** Take in one published message, whoever caused it. */
  hear(message: KernelMessage.IIOPubMessage): void {
    if (message.header.msg_type === 'update_display_data') {
      // A display may be updated from anywhere: output areas ignore the displays that are not theirs.
      this.runs.forEach(run => void run.future.onIOPub(message));
      return;
    }
    const origin = originOf(message);
    if (!origin) {
      return;
    }
    if (message.header.msg_type === 'execute_input') {
      this.begin(origin.cell, origin.request, message);
    }
    const run = this.runs.get(origin.cell);
    if (run?.future.msg.header.msg_id === origin.request) {
      void run.future.onIOPub(message);
    }
  }

  /** The kernel says which cells have come to rest. */
  settle(changes: CellChanges): void {
    for (const [id, state] of changes) {
      const run = this.runs.get(id);
      if (run && state?.activity !== 'running' && !run.cell.isDisposed) {
        // Setting the count also ends Lab's running state, so it comes last.
        run.cell.model.executionCount = run.count;
      }
    }
  }

  private begin(id: string, request: string, message: KernelMessage.IIOPubMessage): void {
    const cell = this.find(id);
    if (!cell || this.runsHere(cell, request)) {
      return;
    }
    const future = passive(request, message);
    this.runs.set(id, { cell, future, count: executionCountOf(message) });
    cell.outputArea.future = future;
    cell.model.trusted = true;
    cell.model.executionState = 'running';
  }

  /** Whether this page asked for the run, or waits for another one of the same cell: Lab shows those itself,
   *  and taking over the output area would cut its request off. */
  private runsHere(cell: CodeCell, request: string): boolean {
    // Lab's type leaves out that a cell that never ran has no future.
    const current = cell.outputArea.future as Future | null;
    if (!current || current.isDisposed) {
      return false;
    }
    const foreign = [...this.runs.values()].some(run => run.future === current);
    return !foreign || current.msg.header.msg_id === request;
  }

  // The latest rerun of each cell; it stays after its end for late updates of its displays.
  private readonly runs = new Map<string, Run>();
}

/** A future that nobody resolves: an output area listens through it to messages that it is handed. */
function passive(request: string, message: KernelMessage.IIOPubMessage): Future {
  let disposed = false;
  return {
    msg: {
      header: { ...message.header, msg_id: request, msg_type: 'execute_request' },
      parent_header: {},
      metadata: message.metadata,
      content: { code: '' },
      channel: 'shell'
    },
    done: new Promise<KernelMessage.IExecuteReplyMsg>(() => undefined),
    onReply: () => undefined,
    onIOPub: () => undefined,
    onStdin: () => undefined,
    registerMessageHook: () => undefined,
    removeMessageHook: () => undefined,
    sendInputReply: () => undefined,
    get isDisposed() {
      return disposed;
    },
    dispose: () => {
      disposed = true;
    }
  };
}
