/** Puts what runs show into their cells: all runs but those that Lab itself shows, because this page asked. */

import { type CodeCell, CodeCellModel } from '@jupyterlab/cells';
import { OutputAreaModel } from '@jupyterlab/outputarea';
import type { Kernel, KernelMessage } from '@jupyterlab/services';
import { JSONExt } from '@lumino/coreutils';

import { delivered, passive, published, type Future } from './passive';
import {
  codeOf,
  displayOf,
  executionCountOf,
  requestOf,
  type CellChanges,
  type Channel,
  type Recorded,
  type Shown
} from './protocol';
import type { Requests } from './requests';
import { Runs, type Run } from './runs';

interface LabRun extends Run<CodeCell> {
  readonly future: Future;
  readonly count: number | null;
  /** The cell showed all this already: it is rendered again only when one of its displays is brought up to date. */
  asleep: readonly Recorded[] | null;
}

export class Outputs {
  constructor(
    /** The code cell of an id, if the notebook has it. */
    find: (id: string) => CodeCell | null,
    private readonly requests: Requests,
    private readonly kernel: () => Kernel.IKernelConnection | null,
    private readonly timed: () => boolean
  ) {
    this.runs = new Runs(
      {
        find,
        begin: (id, cell, message) => this.begin(id, cell, message),
        show: (run, message) => {
          run.future.onIOPub(published(message));
        },
        ask: (run, message) => {
          run.future.onStdin(delivered(message, 'stdin') as KernelMessage.IStdinMessage);
        },
        update: (runs, display, message) => {
          this.update(runs, display, message);
        },
        rest: (run, message) => {
          this.rest(run, message);
        },
        over: message => {
          this.over(message);
        }
      },
      requests
    );
  }

  /** Take in one message; `false` if it belongs to a run whose beginning is not known here. */
  hear(message: Recorded, channel: Channel): boolean {
    return this.runs.hear(message, channel);
  }

  /** The kernel says which cells have come to rest. */
  settle(changes: CellChanges): void {
    this.runs.settle(changes);
  }

  /** Nothing runs any more: the process is another one. */
  settleAll(): void {
    this.runs.settleAll();
    this.orphans.clear();
  }

  /** Have a cell show what a snapshot says, if it does not already. */
  reconcile(id: string, shown: Shown, running: boolean): void {
    const cell = this.runs.due(id, shown);
    if (!cell) {
      return;
    }
    const begun = shown.messages.find(message => message.header.msg_type === 'execute_input');
    const alike = sameOutputs(cell, shown.messages);
    const run = this.attach(id, cell, shown.request, begun ?? null, !alike);
    if (alike) {
      run.asleep = shown.messages.some(displayOf) ? shown.messages : null;
    } else {
      cell.model.trusted = true;
      shown.messages.forEach(message => {
        run.future.onIOPub(published(message));
      });
    }
    if (running) {
      this.mark(run, begun ?? null);
    } else {
      this.rest(run, null);
    }
  }

  /** A request is over. Those that this page gave up are still waited for by Lab. */
  private over(message: Recorded): void {
    const request = requestOf(message);
    const isReply = message.header.msg_type === 'execute_reply';
    const orphan = this.orphans.get(request);
    if (orphan) {
      handOver(orphan, delivered(message, isReply ? 'shell' : 'iopub'));
      if (!isReply) {
        this.orphans.delete(request);
      }
    }
  }

  /** A display is brought up to date wherever it is shown, also by another one of its name. */
  private update(runs: Iterable<LabRun>, display: string, message: Recorded): void {
    const update = published(message, 'update_display_data');
    for (const run of runs) {
      if (run.asleep?.some(each => displayOf(each) === display)) {
        this.wake(run, run.asleep);
      }
      if (!run.cell.isDisposed) {
        run.future.onIOPub(update);
      }
    }
  }

  private wake(run: LabRun, messages: readonly Recorded[]): void {
    run.asleep = null;
    run.cell.outputArea.model.clear();
    messages.forEach(message => {
      run.future.onIOPub(published(message));
    });
  }

  private begin(id: string, cell: CodeCell, message: Recorded): LabRun {
    const run = this.attach(id, cell, requestOf(message), message, true);
    cell.model.trusted = true;
    this.mark(run, message);
    this.stamp(run, 'iopub.execute_input', message);
    return run;
  }

  /** Have the cell's output area listen to this run, and to nothing else. */
  private attach(
    id: string,
    cell: CodeCell,
    request: string,
    begun: Recorded | null,
    clear: boolean
  ): LabRun {
    const { outputArea } = cell;
    const future = passive(request, begun, this.kernel);
    this.leave(id, outputArea.detachFuture());
    if (clear) {
      outputArea.future = future;
    } else {
      outputArea.reattachFuture(future);
    }
    const count = begun ? executionCountOf(begun) : null;
    const run = { request, cell, future, count, running: false, asleep: null };
    this.runs.keep(id, run);
    return run;
  }

  /** Nobody listens to this future any more. */
  private leave(id: string, future: Future | null): void {
    if (!future) {
      return;
    }
    const request = future.msg.header.msg_id;
    if (this.requests.awaited(request)) {
      // Disposed, it would tell Lab that the run was canceled.
      this.orphans.set(request, future);
      const recall = (): void => {
        // After Lab has put the old run's count there.
        window.setTimeout(() => {
          this.recall(id);
        });
      };
      future.done.then(recall, recall);
    } else {
      future.dispose();
    }
  }

  private mark(run: LabRun, begun: Recorded | null): void {
    const { model } = run.cell;
    run.running = true;
    model.executionState = 'running';
    // Lab takes the text of this moment for the text that runs.
    if (model instanceof CodeCellModel) {
      model.isDirty = begun !== null && codeOf(begun).trim() !== model.sharedModel.getSource().trim();
    }
  }

  private rest(run: LabRun, message: Recorded | null): void {
    const { cell } = run;
    const ended = run.running;
    run.running = false;
    if (cell.isDisposed || this.runs.get(cell.model.id) !== run) {
      return;
    }
    if (ended) {
      unask(cell);
      this.stamp(run, 'shell.execute_reply', message);
    }
    // Setting the count also ends Lab's running state, so it comes last.
    if (run.count !== null && cell.model.executionCount !== run.count) {
      cell.model.executionCount = run.count;
    }
    if (ended || cell.model.executionState === 'running') {
      cell.model.executionState = 'idle';
    }
  }

  /** Show again how the latest run stands. */
  private recall(id: string): void {
    const run = this.runs.get(id);
    if (run?.running) {
      run.cell.model.executionState = 'running';
    } else if (run) {
      this.rest(run, null);
    }
  }

  private stamp(run: LabRun, label: string, message: Recorded | null): void {
    if (this.timed()) {
      const { model } = run.cell;
      const begins = label === 'iopub.execute_input';
      const earlier: unknown = begins ? {} : model.getMetadata('execution');
      const date = message?.header.date ?? new Date().toISOString();
      model.setMetadata('execution', { ...(earlier as object | undefined), [label]: date });
    }
  }

  private readonly runs: Runs<CodeCell, LabRun>;
  // Futures of Lab's whose runs are shown from the stream: they wait for their end.
  private readonly orphans = new Map<string, Future>();
}

/** Does the cell show what these messages would? */
function sameOutputs(cell: CodeCell, messages: readonly Recorded[]): boolean {
  const model = new OutputAreaModel({ trusted: true });
  let clearing = false;
  for (const { header, content } of messages) {
    const kind = header.msg_type;
    if (kind === 'clear_output') {
      clearing = (content as { wait?: boolean }).wait === true;
      model.clear(clearing);
    } else if (kind !== 'execute_input') {
      model.add({ ...(content as object), output_type: kind });
      clearing = false;
    }
  }
  const same = !clearing && JSONExt.deepEqual(model.toJSON(), cell.outputArea.model.toJSON());
  model.dispose();
  return same;
}

/** Take away the fields in which somebody should have typed: the run is over. */
function unask(cell: CodeCell): void {
  for (const widget of [...cell.outputArea.widgets]) {
    if (widget.node.querySelector('.jp-Stdin')) {
      widget.dispose();
    }
  }
}

/** Give a future of Lab's a message that came another way than its own. */
export function handOver(future: Future, message: KernelMessage.IMessage): void {
  const { handleMsg } = future as { handleMsg?: (message: KernelMessage.IMessage) => Promise<void> };
  if (!future.isDisposed) {
    void handleMsg?.call(future, message);
  }
}
