/** The classic notebook's adapter over the same model: an AMD module that nbclassic loads. */

import events from 'base/js/events';
import Jupyter from 'base/js/namespace';
import codecell from 'notebook/js/codecell';
import kernels from 'services/kernels/kernel';

import { fieldsOf, type CellMode } from '../src/protocol';
import type { Settings } from '../src/settings';
import { isCodeCell } from './cells';
import { Controls } from './controls';
import { Page } from './page';
import { showStates } from './states';
import style from './style.css';
import { showTables } from './table';

/** The cell whose request is being sent, and what went out last. */
let executing: Classic.CodeCell | null = null;
let posted: string | ArrayBuffer = '';

export function load_ipython_extension(): void {
  const { notebook } = Jupyter;
  addStyle();
  showTables();
  const page: Page = new Page(notebook, settings, change => {
    const cells = change ? change.cells : 'all';
    if (cells) {
      showStates(notebook, page.model, cells === 'all' ? null : cells);
    }
    controls.show(page.model);
  });
  const controls = new Controls({
    runStale: () => {
      page.runStale();
    },
    toggleMode: () => {
      page.toggleMode();
    },
    setCellMode: mode => {
      setCellMode(page, mode);
    }
  });
  nameCellsInRequests(page);
  listenToKernels(page);
  listenToNotebook(page);
  page.start();
}

function listenToNotebook(page: Page): void {
  events.on('notebook_loaded.Notebook', () => {
    page.loaded();
  });
  events.on('create.Cell delete.Cell', (_, { cell }) => {
    page.restructured(cell);
  });
  events.on('set_dirty.Notebook', () => {
    page.touched();
  });
  events.on('clear_output.CodeCell', (_, { cell }) => {
    // Running a cell clears it, too.
    if (cell && cell !== executing && isCodeCell(cell)) {
      page.cleared(cell);
    }
  });
  events.on('before_save.Notebook', () => {
    page.saving.begun();
  });
  events.on('notebook_saved.Notebook notebook_save_failed.Notebook', () => {
    page.saving.ended();
  });
  // Moving is told by no event.
  const prototype = Object.getPrototypeOf(page.notebook) as Classic.Notebook;
  for (const move of ['move_selection_up', 'move_selection_down'] as const) {
    const original = prototype[move];
    prototype[move] = function (): void {
      original.call(this);
      page.restructured(undefined);
    };
  }
}

function listenToKernels(page: Page): void {
  events.on('kernel_connected.Kernel', () => {
    page.connected();
  });
  events.on('shell_reply.Kernel', (_, { kernel, reply }) => {
    if (kernel && reply) {
      page.received(kernel, reply);
    }
  });
  const { prototype } = kernels.Kernel;
  const handle = prototype._handle_iopub_message;
  prototype._handle_iopub_message = function (message) {
    page.received(this, message);
    if (!isForAnotherTab(this, message)) {
      const handled = handle.call(this, message);
      page.shown(this, message);
      return handled;
    }
    return undefined;
  };
}

/** What the kernel answers to another tab on that tab's comm: the notebook would complain that it knows no such. */
function isForAnotherTab(kernel: Classic.Kernel, message: Classic.Message): boolean {
  const { comm_id, data } = fieldsOf(message.content);
  return (
    message.header.msg_type === 'comm_msg' &&
    typeof comm_id === 'string' &&
    !(comm_id in kernel.comm_manager.comms) &&
    typeof fieldsOf(data).op === 'string'
  );
}

/** Requests of the classic notebook do not say which cell they run: add what the other front ends send. */
function nameCellsInRequests(page: Page): void {
  const { prototype: cells } = codecell.CodeCell;
  const execute = cells.execute;
  cells.execute = function (stopOnError) {
    page.runs(this);
    executeAs(this, () => {
      execute.call(this, stopOnError);
    });
  };
  const { prototype } = kernels.Kernel;
  const post = prototype._send;
  prototype._send = function (payload) {
    posted = payload;
    post.call(this, payload);
  };
  const send = prototype.send_shell_message;
  prototype.send_shell_message = function (type, content, callbacks, metadata, buffers) {
    if (type !== 'execute_request' || executing?.kernel !== this) {
      return send.call(this, type, content, callbacks, metadata, buffers);
    }
    const named = { ...executing.metadata, ...metadata, cellId: executing.id };
    const request = send.call(this, type, content, callbacks, named, buffers);
    const header = { msg_type: type, msg_id: request };
    page.sent(this, { header, parent_header: {}, metadata: named, content, payload: posted });
    return request;
  };
}

function executeAs(cell: Classic.CodeCell, execute: () => void): void {
  executing = cell;
  try {
    execute();
  } finally {
    executing = null;
  }
}

function setCellMode(page: Page, mode: CellMode): void {
  const { notebook } = page;
  notebook
    .get_selected_cells()
    .filter(isCodeCell)
    .forEach(cell => {
      cell.metadata.reactive = { ...fieldsOf(cell.metadata.reactive), mode };
    });
  notebook.set_dirty(true);
  page.restructured(undefined);
}

/** In `nbconfig/notebook.json`, under `reactive`. */
function settings(): Settings {
  const { autoRun, autoRunDelay } = fieldsOf(Jupyter.notebook.config.data.reactive);
  return {
    autoRun: autoRun !== false,
    autoRunDelay: typeof autoRunDelay === 'number' ? autoRunDelay : 1500
  };
}

function addStyle(): void {
  const element = document.createElement('style');
  element.textContent = style;
  document.head.append(element);
}
