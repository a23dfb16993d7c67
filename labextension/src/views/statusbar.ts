/** The item of the status bar: the mode, how far a cascade has come, the stream, the database. */

import type { CommandRegistry } from '@lumino/commands';
import { Signal } from '@lumino/signaling';
import { Widget } from '@lumino/widgets';

import type { Change, Model } from '../model';
import type { IReactiveNotebooks, ReactiveNotebook } from '../notebook';
import { Cascade } from './cascade';
import { CONNECT, TOGGLE_MODE } from './names';
import { Frame } from './frames';
import type { Trans } from './words';

export class StatusItem extends Widget {
  constructor(
    private readonly notebooks: IReactiveNotebooks,
    private readonly commands: CommandRegistry,
    private readonly trans: Trans
  ) {
    super();
    this.addClass('jp-reactive-Status');
    this.node.append(this.mode, this.progress, this.stream, this.database);
    this.progress.append(this.bar, this.count);
    this.bar.append(this.filled);
    // Told to those who listen when a cascade is over, not at each of its cells.
    this.node.append(this.spoken);
    this.describe();
    notebooks.currentChanged.connect(this.follow, this);
    this.follow();
  }

  override dispose(): void {
    this.frame.cancel();
    Signal.disconnectReceiver(this);
    super.dispose();
  }

  private describe(): void {
    this.mode.type = this.database.type = 'button';
    this.mode.className = this.database.className = 'jp-reactive-Status-part jp-mod-clickable';
    this.progress.className = this.stream.className = 'jp-reactive-Status-part';
    this.bar.className = 'jp-reactive-Progress';
    this.filled.className = 'jp-reactive-Progress-filled';
    this.count.className = 'jp-reactive-Status-count';
    this.spoken.className = 'jp-reactive-Spoken';
    this.spoken.setAttribute('role', 'status');
    this.mode.addEventListener('click', () => void this.commands.execute(TOGGLE_MODE));
    this.database.addEventListener('click', () => void this.commands.execute(CONNECT));
  }

  private follow(): void {
    this.leave();
    const notebook = this.notebooks.current;
    this.notebook = notebook;
    this.cascade.clear();
    notebook?.changed.connect(this.heard, this);
    notebook?.model.cells.forEach((state, id) => {
      this.cascade.note(id, state);
    });
    this.frame.request();
  }

  private leave(): void {
    this.notebook?.changed.disconnect(this.heard, this);
    this.notebook = null;
  }

  private heard(notebook: ReactiveNotebook, { cells }: Change): void {
    const { model } = notebook;
    if (cells === 'all') {
      this.cascade.clear();
    }
    for (const id of cells === 'all' ? model.cells.keys() : (cells ?? [])) {
      this.cascade.note(id, model.cells.get(id) ?? null);
    }
    this.frame.request();
  }

  private draw(): void {
    const model = this.notebook?.model;
    this.setHidden(!model?.reactive);
    if (model?.reactive) {
      this.drawMode(model);
      this.drawProgress();
      this.drawStream(model);
      this.drawDatabase(model);
    }
  }

  private drawMode({ mode }: Model): void {
    const { trans } = this;
    const lazy = mode === 'lazy';
    this.mode.textContent = lazy ? trans.__('Lazy') : trans.__('Auto');
    this.mode.title = lazy
      ? trans.__('Lazy: cells that depend on a change wait until you run them. Click for auto.')
      : trans.__('Auto: cells that depend on a change run by themselves. Click for lazy.');
  }

  private drawProgress(): void {
    const { left, total, failed } = this.cascade;
    const done = total - left;
    const ended = this.cascade.settle();
    this.progress.classList.toggle('jp-mod-idle', !left);
    this.filled.style.transform = `scaleX(${total ? done / total : 0})`;
    if (left) {
      this.count.textContent = this.trans._n('%1 cell left', '%1 cells left', left);
      this.progress.title = this.trans.__('%1 of %2 cells are done', done, total);
    } else if (ended) {
      this.count.textContent = '';
      this.spoken.textContent = failed.length
        ? this.trans._n('%1 cell failed', '%1 cells failed', failed.length)
        : this.trans._n('%1 cell has run', '%1 cells have run', total);
    }
  }

  private drawStream({ stream }: Model): void {
    const { trans } = this;
    this.stream.dataset.stream = stream;
    switch (stream) {
      case 'connecting':
        this.stream.textContent = trans.__('Connecting…');
        this.stream.title = trans.__('You can run cells already: what they show is not lost.');
        break;
      case 'live':
        this.stream.textContent = trans.__('Live');
        this.stream.title = trans.__('Everything that the kernel says arrives.');
        break;
      case 'lost':
        this.stream.textContent = trans.__('Reconnecting… nothing is lost');
        this.stream.title = trans.__('The server keeps what the kernel says until this page is back.');
    }
  }

  private drawDatabase({ connections }: Model): void {
    const all = [...connections.values()];
    const shown = all.find(({ status }) => status === 'error') ?? all.at(-1);
    this.database.hidden = !shown;
    if (shown) {
      const broken = shown.status === 'error';
      this.database.dataset.status = shown.status;
      this.database.textContent = broken ? this.trans.__('%1: not connected', shown.name) : shown.name;
      const lines = all.map(({ name, server, error }) => `${name}: ${error ?? server}`);
      this.database.title = [...lines, this.trans.__('Click to connect another one.')].join('\n');
    }
  }

  private readonly frame = new Frame(() => {
    this.draw();
  });
  private readonly cascade = new Cascade();
  private notebook: ReactiveNotebook | null = null;
  private readonly mode = document.createElement('button');
  private readonly progress = document.createElement('span');
  private readonly bar = document.createElement('span');
  private readonly filled = document.createElement('span');
  private readonly count = document.createElement('span');
  private readonly stream = document.createElement('span');
  private readonly database = document.createElement('button');
  private readonly spoken = document.createElement('span');
}
