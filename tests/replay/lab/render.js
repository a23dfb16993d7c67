// Reads one JSON line of messages after another; answers what JupyterLab's output model shows for each cell.
// The routing is that of its kernel connection and output area: a cell's latest run owns the cell, a display is
// brought up to date in every cell that shows it, also by another display of the same id.
import { OutputAreaModel } from '@jupyterlab/outputarea/lib/model.js';
import { createInterface } from 'node:readline';

class Area {
  constructor(run) {
    this.run = run;
    this.count = null;
    this.code = null;
    this.displays = new Map();
    this.model = new OutputAreaModel({ trusted: true });
    this.model.changed.connect(() => {
      if (this.model.length === 0) {
        this.displays.clear();
      }
    });
  }

  take(message) {
    const { msg_type: kind } = message.header;
    const content = message.content;
    const display = content.transient?.display_id;
    if (kind === 'execute_input') {
      this.count = content.execution_count;
      this.code = content.code;
    } else if (['execute_result', 'display_data', 'stream', 'error'].includes(kind)) {
      this.model.add({ ...content, output_type: kind });
    } else if (kind === 'clear_output') {
      this.model.clear(content.wait);
    }
    if (display && kind === 'display_data') {
      this.displays.set(display, [...(this.displays.get(display) ?? []), this.model.length - 1]);
    }
  }

  update(content) {
    for (const index of this.displays.get(content.transient.display_id) ?? []) {
      this.model.set(index, { ...content, output_type: 'display_data' });
    }
  }

  shown() {
    // Where there is nothing to clear nobody sees whether that is due.
    const clearing = this.model.clearNext && this.model.length > 0;
    return { count: this.count, code: this.code, clearing, outputs: this.model.toJSON() };
  }
}

class Page {
  areas = new Map();

  area(cell, message) {
    const run = message.parent_header.msg_id ?? '';
    if (message.header.msg_type === 'execute_input' || !this.areas.has(cell)) {
      this.areas.set(cell, new Area(run));
    }
    const area = this.areas.get(cell);
    return area.run === run ? area : undefined;
  }

  take(message) {
    const cell = message.metadata.cellId;
    const kind = message.header.msg_type;
    if (kind === 'epoch') {
      // Another process: its displays are others, whatever their ids.
      this.areas.forEach(area => area.displays.clear());
      return;
    }
    if (['display_data', 'update_display_data'].includes(kind) && message.content.transient?.display_id) {
      this.areas.forEach(area => area.update(message.content));
    }
    const shows = ['execute_input', 'execute_result', 'display_data', 'stream', 'error', 'clear_output'];
    if (cell && shows.includes(kind)) {
      this.area(cell, message)?.take(message);
    }
  }

  shown() {
    return Object.fromEntries([...this.areas].map(([cell, area]) => [cell, area.shown()]));
  }
}

createInterface({ input: process.stdin }).on('line', line => {
  const page = new Page();
  JSON.parse(line).forEach(message => page.take(message));
  console.log(JSON.stringify(page.shown()));
});
