/** The part of a large picture that is in sight: moved by dragging and scrolling, zoomed by keys and buttons. */

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

const LEAST = 0.1;
const MOST = 2;
const STEP = 1.25;
/** Where a picture is shown whole, it need not become smaller than can be read. */
const READABLE = 0.55;
const MARGIN = 16;
/** A press that moves less than this is a click. */
const STEADY = 3;

export class Viewport {
  /** `sheet` is what stays, `canvas` what moves on it. */
  constructor(
    private readonly sheet: SVGSVGElement,
    private readonly canvas: SVGGElement,
    private readonly moved: (scale: number) => void
  ) {
    sheet.addEventListener('wheel', this.wheel, { passive: false });
    sheet.addEventListener('pointerdown', this.press);
  }

  /** Whether the latest press has moved the picture, and so is no click. */
  get dragged(): boolean {
    return this.far;
  }

  /** Whether somebody has chosen what to see. */
  touched = false;

  zoom(direction: number): void {
    this.touched = true;
    const { width, height } = this.size();
    this.zoomAt(width / 2, height / 2, STEP ** direction);
  }

  /** Show the start of the picture as large as its width allows, or all of it. */
  fit(picture: Box, whole: boolean): void {
    const { width, height } = this.size();
    const across = (width - 2 * MARGIN) / Math.max(1, picture.width);
    const down = (height - 2 * MARGIN) / Math.max(1, picture.height);
    this.scale = whole ? clamp(Math.min(across, down), LEAST, 1) : clamp(across, READABLE, 1);
    const room = width - picture.width * this.scale;
    this.x = Math.max(MARGIN, room / 2);
    this.y = MARGIN;
    this.apply();
  }

  /** Bring a part of the picture into sight, by the shortest way. */
  reveal(part: Box): void {
    const { width, height } = this.size();
    this.x = shifted(this.x, part.x * this.scale, part.width * this.scale, width);
    this.y = shifted(this.y, part.y * this.scale, part.height * this.scale, height);
    this.apply();
  }

  private readonly wheel = (event: WheelEvent): void => {
    event.preventDefault();
    this.touched = true;
    if (event.ctrlKey || event.metaKey) {
      const { left, top } = this.sheet.getBoundingClientRect();
      this.zoomAt(event.clientX - left, event.clientY - top, Math.exp(-event.deltaY / 300));
    } else {
      this.x -= event.shiftKey ? event.deltaY : event.deltaX;
      this.y -= event.shiftKey ? 0 : event.deltaY;
      this.apply();
    }
  };

  private readonly press = (event: PointerEvent): void => {
    this.far = false;
    if (event.button !== 0) {
      return;
    }
    const start = { x: event.clientX - this.x, y: event.clientY - this.y };
    const from = { x: event.clientX, y: event.clientY };
    const move = (event: PointerEvent): void => {
      this.far ||= Math.hypot(event.clientX - from.x, event.clientY - from.y) > STEADY;
      if (this.far) {
        this.touched = true;
        this.x = event.clientX - start.x;
        this.y = event.clientY - start.y;
        this.apply();
      }
    };
    const end = (): void => {
      window.removeEventListener('pointermove', move);
      window.removeEventListener('pointerup', end);
      window.removeEventListener('pointercancel', end);
    };
    window.addEventListener('pointermove', move);
    window.addEventListener('pointerup', end);
    window.addEventListener('pointercancel', end);
  };

  private zoomAt(x: number, y: number, factor: number): void {
    const scale = clamp(this.scale * factor, LEAST, MOST);
    this.x = x - ((x - this.x) * scale) / this.scale;
    this.y = y - ((y - this.y) * scale) / this.scale;
    this.scale = scale;
    this.apply();
  }

  private apply(): void {
    this.canvas.setAttribute('transform', `translate(${this.x} ${this.y}) scale(${this.scale})`);
    this.moved(this.scale);
  }

  private size(): { width: number; height: number } {
    return { width: this.sheet.clientWidth, height: this.sheet.clientHeight };
  }

  private x = MARGIN;
  private y = MARGIN;
  private scale = 1;
  private far = false;
}

function clamp(value: number, least: number, most: number): number {
  return Math.max(least, Math.min(most, value));
}

/** The offset at which a part is in sight, with a margin where there is room for one. */
function shifted(offset: number, start: number, length: number, room: number): number {
  return Math.max(MARGIN - start, Math.min(room - MARGIN - start - length, offset));
}
