/** A recorded picture in the board's place, as large as it fits, with sharp pixels. */

import { pictureShape } from "../decode/pictures.js";
import { AGENTS_PREFIX } from "../player/agent_row.js";
import { pictureAt, pictureSources, shapeOf } from "../player/picture_source.js";
import { penOf } from "../shell/canvas.js";
import { element, setText } from "../shell/dom.js";

/** @import { Chunk } from "../decode/chunk.js" */
/** @import { ColumnSpec, Numbers } from "../decode/columns.js" */
/** @import { PictureShape } from "../decode/pictures.js" */
/** @import { PictureSource } from "../player/picture_source.js" */
/** @import { EpisodeStore } from "../source/episode_store.js" */
/** @import { Agent } from "../source/messages.js" */
/** @import { Outline } from "../source/outline.js" */

/** What is shown: the place of a source, and a picture of it; -1 is the newest one of a stack. @typedef {{place: number, picture: number}} Choice */

const EXTRAS = "extras.";

const nameOf = (/** @type {PictureSource[]} */ sources) => sources.map(({ title }) => title).join("\n");

/** @type {Choice} */
const FIRST = { place: 0, picture: -1 };

export class PictureView {
  /** The view's element. */
  node;
  /** Called when another picture, or the board, is chosen. @type {() => void} */
  onChoice = () => {};

  #canvas = element("canvas", { class: "picture", role: "img", "aria-label": "The picture of this step" });
  #note = element("p", { class: "picture-note", hidden: true });
  #choices = element("select", { class: "picture-choice", "aria-label": "What the stage shows", hidden: true });
  #board = element("div", { class: "board" }, this.#canvas, this.#note);
  /** Null while the board is shown, if there are pictures at all. @type {?Choice} */
  #choice = FIRST;
  /** Columns of the episode. @type {string[]} */
  #columns = [];
  /** @type {ColumnSpec[]} */
  #specs = [];
  /** @type {PictureSource[]} */
  #sources = [];
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
    return this.#choice !== null && this.#sources.length > 0;
  }

  /**
   * @param {Outline} outline
   * @param {?Agent} agent whose pictures are shown, of several
   */
  open(outline, agent) {
    this.#columns = [...outline.pictures];
    this.#specs = outline.schema;
    this.#drawn = [];
    this.#hasBoard = outline.substrate.position_dim > 0;
    this.#choice = FIRST;
    this.#offer(pictureSources(this.#columns, agent));
  }

  /**
   * Show the pictures of another agent, or of one that has pictures by now. Returns whether anything changes.
   *
   * @param {?Agent} agent
   * @param {ColumnSpec[]} specs of columns that the outline may lack
   */
  select(agent, specs = []) {
    const sources = pictureSources(this.#columns, agent);
    if (nameOf(sources) === nameOf(this.#sources)) return false;
    this.#specs = [...this.#specs, ...specs];
    if (this.#choice && this.#choice.place >= sources.length) this.#choice = FIRST;
    this.#offer(sources);
    return true;
  }

  /**
   * Take up pictures that come later than the episode's first step. Returns whether there are any.
   *
   * @param {Chunk} chunk
   * @param {?Agent} agent
   */
  find(chunk, agent) {
    if (!this.#columns.length)
      this.#columns = chunk.specs
        .filter((spec) => spec.name.startsWith(EXTRAS) && !spec.name.startsWith(AGENTS_PREFIX) && pictureShape(spec))
        .map((spec) => spec.name);
    return this.select(agent, chunk.specs);
  }

  /**
   * Draw the picture of a step; if it has none, the last one before it in its chunk.
   *
   * @param {EpisodeStore} store
   * @param {number} index
   */
  draw(store, index) {
    const chunk = store.chunkAt(index);
    if (!chunk || !this.#choice || !this.isShown) return;
    const wanted = [chunk, index, this.#choice, this.#sources];
    if (wanted.every((part, at) => part === this.#drawn[at])) return;
    this.#drawn = wanted;
    const { place, picture } = this.#choice;
    const source = this.#sources[place];
    const { firstIndex } = store.table.chunks[store.table.positionOf(index)];
    const spec = chunk.specs.find(({ name }) => name === source.column);
    const shape = shapeOf(spec, source);
    let offset = index - firstIndex;
    let values = spec && shape ? pictureAt(chunk, spec, source, offset) : null;
    while (spec && shape && !values && offset > 0) values = pictureAt(chunk, spec, source, --offset);
    if (shape && values) drawPicture(this.#canvas, values, shape, picture < 0 ? shape.nPictures - 1 : picture);
    else clear(this.#canvas);
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

  /** @param {PictureSource[]} sources */
  #offer(sources) {
    this.#sources = sources;
    /** @type {HTMLOptionElement[]} */
    const options = [];
    sources.forEach((source, place) => {
      const spec = this.#specs.find(({ name }) => name === source.column);
      const nPictures = shapeOf(spec, source)?.nPictures ?? 1;
      for (let picture = nPictures - 1; picture >= 0; picture--) {
        const before = nPictures - 1 - picture;
        const word = before === 0 ? "" : `, ${before} before`;
        options.push(element("option", { value: `${place} ${before === 0 ? -1 : picture}` }, `${source.title}${word}`));
      }
    });
    if (this.#hasBoard) options.push(element("option", { value: "" }, "board"));
    this.#choices.replaceChildren(...options);
    this.#choices.hidden = options.length < 2 || !sources.length;
    const { place, picture } = this.#choice ?? FIRST;
    this.#choices.value = this.#choice ? `${place} ${picture}` : "";
  }

  #choose() {
    const [place, picture] = this.#choices.value.split(" ").map(Number);
    this.#choice = this.#choices.value ? { place, picture } : null;
    this.onChoice();
  }
}

/** @param {HTMLCanvasElement} canvas */
const clear = (canvas) => penOf(canvas).clearRect(0, 0, canvas.width, canvas.height);

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
