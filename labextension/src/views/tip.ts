/** The one tip of the page: why a cell is as it is, beside it, with the way to where that comes from. */

/** What a tip says; asked for when it is shown. */
export interface Telling {
  readonly word: string;
  readonly symbol: string;
  readonly text: string;
  readonly notes: readonly string[];
  readonly ways: readonly Way[];
}

export interface Way {
  readonly label: string;
  readonly code: string;
  readonly go: () => void;
}

/** Milliseconds: nobody meant to ask who only passes by, and the way from a cell to its tip takes time. */
const BEFORE = 250;
const AFTER = 200;
const GAP = 6;

export class Tip {
  /** Show what `tell` says while somebody points at the anchor or has the keyboard on it. */
  attach(anchor: HTMLElement, tell: () => Telling | null): void {
    const show = (): void => {
      this.show(anchor, tell());
    };
    anchor.addEventListener('pointerenter', () => {
      this.soon(show, BEFORE);
    });
    anchor.addEventListener('pointerleave', this.leave);
    anchor.addEventListener('focus', show);
    anchor.addEventListener('blur', this.leave);
    anchor.addEventListener('keydown', event => {
      if (event.key === 'Escape') {
        this.hide();
      }
    });
  }

  /** Say anew what is said, if it is about this anchor. */
  refresh(anchor: HTMLElement, tell: () => Telling | null): void {
    if (this.anchor === anchor) {
      this.show(anchor, tell());
    }
  }

  hide(): void {
    window.clearTimeout(this.timer);
    this.anchor = null;
    this.node.remove();
  }

  private show(anchor: HTMLElement, telling: Telling | null): void {
    window.clearTimeout(this.timer);
    if (!telling || !anchor.isConnected) {
      this.hide();
      return;
    }
    this.anchor = anchor;
    this.node.replaceChildren(...this.content(telling));
    this.node.dataset.sight = telling.symbol;
    document.body.append(this.node);
    this.place(anchor.getBoundingClientRect());
  }

  private content({ word, text, notes, ways }: Telling): HTMLElement[] {
    const first = line('jp-reactive-Tip-text');
    const strong = document.createElement('strong');
    strong.textContent = word;
    first.append(strong, ': ', ...coded(text));
    return [
      first,
      ...ways.map(way => this.way(way)),
      ...notes.map(note => line('jp-reactive-Tip-note', note))
    ];
  }

  private way({ label, code, go }: Way): HTMLElement {
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'jp-reactive-Tip-way';
    const source = document.createElement('code');
    source.textContent = code;
    button.append(label, source);
    button.addEventListener('click', () => {
      this.hide();
      go();
    });
    return button;
  }

  private place(anchor: DOMRect): void {
    const own = this.node.getBoundingClientRect();
    const below = anchor.bottom + GAP + own.height <= window.innerHeight;
    const top = below ? anchor.bottom + GAP : Math.max(GAP, anchor.top - GAP - own.height);
    const left = Math.max(GAP, Math.min(anchor.left, window.innerWidth - own.width - GAP));
    this.node.style.transform = `translate(${Math.round(left)}px, ${Math.round(top)}px)`;
  }

  private soon(act: () => void, delay: number): void {
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(act, delay);
  }

  private readonly leave = (): void => {
    this.soon(() => {
      this.hide();
    }, AFTER);
  };

  private readonly node = this.frame();
  private anchor: HTMLElement | null = null;
  private timer = 0;

  private frame(): HTMLElement {
    const node = document.createElement('div');
    node.className = 'jp-reactive-Tip';
    // Whoever listens hears the same from the cell itself.
    node.setAttribute('role', 'tooltip');
    node.addEventListener('pointerenter', () => {
      window.clearTimeout(this.timer);
    });
    node.addEventListener('pointerleave', this.leave);
    return node;
  }
}

function line(name: string, text = ''): HTMLElement {
  const element = document.createElement('div');
  element.className = name;
  element.append(...coded(text));
  return element;
}

/** What stands between backquotes is code. */
function coded(text: string): (string | HTMLElement)[] {
  return text.split('`').map((part, index) => {
    if (index % 2 === 0) {
      return part;
    }
    const code = document.createElement('code');
    code.textContent = part;
    return code;
  });
}
