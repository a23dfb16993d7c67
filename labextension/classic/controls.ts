/** The toolbar's buttons, the menu, and the word that the server is not there. They show with a reactive kernel. */

import Jupyter from 'base/js/namespace';

import type { Model } from '../src/model';
import { cellModeOf, type CellMode } from '../src/protocol';
import { isCodeCell } from './cells';

export interface Orders {
  runStale(): void;
  toggleMode(): void;
  setCellMode(mode: CellMode): void;
}

const CELL_MODES: readonly (readonly [CellMode, string])[] = [
  ['auto', 'Cell runs by itself'],
  ['manual', 'Cell runs only when asked'],
  ['off', 'Cell never runs']
];

export class Controls {
  constructor(orders: Orders) {
    const { actions } = Jupyter.keyboard_manager;
    const runStale = actions.register(
      { help: 'run all stale cells', icon: 'fa-refresh', handler: orders.runStale },
      'run-stale',
      'reactive'
    );
    const toggleMode = actions.register(
      { help: 'rerun readers at once, or leave them stale', icon: 'fa-bolt', handler: orders.toggleMode },
      'toggle-mode',
      'reactive'
    );
    const buttons = [
      { action: runStale, label: 'Run stale' },
      { action: toggleMode, label: 'Auto' }
    ];
    this.group = Jupyter.toolbar.add_buttons_group(buttons, 'reactive_buttons')[0] ?? null;
    this.menu = menu();
    this.item('Run Stale Cells', orders.runStale);
    this.cascade = this.item('Rerun Readers Automatically', orders.toggleMode);
    this.divide();
    this.modes = CELL_MODES.map(([mode, label]) => [
      mode,
      this.item(label, () => {
        orders.setCellMode(mode);
      })
    ]);
    // What is checked depends on the selection of the moment.
    this.menu.querySelector('a')?.addEventListener('click', () => {
      this.checkModes();
    });
  }

  show({ reactive, mode, stream }: Model): void {
    this.menu.hidden = !reactive;
    if (this.group) {
      this.group.hidden = !reactive;
    }
    const button = this.group?.querySelector('[data-jupyter-action="reactive:toggle-mode"]');
    const label = button?.querySelector('.toolbar-btn-label');
    if (button && label) {
      label.textContent = mode === 'lazy' ? 'Lazy' : 'Auto';
      button.setAttribute('aria-label', mode === 'lazy' ? 'Readers are left stale' : 'Readers rerun at once');
      button.setAttribute('aria-pressed', String(mode === 'auto'));
      button.classList.toggle('active', mode === 'auto');
    }
    check(this.cascade, mode === 'auto');
    this.notify(stream === 'lost');
  }

  private notify(lost: boolean): void {
    if (lost === this.lost) {
      return;
    }
    this.lost = lost;
    const notice = Jupyter.notification_area.widget('reactive');
    if (lost) {
      const title = 'What the kernel says meanwhile is kept, and shown when the server is back.';
      notice.warning('Connection lost', undefined, () => false, { title });
    } else {
      notice.hide();
    }
  }

  private checkModes(): void {
    const modes = new Set(
      Jupyter.notebook
        .get_selected_cells()
        .filter(isCodeCell)
        .map(cell => cellModeOf(cell.metadata) ?? 'auto')
    );
    this.modes.forEach(([mode, item]) => {
      check(item, modes.size === 1 && modes.has(mode));
    });
  }

  private item(label: string, handler: () => void): HTMLElement {
    const item = document.createElement('li');
    item.setAttribute('role', 'none');
    item.innerHTML =
      '<a href="#" role="menuitemcheckbox"><i class="fa fa-fw" aria-hidden="true"></i> <span></span></a>';
    const text = item.querySelector('span');
    if (text) {
      text.textContent = label;
    }
    item.addEventListener('click', event => {
      event.preventDefault();
      handler();
    });
    this.menu.querySelector('ul')?.append(item);
    return item;
  }

  private divide(): void {
    const line = document.createElement('li');
    line.className = 'divider';
    this.menu.querySelector('ul')?.append(line);
  }

  private readonly group: HTMLElement | null;
  private readonly menu: HTMLElement;
  private readonly cascade: HTMLElement;
  private readonly modes: readonly (readonly [CellMode, HTMLElement])[];
  private lost = false;
}

/** An empty menu before the one for help. */
function menu(): HTMLElement {
  const item = document.createElement('li');
  item.className = 'dropdown reactive-menu';
  item.innerHTML = `<a href="#" class="dropdown-toggle" id="reactivelink" data-toggle="dropdown" aria-haspopup="true"
      aria-controls="reactive_menu">Reactive</a>
    <ul id="reactive_menu" class="dropdown-menu" role="menu" aria-labelledby="reactivelink"></ul>`;
  const help = document.querySelector('#help_menu')?.closest('li.dropdown');
  if (help) {
    help.before(item);
  } else {
    document.querySelector('#menus .navbar-nav')?.append(item);
  }
  return item;
}

function check(item: HTMLElement, checked: boolean): void {
  item.querySelector('a')?.setAttribute('aria-checked', String(checked));
  item.querySelector('i')?.classList.toggle('fa-check', checked);
}
