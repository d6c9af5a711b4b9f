/**
 * Maps the space of an episode to a canvas. Pure geometry. A third coordinate gets a separate bar; a line is a grid of
 * one row; y points down, like the rows of a grid.
 */

/** @import { Outline } from "../source/outline.js" */

const Z_BAR_WIDTH = 34;
const PADDING = 10;

/** Larger jumps are not movements between cells, but wrapping around an edge or a reset. */
const LONGEST_GLIDE_CELLS = 1.5;

/** @typedef {{left: number, top: number, width: number, height: number}} Rectangle in CSS pixels */

/** @typedef {Rectangle & {cell: number, columns: number, rows: number, zBarLeft: ?number}} Fitted in CSS pixels */

export class Space {
  #bounds;
  /** @type {number[]} */
  #low;
  /** @type {number[]} */
  #high;

  /** @param {Pick<Outline, "substrate" | "bounds">} outline */

  constructor({ substrate, bounds }) {
    this.isContinuous = substrate.type === "continuous";
    this.nDims = substrate.position_dim;
    this.#bounds = bounds;
    [this.#low, this.#high] = cornersOf(bounds);
  }

  /** Number of cells along x, y and z. */
  get size() {
    return this.#high.map((high, axis) => high - this.#low[axis]);
  }

  /** Aspect ratio of the drawing. */
  get aspect() {
    const [width, height] = this.size;
    return width / height;
  }

  /**
   * Set the bounds, which grow in a live episode; return whether they changed.
   *
   * @param {Outline["bounds"]} bounds
   */
  take(bounds) {
    if (bounds === this.#bounds) return false;
    this.#bounds = bounds;
    const [low, high] = cornersOf(bounds);

    const isOther =
      low.some((end, axis) => end !== this.#low[axis]) || high.some((end, axis) => end !== this.#high[axis]);
    [this.#low, this.#high] = [low, high];
    return isOther;
  }

  /**
   * Fit the space into a canvas.
   *
   * @param {number} width
   * @param {number} height
   * @returns {Fitted}
   */
  fit(width, height) {
    const [columns, rows] = this.size;
    const forBar = this.nDims > 2 ? Z_BAR_WIDTH : 0;
    const cell = Math.max(0.01, Math.min((width - 2 * PADDING - forBar) / columns, (height - 2 * PADDING) / rows));
    const left = (width - forBar - cell * columns) / 2;
    return {
      cell,
      left,
      top: (height - cell * rows) / 2,
      width: cell * columns,
      height: cell * rows,
      columns,
      rows,
      zBarLeft: forBar ? left + cell * columns + 14 : null,
    };
  }

  /**
   * A position's point on the canvas: the centre of its cell, or the exact point in continuous space.
   *
   * @param {ArrayLike<number>} position
   * @param {Fitted} fitted
   * @returns {[x: number, y: number]}
   */
  pointOf(position, fitted) {
    const half = this.isContinuous ? 0 : 0.5;
    const y = this.nDims === 1 ? 0.5 : position[1] - this.#low[1] + half;
    return [fitted.left + (position[0] - this.#low[0] + half) * fitted.cell, fitted.top + y * fitted.cell];
  }

  /**
   * Share of the height at a position with three coordinates, 0 to 1.
   *
   * @param {ArrayLike<number>} position
   */
  heightOf(position) {
    return Math.max(
      0,
      Math.min(1, (position[2] - this.#low[2]) / Math.max(1e-9, this.size[2] - (this.isContinuous ? 0 : 1))),
    );
  }

  /**
   * A position between two steps; jumps are not animated.
   *
   * @param {ArrayLike<number>} from
   * @param {?ArrayLike<number>|undefined} to
   * @param {number} share
   */
  between(from, to, share) {
    if (!to || share <= 0 || !this.isGlide(from, to)) return from;
    return Array.from(from, (value, axis) => value + (to[axis] - value) * share);
  }

  /**
   * Whether the movement between two positions is animated.
   *
   * @param {ArrayLike<number>} from
   * @param {ArrayLike<number>} to
   */
  isGlide(from, to) {
    const longest = this.isContinuous ? Math.max(...this.size) / 4 : LONGEST_GLIDE_CELLS;
    return Array.from(from).every((value, axis) => Math.abs(to[axis] - value) <= longest);
  }
}

/**
 * The bounds along three axes; missing axes are one cell wide.
 *
 * @param {Outline["bounds"]} bounds
 */
function cornersOf({ low, high }) {
  /** @type {function(number[], number): number[]} */
  const filled = (ends, rest) => [0, 1, 2].map((axis) => ends[axis] ?? rest);
  return [filled(low, 0), filled(high, 1)];
}

/**
 * Ease in and out: the share of the way at a share of the time.
 *
 * @param {number} share
 */
export const eased = (share) => share * share * (3 - 2 * share);
