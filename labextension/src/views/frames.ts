/** Does what many messages ask for once, before the next frame. */

/** Longer than a frame takes; pages in the background get no frames at all. */
const BACKGROUND = 250;

export class Frame {
  constructor(private readonly draw: () => void) {}

  request(): void {
    if (!this.pending) {
      this.pending = true;
      this.frame = requestAnimationFrame(this.fire);
      this.timer = window.setTimeout(this.fire, BACKGROUND);
    }
  }

  cancel(): void {
    this.pending = false;
    cancelAnimationFrame(this.frame);
    window.clearTimeout(this.timer);
  }

  private readonly fire = (): void => {
    this.cancel();
    this.draw();
  };

  private pending = false;
  private frame = 0;
  private timer = 0;
}
