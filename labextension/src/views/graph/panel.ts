/** The graph of the current notebook, kept in step with it while somebody can see it. */

import { Signal } from '@lumino/signaling';
import { PanelLayout, Widget } from '@lumino/widgets';

import type { Change } from '../../model';
import type { IReactiveNotebooks, ReactiveNotebook } from '../../notebook';
import { cellModeOf } from '../../protocol';
import { Frame } from '../frames';
import type { Relation, States } from '../states';
import { named, sightOf, wordOf, type Trans } from '../words';
import { drawingOf, neighbours, type Drawing, type Node } from './drawing';
import { GraphView, type Face } from './view';

export class GraphPanel extends Widget {
  constructor(
    private readonly notebooks: IReactiveNotebooks,
    private readonly states: (notebook: ReactiveNotebook) => States | null,
    private readonly trans: Trans
  ) {
    super();
    const layout = new PanelLayout();
    this.layout = layout;
    this.addClass('jp-reactive-GraphPanel');
    this.view = new GraphView(
      node => this.face(node),
      node => {
        this.pick(node);
      },
      trans
    );
    layout.addWidget(this.view);
    notebooks.currentChanged.connect(this.follow, this);
    this.follow();
  }

  readonly view: GraphView;

  override dispose(): void {
    this.frame.cancel();
    Signal.disconnectReceiver(this);
    super.dispose();
  }

  protected override onAfterShow(): void {
    this.redraw();
  }

  protected override onAfterHide(): void {
    this.relate(null);
  }

  private follow(): void {
    this.leave();
    const { current } = this.notebooks;
    this.notebook = current;
    if (current) {
      const { content } = current.panel;
      current.changed.connect(this.heard, this);
      content.activeCellChanged.connect(this.activated, this);
      content.model?.cells.changed.connect(this.redraw, this);
    }
    this.redraw();
  }

  private leave(): void {
    const { notebook } = this;
    if (notebook) {
      const { content } = notebook.panel;
      notebook.changed.disconnect(this.heard, this);
      content.activeCellChanged.disconnect(this.activated, this);
      content.model?.cells.changed.disconnect(this.redraw, this);
      this.relate(null);
    }
  }

  private heard(_: unknown, { cells, graph, mode }: Change): void {
    if (graph || mode || cells === 'all') {
      this.redraw();
    } else if (cells) {
      cells.forEach(id => this.changed.add(id));
      this.frame.request();
    }
  }

  private activated(): void {
    this.chosen = null;
    this.moved = true;
    this.frame.request();
  }

  private redraw(): void {
    this.stale = true;
    this.frame.request();
  }

  private draw(): void {
    if (!this.isVisible) {
      return;
    }
    if (this.stale) {
      this.drawing = this.drawn();
      this.view.draw(this.drawing);
    } else {
      this.view.dress(this.changed);
    }
    this.changed.clear();
    if (this.stale || this.moved) {
      this.select(this.chosen ?? this.active());
    }
    this.stale = this.moved = false;
  }

  private drawn(): Drawing {
    const { notebook } = this;
    const order = [...(notebook?.panel.content.model?.cells ?? [])].filter(cell => cell.type === 'code');
    this.places = new Map(order.map((cell, index) => [cell.id, index + 1]));
    return drawingOf([...this.places.keys()], notebook?.model.graph ?? new Map());
  }

  private active(): string | null {
    const cell = this.notebook?.panel.content.activeCell;
    return cell?.model.type === 'code' ? cell.model.id : null;
  }

  private select(id: string | null): void {
    this.view.select(id);
    if (id !== null && this.moved) {
      this.view.reveal(id);
    }
    this.relate(id);
  }

  /** Show in the notebook, too, who feeds and who reads the node. */
  private relate(id: string | null): void {
    const { parents, children } = neighbours(this.drawing, id ?? '');
    const relations = new Map<string, Relation>();
    children.forEach(child => relations.set(child, 'child'));
    parents.forEach(parent => relations.set(parent, 'parent'));
    if (this.notebook) {
      this.states(this.notebook)?.relate(relations);
    }
  }

  private pick(node: Node): void {
    if (node.kind === 'cell') {
      void this.notebook?.reveal(node.id);
    } else {
      this.chosen = node.id;
      this.select(node.id);
    }
  }

  private face(node: Node): Face {
    const { parents, children } = neighbours(this.drawing, node.id);
    const names = node.names.join(', ');
    if (node.kind !== 'cell') {
      const title = node.kind === 'table' ? this.trans.__('table') : this.trans.__('file');
      return {
        symbol: node.kind,
        title,
        caption: names,
        label: `${title} ${names} (${node.id})`
      };
    }
    const cell = [...(this.notebook?.panel.content.model?.cells ?? [])].find(({ id }) => id === node.id);
    const state = this.notebook?.model.cells.get(node.id);
    const sight = state ? sightOf(state, cellModeOf(cell?.metadata)) : 'new';
    const title = this.trans.__('cell %1', this.places.get(node.id) ?? 0);
    const first = cell?.sharedModel.getSource().trimStart().split('\n')[0] ?? '';
    const parts = [
      `${title}: ${wordOf(sight, this.trans)}`,
      names && this.trans.__('writes %1', names),
      parents.size && this.trans.__('reads from %1', this.called(parents)),
      children.size && this.trans.__('read by %1', this.called(children))
    ];
    return {
      symbol: sight,
      title,
      caption: names || first,
      label: parts.filter(Boolean).join('; ')
    };
  }

  private called(ids: ReadonlySet<string>): string {
    return [...ids]
      .map(id => (this.places.has(id) ? this.trans.__('cell %1', this.places.get(id) ?? 0) : named(id).label))
      .join(', ');
  }

  private notebook: ReactiveNotebook | null = null;
  private drawing: Drawing = { nodes: [], links: [] };
  private places = new Map<string, number>();
  // A table or file that somebody looks at; otherwise it is the active cell.
  private chosen: string | null = null;
  private stale = true;
  private moved = false;
  private readonly changed = new Set<string>();
  private readonly frame = new Frame(() => {
    this.draw();
  });
}
