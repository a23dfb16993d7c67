/** One notebook and its kernel: what they tell each other, and what is seen of it. */

import { Areas } from '../src/areas';
import { Conversation, type Partner } from '../src/conversation';
import { LOOK, Listening, type FrontEnd } from '../src/listening';
import type { Change, Model } from '../src/model';
import { Requests } from '../src/requests';
import type { Settings } from '../src/settings';
import { AutoRun } from './autorun';
import { codeCells, hasIds, nameCells } from './cells';
import { Document } from './document';
import { gateTo } from './gate';
import { Outputs } from './outputs';
import { partnerOf } from './partner';
import { Saving } from './saving';
import { Widgets } from './widgets';

/** A request of this page, as it is and as it goes over the websocket. */
export interface Asked extends Classic.Message {
  readonly payload: string | ArrayBuffer;
}

export class Page {
  constructor(
    readonly notebook: Classic.Notebook,
    private readonly settings: () => Settings,
    /** Tells what is other than before; null for everything. */
    private readonly show: (change: Change | null) => void
  ) {
    this.outputs = new Outputs(
      id => this.find(id),
      this.requests,
      () => {
        notebook.set_dirty(true);
      }
    );
    this.listening = new Listening(this.front());
    this.areas = new Areas({
      quiet: () => this.listening.kernelState === 'idle' && this.met?.is_connected() === true,
      took: request => this.requests.cellOf(request) !== null,
      afresh: () => {
        this.listening.afresh();
      },
      alike: (one, other) => JSON.stringify(one) === JSON.stringify(other),
      set: (comm, outputs) => this.widgets.set(comm, outputs)
    });
    this.conversation = new Conversation(
      answer => {
        this.listening.answered(answer);
      },
      () => {
        this.document.forget();
      }
    );
    this.saving = new Saving(notebook);
    this.autoRun = new AutoRun(notebook.element[0] ?? document.body, {
      settings: this.settings,
      flush: () => {
        this.document.flush();
      },
      cascades: () => this.model.mode === 'auto',
      ask: question => this.conversation.ask(question),
      run: cell => {
        this.conversation.send({ op: 'run', cells: [cell] });
      },
      save: () => {
        this.saving.save();
      }
    });
    this.document = new Document(
      notebook,
      request => this.conversation.send(request),
      cell => {
        this.autoRun.edited(cell);
      }
    );
  }

  get model(): Model {
    return this.listening.model;
  }

  start(): void {
    this.autoRun.start();
    window.setInterval(() => {
      this.listening.look();
      this.areas.look();
    }, LOOK);
    this.loaded();
  }

  runStale(): void {
    this.document.flush();
    this.conversation.send({ op: 'run', stale: true });
  }

  toggleMode(): void {
    this.conversation.send({ op: 'configure', mode: this.model.mode === 'lazy' ? 'auto' : 'lazy' });
  }

  // What happens in the notebook

  /** The notebook has come from the disk. */
  loaded(): void {
    if (!this.notebook._fully_loaded) {
      return;
    }
    if (!hasIds(this.notebook)) {
      nameCells(this.notebook);
    }
    this.notebook.get_cells().forEach(cell => {
      this.document.hear(cell);
    });
    this.document.restructure();
    this.show(null);
    this.connected();
  }

  /** A cell has come, gone, or is elsewhere. */
  restructured(cell: Classic.Cell | undefined): void {
    this.byId = null;
    if (cell) {
      this.document.hear(cell);
    }
    this.document.restructure();
    this.show(null);
  }

  /** Something has changed that nobody says more about. */
  touched(): void {
    this.document.look();
  }

  /** Somebody runs a cell. */
  runs(cell: Classic.CodeCell): void {
    this.autoRun.cancel(cell);
    this.document.flush();
  }

  /** Whoever clears outputs does not want to see them again after a reload. */
  cleared(cell: Classic.CodeCell): void {
    // Widgets that come late have their cells drawn afresh: cleared, and filled again in the same breath.
    queueMicrotask(() => {
      if (!cell.output_area.outputs.length) {
        this.listening.cleared([cell.id]);
      }
    });
  }

  // The kernel comes and goes

  /** The way to a kernel is open, perhaps once more. */
  connected(): void {
    const { kernel } = this.notebook;
    if (!kernel?.id || !this.notebook._fully_loaded) {
      return;
    }
    if (kernel !== this.met || kernel.id !== this.metId) {
      this.follow(kernel, kernel.id);
    }
    this.listening.turnedAlone();
    // Whatever was said on the way that is gone may be lost.
    this.conversation.end();
    this.meet();
  }

  private meet(): void {
    if (!this.partner || !this.met?.is_connected() || !this.conversation.meet(this.partner)) {
      return;
    }
    if (!hasIds(this.notebook)) {
      // From now on the file keeps the names, as it does for JupyterLab.
      this.notebook.nbformat_minor = 5;
    }
    this.document.flush();
  }

  private follow(kernel: Classic.Kernel, id: string): void {
    this.met = kernel;
    this.metId = id;
    this.partner = partnerOf(kernel);
    this.areas.clear();
    this.widgets = new Widgets(kernel);
    this.listening.follow(gateTo(kernel, id));
  }

  /** What listening needs of the classic notebook. */
  private front(): FrontEnd<Asked> {
    const { outputs, requests } = this;
    return {
      outputs,
      requests,
      tell: change => {
        // The notebook as a whole shows its mode, and whether anything arrives.
        this.show(change.mode || change.stream ? null : change);
      },
      replaced: () => {
        this.conversation.end();
        this.meet();
      },
      mistaken: () => {
        this.document.forget();
        this.document.flush();
      },
      kernelIs: () => undefined,
      takes: message => this.areas.takes(message),
      folded: other => {
        this.areas.folded(other);
      },
      // The notebook itself sees to it.
      away: () => false,
      reconnect: () => undefined,
      quiet: () => this.met?.is_connected() === true,
      renew: () => {
        this.met?.reconnect();
        // The notebook asks for it whenever it connects.
        return new Promise<void>(resolve => (this.informed = resolve));
      },
      // What was said on the comm is told over a new one.
      again: (_, runs) => {
        runs.forEach(({ payload }) => this.met?._send(payload));
      }
    };
  }

  // What passes on the kernel's own websocket

  sent(kernel: Classic.Kernel, message: Asked): void {
    if (kernel === this.notebook.kernel) {
      this.listening.said(message);
    }
  }

  received(kernel: Classic.Kernel, message: Classic.Message): void {
    if (kernel === this.met) {
      this.listening.came(message);
      if (message.header.msg_type === 'kernel_info_reply') {
        this.informed();
      }
    }
  }

  /** A message that the notebook has dealt with. */
  shown(kernel: Classic.Kernel, message: Classic.Message): void {
    if (kernel === this.met) {
      this.listening.shown({ ...message, buffers: message.buffers ?? [] });
    }
  }

  private find(id: string): Classic.CodeCell | null {
    this.byId ??= new Map(codeCells(this.notebook).map(cell => [cell.id, cell]));
    return this.byId.get(id) ?? null;
  }

  private met: Classic.Kernel | null = null;
  private metId: string | null = null;
  private partner: Partner | null = null;
  // The kernel has answered over the connection that there is now.
  private informed: () => void = () => undefined;
  private byId: ReadonlyMap<string, Classic.CodeCell> | null = null;
  private readonly requests = new Requests();
  private widgets = new Widgets(null);
  private readonly areas: Areas;
  private readonly outputs: Outputs;
  private readonly listening: Listening<Asked>;
  private readonly conversation: Conversation;
  private readonly document: Document;
  /** What writes the notebook to the disk. */
  readonly saving: Saving;
  private readonly autoRun: AutoRun;
}
