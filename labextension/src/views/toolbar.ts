/** The buttons of a notebook's toolbar. They speak of their own notebook, whichever is current. */

import type { NotebookPanel } from '@jupyterlab/notebook';
import { ReactWidget, ToolbarButtonComponent, type LabIcon } from '@jupyterlab/ui-components';
import { Signal } from '@lumino/signaling';
import { createElement, type ReactElement } from 'react';

import type { Change } from '../model';
import type { IReactiveNotebooks, ReactiveNotebook } from '../notebook';
import { autoIcon, lazyIcon } from './symbols';
import type { Trans } from './words';

/** How a button looks and what it does for its notebook. */
export interface Offer {
  readonly icon: LabIcon;
  readonly label?: string;
  readonly tooltip: string;
  readonly pressed?: boolean;
  readonly enabled?: boolean;
  readonly act: () => void;
}

export class NotebookButton extends ReactWidget {
  constructor(
    private readonly panel: NotebookPanel,
    private readonly notebooks: IReactiveNotebooks,
    private readonly offer: (notebook: ReactiveNotebook) => Offer,
    private readonly concerns: (change: Change) => boolean
  ) {
    super();
    this.addClass('jp-ToolbarButton');
    this.hide();
    notebooks.added.connect(this.bind, this);
    this.bind();
  }

  override dispose(): void {
    Signal.disconnectReceiver(this);
    super.dispose();
  }

  protected override render(): ReactElement | null {
    if (!this.notebook) {
      return null;
    }
    const { act, ...look } = this.offer(this.notebook);
    return createElement(ToolbarButtonComponent, { ...look, onClick: act });
  }

  private bind(): void {
    const notebook = this.notebooks.of(this.panel);
    if (notebook && !this.notebook) {
      this.notebook = notebook;
      notebook.changed.connect(this.heard, this);
      this.setHidden(!notebook.model.reactive);
      this.update();
    }
  }

  private heard(notebook: ReactiveNotebook, change: Change): void {
    if (this.isHidden === notebook.model.reactive) {
      this.setHidden(!notebook.model.reactive);
    }
    if (this.concerns(change)) {
      this.update();
    }
  }

  private notebook: ReactiveNotebook | null = null;
}

export function modeOffer(notebook: ReactiveNotebook, trans: Trans): Offer {
  const lazy = notebook.model.mode === 'lazy';
  return {
    icon: lazy ? lazyIcon : autoIcon,
    label: lazy ? trans.__('Lazy') : trans.__('Auto'),
    tooltip: lazy
      ? trans.__('Lazy: what depends on a change waits to be run. Click for auto.')
      : trans.__('Auto: what depends on a change runs by itself. Click for lazy.'),
    act: () => {
      notebook.toggleMode();
    }
  };
}
