/** Puts what runs show into their cells: all runs but those that this page asked for, which the notebook shows. */

import base from 'base/js/utils';

import {
  displayOf,
  executionCountOf,
  executionStateOf,
  originOf,
  requestOf,
  type CellChanges,
  type Channel,
  type Recorded,
  type Shown
} from '../src/protocol';
import { type Requests, shows } from '../src/requests';
import { sameOutputs } from './shown';

/** What a cell shows of a run that nobody in this page asked for. */
interface Run {
  readonly request: string;
  readonly cell: Classic.CodeCell;
  readonly count: number | null;
  running: boolean;
}

export class Outputs {
  constructor(
    private readonly find: (id: string) => Classic.CodeCell | null,
    private readonly requests: Requests,
    /** There is something to save. */
    private readonly changed: () => void
  ) {}

  /** Take in one message; `false` if it belongs to a run whose beginning is not known here. */
  hear(message: Recorded, channel: Channel): boolean {
    if (channel !== 'iopub') {
      this.aside(message);
      return true;
    }
    if (executionStateOf(message) === 'idle') {
      this.finish(message);
      return true;
    }
    this.update(message);
    const origin = originOf(message);
    if (origin && this.requests.own(origin.request)) {
      this.runs.delete(origin.cell);
    } else if (origin && message.header.msg_type === 'execute_input') {
      this.begin(origin.cell, message);
    } else if (origin && shows(message)) {
      return this.show(origin.cell, message);
    }
    return true;
  }

  /** The kernel says which cells have come to rest. */
  settle(changes: CellChanges): void {
    for (const [id, state] of changes) {
      const run = this.runs.get(id);
      if (run?.running && state?.activity !== 'running') {
        this.rest(run);
      }
    }
  }

  /** Nothing runs any more: the process is another one. */
  settleAll(): void {
    this.runs.forEach(run => {
      this.rest(run);
    });
  }

  /** Have a cell show what a snapshot says, if it does not already. */
  reconcile(id: string, shown: Shown, running: boolean): void {
    const cell = this.find(id);
    if (!cell || this.requests.own(shown.request) || this.requests.ahead(id)) {
      return;
    }
    const begun = shown.messages.find(message => message.header.msg_type === 'execute_input');
    const run = this.attach(id, cell, shown.request, begun ?? null);
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

  private aside(message: Recorded): void {
    if (message.header.msg_type === 'input_request') {
      const request = requestOf(message);
      const asking = [...this.runs.values()].find(run => run.request === request);
      asking?.cell.output_area.append_raw_input(asClassic(message));
    } else if (message.header.msg_type === 'execute_reply') {
      this.finish(message);
    }
  }

  private finish(message: Recorded): void {
    const request = requestOf(message);
    const run = [...this.runs.values()].find(each => each.request === request);
    if (run?.running) {
      this.rest(run);
    }
  }

  /** A display is brought up to date wherever it is shown, also by another one of its name. */
  private update(message: Recorded): void {
    const display = displayOf(message);
    if (display === null || message.header.msg_type === 'execute_result') {
      return;
    }
    for (const { cell } of this.runs.values()) {
      if (display in cell.output_area._display_id_targets) {
        cell.output_area.handle_output(asClassic(message, 'update_display_data'));
        this.changed();
      }
    }
  }

  private begin(id: string, message: Recorded): void {
    const cell = this.find(id);
    // A run that this page asked for takes the place of this one: the notebook has emptied the cell for it.
    if (!cell || this.requests.ahead(id)) {
      this.runs.delete(id);
      return;
    }
    const run = this.attach(id, cell, requestOf(message), message);
    cell.output_area.clear_output(false, true);
    mark(run);
    this.changed();
  }

  private show(id: string, message: Recorded): boolean {
    const run = this.runs.get(id);
    const cell = this.find(id);
    if (!cell || this.requests.ahead(id)) {
      return true;
    }
    if (run?.cell !== cell) {
      return this.requests.ranHere(id);
    }
    if (run.request === requestOf(message)) {
      render(cell, message);
      this.changed();
    }
    return true;
  }

  /** Have the cell show this run, and nothing else. */
  private attach(id: string, cell: Classic.CodeCell, request: string, begun: Recorded | null): Run {
    mute(cell);
    const run = { request, cell, count: begun && executionCountOf(begun), running: false };
    this.runs.set(id, run);
    return run;
  }

  private rest(run: Run): void {
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

  // The latest run of each cell, unless this page asked for it; it stays after its end, for late words.
  private readonly runs = new Map<string, Run>();
}

function mark(run: Run): void {
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
