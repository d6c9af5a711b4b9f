/** Canvases with the resolution of the screen. */

/**
 * Whether a canvas has the resolution of its place on the page.
 *
 * @param {HTMLCanvasElement} canvas
 */
export function isSharp(canvas) {
  const ratio = window.devicePixelRatio || 1;
  return (
    canvas.width === Math.round(canvas.clientWidth * ratio) && canvas.height === Math.round(canvas.clientHeight * ratio)
  );
}

/** Calls `redraw` when a canvas is resized, or the window moves to a screen with another density. */
export class CanvasObserver {
  #redraw;
  #sizes;
  /**
   * Only reports that the density has changed, so it is created again for each.
   *
   * @type {?MediaQueryList}
   */
  #density = null;

  /** @param {function(): void} redraw */
  constructor(redraw) {
    this.#redraw = redraw;
    this.#sizes = new ResizeObserver(() => redraw());
  }

  /** @param {Element} node */
  observe(node) {
    this.#sizes.observe(node);
    if (!this.#density) this.#watchDensity();
  }

  /** Stop observing. */
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
 * Give a canvas the resolution of its place on the page, and clear it.
 *
 * @param {HTMLCanvasElement} canvas laid out by the style sheet
 * @returns {{context: CanvasRenderingContext2D, width: number, height: number}} sizes in CSS pixels, the unit of the
 *   context
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
 * The context of a canvas.
 *
 * @param {HTMLCanvasElement} canvas
 * @throws {Error} the browser refuses another canvas.
 */
export function penOf(canvas) {
  const pen = canvas.getContext("2d");
  if (!pen) throw new Error("the browser can't create another canvas");
  return pen;
}

/**
 * A pattern of thin diagonal lines, for what is missing or forbidden.
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
