/** What one cell shows beside its input number: its state as a shape, a word below it, and why. */

import type { CodeCell } from '@jupyterlab/cells';

import { point, picture } from './symbols';
import type { Telling, Tip } from './tip';
import type { Sight } from './words';

export interface Look {
  readonly sight: Sight;
  /** Below the number; empty where the shape says enough. */
  readonly word: string;
  /** For those who listen. */
  readonly label: string;
  /** For programs: the kind of the reason, its names, the ids of its cells. */
  readonly reason: string | null;
}

const FLASH: KeyframeAnimationOptions = { duration: 700, easing: 'ease-out' };
const RING: Keyframe[] = [
  { opacity: 1, transform: 'scale(0.8)' },
  { opacity: 0, transform: 'scale(1.7)' }
];
const GLOW: Keyframe[] = [{ opacity: 1 }, { opacity: 0 }];

export class Badge {
  /** `press` is a click on the shape. */
  constructor(
    readonly cell: CodeCell,
    private readonly tip: Tip,
    private readonly tell: () => Telling | null,
    press: () => void
  ) {
    this.node.className = 'jp-reactive-Badge';
    this.button.type = 'button';
    this.button.className = 'jp-reactive-Badge-button';
    this.button.tabIndex = -1;
    this.ring.className = 'jp-reactive-Flash';
    this.button.append(this.image, this.ring);
    this.word.className = 'jp-reactive-Badge-word';
    // The button says it all, and says it better.
    this.word.setAttribute('aria-hidden', 'true');
    this.node.append(this.button, this.word);
    this.button.addEventListener('click', press);
    // A press must not begin to drag the cell, nor take the keyboard away from it.
    this.button.addEventListener('mousedown', event => {
      event.preventDefault();
      event.stopPropagation();
    });
    tip.attach(this.button, tell);
  }

  /** Into the cell, if its parts are there already: cells far away have none yet. */
  settle(): boolean {
    const home = this.cell.node.querySelector(':scope > .jp-Cell-inputWrapper');
    if (this.node.parentElement !== home) {
      home?.append(this.node);
    }
    return home !== null;
  }

  show(look: Look): void {
    if (look.sight !== this.look?.sight) {
      this.node.dataset.sight = look.sight;
      point(this.image, look.sight);
    }
    if (look.label !== this.look?.label) {
      this.button.setAttribute('aria-label', look.label);
    }
    if (look.reason !== this.look?.reason) {
      this.word.title = look.reason ?? '';
    }
    this.say(look.word);
    this.look = look;
    this.tip.refresh(this.button, this.tell);
  }

  /** Another word below the number. */
  say(word: string): void {
    if (this.word.textContent !== word) {
      this.word.textContent = word;
    }
  }

  /** A run was too short for anybody to see it. */
  flash(): void {
    const calm = window.matchMedia('(prefers-reduced-motion: reduce)').matches;
    this.ring.animate(calm ? GLOW : RING, FLASH);
  }

  /** Whether the Tab key comes by; it does for the active cell alone. */
  set reachable(value: boolean) {
    this.button.tabIndex = value ? 0 : -1;
  }

  focus(): void {
    this.button.focus();
  }

  remove(): void {
    this.node.remove();
  }

  private readonly node = document.createElement('div');
  private readonly button = document.createElement('button');
  private readonly image = picture('new');
  private readonly ring = document.createElement('span');
  private readonly word = document.createElement('span');
  private look: Look | null = null;
}
