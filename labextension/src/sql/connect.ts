/** The dialog that shows the connections of a notebook and opens another one, and says why if it cannot. */

import { Dialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';
import { Widget } from '@lumino/widgets';

import type { Connection } from '../protocol';
import type { Change } from '../model';
import type { ReactiveNotebook } from '../notebook';
import { element, field } from './elements';

const NAME = 'default';

/** Shown until a connection is open, or somebody gives up. */
export class ConnectDialog extends Dialog<null> {
  constructor(
    private readonly notebook: ReactiveNotebook,
    private readonly trans: TranslationBundle
  ) {
    const form = new ConnectForm(notebook, trans);
    super({
      title: trans.__('Connect to a database'),
      body: form,
      buttons: [Dialog.cancelButton(), Dialog.okButton({ label: trans.__('Test and connect') })],
      focusNodeSelector: 'input'
    });
    this.form = form;
    this.addClass('jp-ReactiveConnect-dialog');
  }

  override resolve(index?: number): void {
    const chosen = index ?? 1;
    if (chosen !== 1 || this.connecting) {
      Signal.clearData(this);
      super.resolve(index);
      return;
    }
    const { url, name } = this.form;
    if (!url) {
      this.form.say(this.trans.__('An address is missing: postgresql://user@host/database'), 'error');
      return;
    }
    this.connecting = true;
    this.form.say(this.trans.__('Connecting…'), 'busy');
    this.notebook.changed.connect(this.hear, this);
    this.notebook.connect(url, name);
  }

  /** The kernel has tried the connection: it is there, or the one before is. */
  private hear(_: ReactiveNotebook, change: Change): void {
    const { name } = this.form;
    const found = change.connections ? this.notebook.model.connections.get(name) : undefined;
    if (!found) {
      return;
    }
    this.notebook.changed.disconnect(this.hear, this);
    this.connecting = false;
    if (found.status === 'ok') {
      super.resolve(1);
    } else {
      this.form.say(found.error ?? this.trans.__('It cannot be reached.'), 'error');
    }
  }

  private readonly form: ConnectForm;
  private connecting = false;
}

class ConnectForm extends Widget {
  constructor(notebook: ReactiveNotebook, trans: TranslationBundle) {
    super();
    this.addClass('jp-ReactiveConnect');
    this.address = field(trans.__('Address'), 'postgresql://user:password@host:5432/database');
    this.called = field(trans.__('Name'), NAME);
    this.address.classList.add('jp-mod-styled');
    this.called.classList.add('jp-mod-styled');
    this.address.spellcheck = false;
    this.answer.setAttribute('role', 'alert');
    const known = [...notebook.model.connections.values()];
    this.node.append(
      ...(known.length ? [listOf(known, trans)] : []),
      labelled(trans.__('Address'), this.address),
      labelled(trans.__('Name, which cells choose by --on'), this.called),
      this.answer
    );
  }

  get url(): string {
    return this.address.value.trim();
  }

  get name(): string {
    return this.called.value.trim() || NAME;
  }

  say(words: string, kind: 'busy' | 'error'): void {
    this.answer.textContent = words;
    this.answer.dataset.kind = kind;
    this.answer.scrollIntoView({ block: 'nearest' });
  }

  private readonly address: HTMLInputElement;
  private readonly called: HTMLInputElement;
  private readonly answer = element('div', 'jp-ReactiveConnect-answer');
}

function labelled(label: string, input: HTMLElement): HTMLElement {
  const node = element('label', '', label);
  node.append(input);
  return node;
}

function listOf(connections: readonly Connection[], trans: TranslationBundle): HTMLElement {
  const list = element('ul', 'jp-ReactiveConnect-list');
  list.setAttribute('aria-label', trans.__('Connections'));
  for (const { name, status, server, error } of connections) {
    const item = element('li');
    // An address that failed has left the connection before it in use.
    const open = status === 'ok' || server !== '';
    item.dataset.status = open ? 'ok' : 'error';
    const words = open ? server : (error ?? '');
    item.append(element('strong', '', name), element('span', '', words));
    list.append(item);
  }
  return list;
}
