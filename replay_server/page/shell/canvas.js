/** Canvases that are as sharp as the screen. */

/**
 * Whether a canvas has the resolution of the place it takes on the page.
 *
 * @param {HTMLCanvasElement} canvas
 */
export function isSharp(canvas) {
  const ratio = window.devicePixelRatio || 1;
  return (
    canvas.width === Math.round(canvas.clientWidth * ratio) && canvas.height === Math.round(canvas.clientHeight * ratio)
  );
}

/** Calls `redraw` when a canvas takes another size, or the window comes to a screen of another density. */
export class CanvasObserver {
  #redraw;
  #sizes;
  /**
   * Tells only that the density is no longer this one: it is made anew for each.
   *
   * @type {?MediaQueryList}
   */
  #density = null;

  /** @param {function(): void} redraw */
  constructor(redraw) {
    this.#redraw = redraw;
    this.#sizes = new ResizeObserver(() => redraw());
  }

  /**
   * Watch a canvas, or what holds it.
   *
   * @param {Element} node
   */
  observe(node) {
    this.#sizes.observe(node);
    if (!this.#density) this.#watchDensity();
  }

  /** Watch no more. */
  disconnect() {
    this.#sizes.disconnect();
    this.#density?.removeEventListener("change", this.#changed);
    this.#density = null;
  }

  #watchDensity() {
    const density = matchMedia(`(resolution: ${window.devicePixelRatio}dppx)`);
    density.addEventListener("change", this.#changed, { once: true });
    this.#density = density;
  }

  #changed = () => {
    this.#watchDensity();
    this.#redraw();
  };
}

/**
 * Give a canvas the resolution of the place it takes on the page, and clear it.
 *
 * @param {HTMLCanvasElement} canvas laid out by the style sheet
 * @returns {{context: CanvasRenderingContext2D, width: number, height: number}} sizes in CSS pixels, which the context
 *   draws in
 */
export function prepareCanvas(canvas) {
  const ratio = window.devicePixelRatio || 1;
  const width = canvas.clientWidth;
  const height = canvas.clientHeight;
  const context = penOf(canvas);

  if (!isSharp(canvas)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}

/**
 * What draws on a canvas.
 *
 * @param {HTMLCanvasElement} canvas
 * @throws {Error} the browser refuses another canvas.
 */
export function penOf(canvas) {
  const pen = canvas.getContext("2d");
  if (!pen) throw new Error("this browser has no room for another canvas");
  return pen;
}

/**
 * A pattern of thin diagonal lines, the page's sign for what is missing or forbidden.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {string} colour
 */
export function hatch(context, colour, spacing = 6) {
  const tile = document.createElement("canvas");
  tile.width = tile.height = spacing;
  const pen = penOf(tile);
  pen.strokeStyle = colour;
  pen.lineWidth = 1.2;
  pen.beginPath();
  for (const shift of [-spacing, 0, spacing]) {
    pen.moveTo(shift, spacing);
    pen.lineTo(shift + spacing, 0);
  }
  pen.stroke();
  return context.createPattern(tile, "repeat") ?? colour;
}
