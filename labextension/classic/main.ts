/** The classic notebook's adapter over the same model: an AMD module that nbclassic loads. */

import Jupyter from 'base/js/namespace';
import events from 'base/js/events';
import codecell from 'notebook/js/codecell';

import {
  EMPTY,
  cellAttributes,
  changed,
  explanation,
  notebookAttributes,
  ready,
  type Attributes,
  type Model
} from '../src/model';
import {
  KERNEL,
  PROTOCOL,
  TARGET,
  answerOf,
  cellModeOf,
  cellsOf,
  executionCountOf,
  originOf,
  type CellChanges,
  type CellSource
} from '../src/protocol';

export function load_ipython_extension(): void {
  nameCells();
  const page = new Page(Jupyter.notebook);
  // The kernel may have been ready before this module was loaded.
  events.on('kernel_ready.Kernel', () => {
    page.meet();
  });
  events.on('received_unsolicited_message.Kernel', (_: unknown, message: Classic.Message) => {
    page.adopt(message);
  });
  events.on('create.Cell delete.Cell execute.CodeCell', () => {
    page.sync();
  });
  page.meet();
}

/** Requests of the classic notebook do not say which cell they run: add what the other front ends send. */
function nameCells(): void {
  const prototype = codecell.CodeCell.prototype;
  const execute = prototype.execute;
  prototype.execute = function (stopOnError) {
    const kernel = this.kernel;
    if (!kernel) {
      execute.call(this, stopOnError);
      return;
    }
    const send = kernel.send_shell_message;
    kernel.send_shell_message = (type, content, callbacks, metadata, buffers) => {
      const named = { ...this.metadata, ...metadata, cellId: this.id };
      return send.call(kernel, type, content, callbacks, named, buffers);
    };
    try {
      execute.call(this, stopOnError);
    } finally {
      kernel.send_shell_message = send;
    }
  };
}

class Page {
  constructor(private readonly notebook: Classic.Notebook) {}

  meet(): void {
    const kernel = this.notebook.kernel;
    this.comm = null;
    this.model = EMPTY;
    this.show();
    if (kernel?.name !== KERNEL) {
      return;
    }
    kernel.register_iopub_handler('reactive_cells', message => {
      this.changed(cellsOf(message));
    });
    const comm = kernel.comm_manager.new_comm(TARGET, { protocol: PROTOCOL });
    comm.on_msg(message => {
      this.answered(message.content.data);
    });
    this.comm = comm;
  }

  sync(): void {
    if (this.model.mode) {
      this.comm?.send({ op: 'sync', cells: this.codeCells().map(sourceOf) });
    }
  }

  /** A rerun begins: hand what follows under its parent to the cell that it belongs to. */
  adopt(message: Classic.Message): void {
    const origin = message.header.msg_type === 'execute_input' ? originOf(message) : null;
    const cell = this.codeCells().find(candidate => candidate.id === origin?.cell);
    const kernel = this.notebook.kernel;
    if (!origin || !cell || !kernel) {
      return;
    }
    const earlier = this.runs.get(cell.id);
    if (earlier) {
      kernel.clear_callbacks_for_msg(earlier);
    }
    this.runs.set(cell.id, origin.request);
    cell.clear_output(false, true);
    cell.set_input_prompt(executionCountOf(message));
    kernel.set_callbacks_for_msg(origin.request, cell.get_callbacks());
  }

  private answered(data: unknown): void {
    const answer = answerOf(data);
    if (answer?.op === 'ready') {
      this.model = ready(this.model, answer.mode, answer.cells, answer.graph);
      this.show();
      this.sync();
    }
  }

  private changed(changes: CellChanges): void {
    this.model = changed(this.model, changes);
    this.codeCells()
      .filter(cell => changes.has(cell.id))
      .forEach(cell => {
        this.showCell(cell);
      });
  }

  private show(): void {
    mark(this.notebook.element[0], notebookAttributes(this.model));
    this.codeCells().forEach(cell => {
      this.showCell(cell);
    });
  }

  private showCell(cell: Classic.CodeCell): void {
    const state = this.model.cells.get(cell.id);
    const element = cell.element[0];
    mark(element, cellAttributes(state));
    mark(element?.querySelector('.input_prompt'), { title: explanation(state) });
  }

  private codeCells(): Classic.CodeCell[] {
    return this.notebook.get_cells().filter(isCodeCell);
  }

  private comm: Classic.Comm | null = null;
  private model: Model = EMPTY;
  // The latest rerun's request id, by cell.
  private readonly runs = new Map<string, string>();
}

function isCodeCell(cell: Classic.Cell): cell is Classic.CodeCell {
  return cell.cell_type === 'code';
}

function sourceOf(cell: Classic.CodeCell): CellSource {
  const mode = cellModeOf(cell.metadata);
  return { id: cell.id, source: cell.get_text(), ...(mode && { mode }) };
}

function mark(element: Element | null | undefined, attributes: Attributes): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null) {
      element?.removeAttribute(name);
    } else {
      element?.setAttribute(name, value);
    }
  }
}
