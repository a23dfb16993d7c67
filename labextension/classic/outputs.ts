/** Puts what runs show into their cells: all runs but those that this page asked for, which the notebook shows. */

import base from 'base/js/utils';

import {
  displayOf,
  executionCountOf,
  requestOf,
  type CellChanges,
  type Channel,
  type Recorded,
  type Shown
} from '../src/protocol';
import { type Requests, shows } from '../src/requests';
import { Runs, type Run } from '../src/runs';
import { sameOutputs } from './shown';

interface ClassicRun extends Run<Classic.CodeCell> {
  readonly count: number | null;
}

export class Outputs {
  constructor(
    find: (id: string) => Classic.CodeCell | null,
    requests: Requests,
    /** There is something to save. */
    private readonly changed: () => void
  ) {
    this.runs = new Runs(
      {
        find,
        begin: (_, cell, message) => this.begin(cell, message),
        show: ({ cell }, message) => {
          render(cell, message);
          this.changed();
        },
        ask: ({ cell }, message) => {
          cell.output_area.append_raw_input(asClassic(message));
        },
        update: (runs, display, message) => {
          this.update(runs, display, message);
        },
        rest: run => {
          this.rest(run);
        },
        over: () => undefined
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
  }

  /** Have a cell show what a snapshot says, if it does not already. */
  reconcile(id: string, shown: Shown, running: boolean): void {
    const cell = this.runs.due(id, shown);
    if (!cell) {
      return;
    }
    const begun = shown.messages.find(message => message.header.msg_type === 'execute_input');
    const run = attached(cell, shown.request, begun ?? null);
    this.runs.keep(id, run);
    const outputs = cell.output_area;
    const same = sameOutputs(outputs.toJSON(), shown.messages, base.fixOverwrittenChars);
    // Displays that come from the disk do not know under which name they are brought up to date.
    if (!same || shown.messages.some(displayOf)) {
      outputs.clear_output(false, true);
      shown.messages.forEach(message => {
        render(cell, message);
      });
    }
    if (!same) {
      this.changed();
    }
    if (running) {
      mark(run);
    } else {
      this.rest(run);
    }
  }

  /** A display is brought up to date wherever it is shown, also by another one of its name. */
  private update(runs: Iterable<ClassicRun>, display: string, message: Recorded): void {
    for (const { cell } of runs) {
      if (display in cell.output_area._display_id_targets) {
        cell.output_area.handle_output(asClassic(message, 'update_display_data'));
        this.changed();
      }
    }
  }

  private begin(cell: Classic.CodeCell, message: Recorded): ClassicRun {
    const run = attached(cell, requestOf(message), message);
    cell.output_area.clear_output(false, true);
    mark(run);
    this.changed();
    return run;
  }

  private rest(run: ClassicRun): void {
    const { cell, count } = run;
    const ended = run.running;
    run.running = false;
    if (this.runs.get(cell.id) !== run) {
      return;
    }
    if (ended) {
      cell.element[0]?.classList.remove('running');
      cell.element[0]?.querySelectorAll('.raw_input_container').forEach(field => {
        field.parentElement?.remove();
      });
    }
    if ((ended || count !== null) && (cell.input_prompt_number ?? null) !== count) {
      cell.set_input_prompt(count);
    }
  }

  private readonly runs: Runs<Classic.CodeCell, ClassicRun>;
}

/** Have the cell show this run, and nothing else. */
function attached(cell: Classic.CodeCell, request: string, begun: Recorded | null): ClassicRun {
  mute(cell);
  return { request, cell, count: begun && executionCountOf(begun), running: false };
}

function mark(run: ClassicRun): void {
  run.running = true;
  run.cell.set_input_prompt('*');
  run.cell.element[0]?.classList.add('running');
}

/** Whatever the cell's own latest request still brings is not for this cell any more. */
function mute({ kernel, last_msg_id: request }: Classic.CodeCell): void {
  const callbacks = request === null ? undefined : kernel?.get_callbacks_for_msg(request);
  if (callbacks) {
    const nothing = (): void => undefined;
    callbacks.iopub = { output: nothing, clear_output: nothing };
    callbacks.shell = { ...callbacks.shell, reply: nothing };
    callbacks.input = nothing;
  }
}

function render(cell: Classic.CodeCell, message: Recorded): void {
  if (message.header.msg_type === 'clear_output') {
    cell.output_area.handle_clear_output(asClassic(message));
  } else if (shows(message) && message.header.msg_type !== 'update_display_data') {
    cell.output_area.handle_output(asClassic(message));
  }
}

/** A recorded message as the kernel's own websocket would have brought it; perhaps as another kind of message. */
function asClassic(message: Recorded, kind = message.header.msg_type): Classic.Message {
  const { header, parent_header, metadata, content } = message;
  // Cells keep parts of what they show, and change them.
  return {
    header: { ...header, msg_type: kind },
    parent_header,
    metadata,
    content: structuredClone(content)
  };
}
