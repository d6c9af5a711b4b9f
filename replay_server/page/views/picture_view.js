/** A recorded picture in the board's place, as large as it fits, with sharp pixels. */

import { pictureShape } from "../decode/pictures.js";
import { AGENTS_PREFIX } from "../player/agent_row.js";
import { penOf } from "../shell/canvas.js";
import { element, setText } from "../shell/dom.js";

/** @import { Chunk } from "../decode/chunk.js" */
/** @import { Numbers } from "../decode/columns.js" */
/** @import { PictureShape } from "../decode/pictures.js" */
/** @import { EpisodeStore } from "../source/episode_store.js" */
/** @import { Outline } from "../source/outline.js" */

/** What is shown: a picture of a column; -1 is the newest one of a stack. @typedef {{column: string, picture: number}} Choice */

const EXTRAS = "extras.";

export class PictureView {
  /** The view's element. */
  node;
  /** Called when another picture, or the board, is chosen. @type {() => void} */
  onChoice = () => {};

  #canvas = element("canvas", { class: "picture", role: "img", "aria-label": "The picture of this step" });
  #note = element("p", { class: "picture-note", hidden: true });
  #choices = element("select", { class: "picture-choice", "aria-label": "What the stage shows", hidden: true });
  #board = element("div", { class: "board" }, this.#canvas, this.#note);
  /** @type {?Choice} */
  #choice = null;
  /** @type {string[]} */
  #columns = [];
  #hasBoard = false;
  /** What the canvas shows: a chunk, an index, and the choice. @type {unknown[]} */
  #drawn = [];

  /** @param {{choices?: boolean}} options */
  constructor({ choices = true } = {}) {
    this.node = element("div", { class: "grid-view picture-view" }, this.#board);
    if (choices) this.#choices.addEventListener("change", () => this.#choose());
  }

  /** The element with which to choose what is shown; hidden while there is one picture alone. */
  get choices() {
    return this.#choices;
  }

  /** Whether a picture is to be shown, and not the board. */
  get isShown() {
    return this.#choice !== null;
  }

  /** @param {Outline} outline */
  open(outline) {
    this.#columns = [...outline.pictures];
    this.#drawn = [];
    this.#hasBoard = outline.substrate.position_dim > 0;
    const [first] = this.#columns;
    this.#choice = first ? { column: first, picture: -1 } : null;
    this.#offer((column) => outline.schema.find(({ name }) => name === column) ?? null);
  }

  /**
   * Take up pictures that come later than the episode's first step. Returns whether there are any.
   *
   * @param {Chunk} chunk
   */
  find(chunk) {
    if (this.#columns.length) return false;
    this.#columns = chunk.specs
      .filter((spec) => spec.name.startsWith(EXTRAS) && !spec.name.startsWith(AGENTS_PREFIX) && pictureShape(spec))
      .map((spec) => spec.name);
    if (!this.#columns.length) return false;
    this.#choice = { column: this.#columns[0], picture: -1 };
    this.#offer((column) => chunk.specs.find(({ name }) => name === column) ?? null);
    return true;
  }

  /**
   * Draw the picture of a step; if it has none, the last one before it in its chunk.
   *
   * @param {EpisodeStore} store
   * @param {number} index
   */
  draw(store, index) {
    const chunk = store.chunkAt(index);
    if (!chunk || !this.#choice) return;
    const wanted = [chunk, index, this.#choice];
    if (wanted.every((part, place) => part === this.#drawn[place])) return;
    this.#drawn = wanted;
    const { column, picture } = this.#choice;
    const { firstIndex } = store.table.chunks[store.table.positionOf(index)];
    const spec = chunk.specs.find(({ name }) => name === column);
    const shape = spec ? pictureShape(spec) : null;
    let offset = index - firstIndex;
    let values = shape ? chunk.row(column, offset) : null;
    while (shape && !values && offset > 0) values = chunk.row(column, --offset);
    if (shape && values) drawPicture(this.#canvas, values, shape, picture < 0 ? shape.nPictures - 1 : picture);
    if (shape)
      this.#board.style.setProperty("--aspect", String(Math.min(Math.max(shape.width / shape.height, 0.5), 2.2)));
    const isOwn = values !== null && offset === index - firstIndex;
    this.#canvas.classList.toggle("missing", !isOwn);
    const other = `This step has no picture; step ${chunk.firstStep + offset} is shown.`;
    setText(this.#note, isOwn ? "" : values ? other : "This step has no picture.");
    this.#note.hidden = isOwn;
  }

  close() {
    this.#canvas.width = this.#canvas.height = 0;
  }

  /** @param {(column: string) => ?{dtype: string, shape: number[]}} specOf */
  #offer(specOf) {
    /** @type {HTMLOptionElement[]} */
    const options = [];
    for (const column of this.#columns) {
      const spec = specOf(column);
      const shape = spec && pictureShape(spec);
      const nPictures = shape ? shape.nPictures : 1;
      for (let picture = nPictures - 1; picture >= 0; picture--) {
        const before = nPictures - 1 - picture;
        const word = before === 0 ? "" : `, ${before} before`;
        const value = `${column} ${before === 0 ? -1 : picture}`;
        options.push(element("option", { value }, column.slice(EXTRAS.length) + word));
      }
    }
    if (this.#hasBoard) options.push(element("option", { value: "" }, "board"));
    this.#choices.replaceChildren(...options);
    this.#choices.hidden = options.length < 2;
  }

  #choose() {
    const { value } = this.#choices;
    const at = value.lastIndexOf(" ");
    this.#choice = value ? { column: value.slice(0, at), picture: Number(value.slice(at + 1)) } : null;
    this.onChoice();
  }
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {Numbers} values of one step
 * @param {PictureShape} shape
 * @param {number} picture of the stack
 */
function drawPicture(canvas, values, shape, picture) {
  const { width, height } = shape;
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  const pen = penOf(canvas);
  const image = pen.createImageData(width, height);
  fillImage(image.data, values, shape, picture);
  pen.putImageData(image, 0, 0);
}

/**
 * Write red, green, blue and opacity of each pixel.
 *
 * @param {Uint8ClampedArray} pixels
 * @param {Numbers} values
 * @param {PictureShape} shape
 * @param {number} picture
 */
export function fillImage(pixels, values, shape, picture) {
  const { width, height, channels, axes, stackAxis, nPictures } = shape;
  const isListed = stackAxis === 0 && axes[2] !== 0; // a list of pictures, each with all its axes
  const own = isListed ? axes.map((axis) => axis - 1) : axes;
  const nChannels = isListed || nPictures === 1 ? channels : channels * nPictures;
  const isFirst = own[2] === 0;
  const start = isListed ? picture * width * height * channels : picture * channels * (isFirst ? width * height : 1);
  const [across, down, deep] = isFirst ? [1, width, width * height] : [nChannels, width * nChannels, 1];
  const { scale, low } = brightnessOf(values);
  for (let y = 0, to = 0; y < height; y++) {
    for (let x = 0, from = start + y * down; x < width; x++, from += across, to += 4) {
      const first = (values[from] - low) * scale;
      pixels[to] = first;
      pixels[to + 1] = channels === 3 ? (values[from + deep] - low) * scale : first;
      pixels[to + 2] = channels === 3 ? (values[from + 2 * deep] - low) * scale : first;
      pixels[to + 3] = 255;
    }
  }
}

/**
 * How numbers become brightness from 0 to 255.
 *
 * @param {Numbers} values
 */
function brightnessOf(values) {
  if (values instanceof Uint8Array) return { scale: 1, low: 0 };
  if (values instanceof Uint16Array) return { scale: 1 / 257, low: 0 };
  let [low, high] = [0, 0];
  for (const value of values) {
    if (value < low) low = value;
    if (value > high && value !== Infinity) high = value;
  }
  if (low >= 0 && high <= 255) return { scale: high <= 1 ? 255 : 1, low: 0 };
  return { scale: 255 / (high - low || 1), low };
}
