/** The panel beside notebooks: the graph on one tab, the variables on the other. */

import { Toolbar, ToolbarButton, addIcon } from '@jupyterlab/ui-components';
import { PanelLayout, SplitPanel, Widget } from '@lumino/widgets';

import type { GraphPanel } from './graph/panel';
import { fitIcon, graphIcon, lessIcon } from './symbols';
import type { VariablesPanel } from './variables';
import type { Trans } from './words';

export type Tab = 'graph' | 'variables';

/** Pixels in which two nodes stand side by side. */
const WIDTH = 380;

export class SidePanel extends Widget {
  constructor(
    private readonly graph: GraphPanel,
    private readonly variables: VariablesPanel,
    trans: Trans
  ) {
    super();
    this.id = 'jp-reactive-side';
    this.addClass('jp-reactive-Side');
    this.title.icon = graphIcon;
    this.title.caption = trans.__('Dependency graph and variables');
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', this.title.caption);
    const layout = new PanelLayout();
    this.layout = layout;
    layout.addWidget(this.head(trans));
    layout.addWidget(graph);
    layout.addWidget(variables);
    this.open('graph');
  }

  open(tab: Tab): void {
    this.graph.setHidden(tab !== 'graph');
    this.variables.setHidden(tab !== 'variables');
    this.zooms.forEach(button => {
      button.setHidden(tab !== 'graph');
    });
    for (const [name, button] of this.tabs) {
      button.setAttribute('aria-selected', `${name === tab}`);
      button.tabIndex = name === tab ? 0 : -1;
    }
  }

  /** Side areas open narrower than a graph needs; what somebody has set since is left alone. */
  widen(): void {
    const missing = WIDTH - this.node.clientWidth;
    const [area, split] = shared(this);
    if (this.widened || missing <= 0 || !split) {
      return;
    }
    this.widened = true;
    const share = missing / split.node.clientWidth;
    const sizes = split.relativeSizes();
    const own = split.widgets.findIndex(widget => widget === area);
    const widest = sizes.indexOf(Math.max(...sizes));
    const moved = (index: number): number => (index === own ? share : index === widest ? -share : 0);
    split.setRelativeSizes(sizes.map((size, index) => size + moved(index)));
  }

  private head(trans: Trans): Toolbar {
    const { view } = this.graph;
    const bar = new Toolbar();
    bar.addClass('jp-reactive-Side-head');
    bar.addItem('tabs', this.tabList(trans));
    bar.addItem('spacer', Toolbar.createSpacerItem());
    this.zooms = [
      new ToolbarButton({
        icon: lessIcon,
        tooltip: trans.__('Zoom out'),
        onClick: () => {
          view.zoom(-1);
        }
      }),
      new ToolbarButton({
        icon: addIcon,
        tooltip: trans.__('Zoom in'),
        onClick: () => {
          view.zoom(1);
        }
      }),
      new ToolbarButton({
        icon: fitIcon,
        tooltip: trans.__('Show all'),
        onClick: () => {
          view.fitPicture(true);
        }
      })
    ];
    this.zooms.forEach((button, index) => bar.addItem(`zoom-${index}`, button));
    return bar;
  }

  private tabList(trans: Trans): Widget {
    const list = new Widget();
    list.addClass('jp-reactive-Tabs');
    list.node.setAttribute('role', 'tablist');
    const titles: [Tab, string, Widget][] = [
      ['graph', trans.__('Graph'), this.graph],
      ['variables', trans.__('Variables'), this.variables]
    ];
    for (const [tab, title, panel] of titles) {
      const button = document.createElement('button');
      button.type = 'button';
      button.textContent = title;
      button.setAttribute('role', 'tab');
      panel.node.setAttribute('role', 'tabpanel');
      panel.node.setAttribute('aria-label', title);
      button.addEventListener('click', () => {
        this.open(tab);
      });
      this.tabs.set(tab, button);
      list.node.append(button);
    }
    list.node.addEventListener('keydown', event => {
      if (event.key === 'ArrowLeft' || event.key === 'ArrowRight') {
        const other = this.graph.isHidden ? 'graph' : 'variables';
        this.open(other);
        this.tabs.get(other)?.focus();
      }
    });
    return list;
  }

  private widened = false;
  private zooms: Widget[] = [];
  private readonly tabs = new Map<Tab, HTMLButtonElement>();
}

/** The part of the page that a widget is in, and the panel that shares the page's width out. */
function shared(widget: Widget): [Widget, SplitPanel | null] {
  const { parent } = widget;
  if (parent instanceof SplitPanel && parent.orientation === 'horizontal') {
    return [widget, parent];
  }
  return parent ? shared(parent) : [widget, null];
}
