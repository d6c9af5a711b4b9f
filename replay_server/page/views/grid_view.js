/** The grid on two canvases: the static part is drawn once, the agent and its trail in each frame. */

import { CanvasObserver, hatch, isSharp, prepareCanvas } from "../shell/canvas.js";
import { element } from "../shell/dom.js";
import { colours, onThemeChange } from "../shell/theme.js";
import { markGraphic } from "./affordance_marks.js";
import { drawFigures } from "./agent_marks.js";
import { directionOf } from "./directions.js";
import { drawStill } from "./grid_still.js";
import { Space, eased } from "./space.js";

/** @import { Figure } from "../player/figures.js" */
/** @import { StepView } from "../player/step_view.js" */
/** @import { Outline } from "../source/outline.js" */
/** @import { Point } from "./agent_marks.js" */
/** @import { Fitted } from "./space.js" */

/** Number of positions in the trail, including the latest. */
export const TRAIL_STEPS = 40;

/** A click this close picks an agent, in CSS pixels. */
const PICK_REACH = 14;

export class GridView {
  /** The view's element. */
  node;

  #still = element("canvas", { class: "stage-canvas", "aria-hidden": "true" });
  #moving = element("canvas", { class: "stage-canvas", role: "img", "aria-label": "The agent on the grid" });
  #legend = element("ul", { class: "legend" });
  #board = element("div", { class: "board" }, this.#still, this.#moving);
  /** @type {?Outline} */
  #outline = null;
  #space = new Space({ substrate: { type: "grid", position_dim: 2 }, bounds: { low: [], high: [] } });
  #colours = colours();
  /** @type {CanvasPattern | string | null} */
  #hatch = null;
  #isStale = true;
  /** @type {Fitted} */
  #fitted = this.#space.fit(0, 0);
  #observer = new CanvasObserver(() => isSharp(this.#still) || this.#refresh());
  #stopTheme = onThemeChange(() => this.#refresh());
  /** @type {?[step: StepView, next: ?StepView, share: number, trail: ArrayLike<number>[], figures?: ?Figure[]]} */
  #last = null;
  /** Where the agents of an episode of several are. @type {Point[]} */
  #points = [];

  /** @param {{legend?: boolean, onPick?: ?(id: string) => void}} options `onPick` is called when an agent is clicked */
  constructor({ legend = true, onPick = null } = {}) {
    this.node = element("div", { class: "grid-view" }, this.#board, legend && this.#legend);
    if (onPick) this.#board.addEventListener("click", (event) => this.#pick(event, onPick));
    this.#observer.observe(this.#board);
  }

  /** @param {Outline} outline */
  open(outline) {
    this.#outline = outline;
    this.#points = [];
    this.#board.classList.toggle("pickable", outline.agents.length > 0);
    this.#space = new Space(outline);
    this.#legend.replaceChildren(
      ...[...new Map(outline.affordances.map(({ kind, number }) => [kind, number]))].map(([kind, number]) =>
        element("li", {}, markGraphic(number), element("span", {}, kind)),
      ),
    );
    this.#layOut();
  }

  /**
   * Draw the agent.
   *
   * @param {import("../player/step_view.js").StepView} step
   * @param {?import("../player/step_view.js").StepView} next the step it is moving to
   * @param {number} share of the way, 0 to 1
   * @param {ArrayLike<number>[]} trail previous positions, oldest first
   * @param {?Figure[]} figures the agents of an episode of several, instead
   */
  draw(step, next, share, trail, figures = null) {
    this.#last = [step, next, share, trail, figures];
    if (!this.#outline || !(figures || step.position?.length)) return;
    if (this.#space.take(this.#outline.bounds)) this.#layOut();
    if (this.#isStale) this.#drawStill(this.#outline);
    const { context: pen } = prepareCanvas(this.#moving);
    if (figures) this.#drawFigures(pen, figures, share);
    else if (step.position) this.#drawOne(pen, step, step.position, next, share, trail);
    if (step.isBesideGap) this.#drawGap(pen);
  }
  close() {
    this.#observer.disconnect();
    this.#stopTheme();
  }

  /**
   * @param {CanvasRenderingContext2D} pen
   * @param {Figure[]} figures
   * @param {number} share
   */
  #drawFigures(pen, figures, share) {
    const board = { space: this.#space, fitted: this.#fitted, radius: this.#radius, colours: this.#colours };
    this.#points = drawFigures(pen, board, figures, share);
    const { zBarLeft } = this.#fitted;
    const selected = figures.find(({ isSelected }) => isSelected);
    if (zBarLeft !== null && selected) this.#drawHeight(pen, zBarLeft, this.#space.heightOf(selected.position));
  }

  /**
   * @param {MouseEvent} event
   * @param {(id: string) => void} onPick
   */
  #pick({ clientX, clientY }, onPick) {
    const { left, top } = this.#board.getBoundingClientRect();
    const [nearest] = this.#points
      .map(({ id, x, y }) => ({ id, far: Math.hypot(x - clientX + left, y - clientY + top) }))
      .sort((one, other) => one.far - other.far);
    if (nearest && nearest.far <= Math.max(PICK_REACH, this.#radius * 1.5)) onPick(nearest.id);
  }

  /**
   * The agent of an episode that has no others.
   *
   * @param {CanvasRenderingContext2D} pen
   * @param {StepView} step
   * @param {ArrayLike<number>} position
   * @param {?StepView} next
   * @param {number} share
   * @param {ArrayLike<number>[]} trail
   */
  #drawOne(pen, step, position, next, share, trail) {
    const glided = this.#space.between(position, next?.position, eased(share));
    const here = this.#space.pointOf(glided, this.#fitted);
    this.#drawTrail(pen, trail, position, here);
    const moves = next && share > 0 ? next : step;
    const from = next && share > 0 ? position : trail.at(-1);
    this.#drawAgent(
      pen,
      here,
      directionOf(this.#outline?.actionNames[moves.action ?? -1], from, moves.position),
      step.progress,
    );
    const { zBarLeft } = this.#fitted;
    if (zBarLeft !== null) this.#drawHeight(pen, zBarLeft, this.#space.heightOf(glided));
  }

  /** Give the board the shape of the space, within limits, if the style sheet allows it. */
  #layOut() {
    this.#board.style.setProperty(
      "--aspect",
      String(Math.min(Math.max(this.#space.aspect, 0.8), this.#space.nDims === 1 ? 6 : 2.2)),
    );
    this.#isStale = true;
  }

  #refresh() {
    this.#isStale = true;
    if (this.#last) this.draw(...this.#last);
  }

  /** @param {Outline} outline */
  #drawStill({ affordances }) {
    this.#isStale = false;
    this.#colours = colours();
    const { context, width, height } = prepareCanvas(this.#still);
    this.#fitted = this.#space.fit(width, height);
    this.#hatch = null;
    drawStill(context, this.#space, this.#fitted, affordances, this.#colours);
  }

  get #radius() {
    const cell = this.#space.isContinuous ? Math.min(this.#fitted.width, this.#fitted.height) / 14 : this.#fitted.cell;
    return Math.max(3.5, Math.min(cell * 0.26, 28));
  }

  /**
   * @param {CanvasRenderingContext2D} pen
   * @param {ArrayLike<number>[]} trail
   * @param {ArrayLike<number>} position
   * @param {[x: number, y: number]} here
   */
  #drawTrail(pen, trail, position, here) {
    pen.strokeStyle = this.#colours.agent;
    pen.lineWidth = Math.max(1.5, this.#radius * 0.28);
    pen.lineCap = "round";
    let [fromX, fromY] = [NaN, NaN];
    [...trail, position].forEach((point, index, all) => {
      const [x, y] = this.#space.pointOf(point, this.#fitted);
      if (index > 0 && this.#space.isGlide(all[index - 1], point))
        this.#drawTrailPart(pen, index / all.length, fromX, fromY, x, y);
      [fromX, fromY] = [x, y];
    });
    this.#drawTrailPart(pen, 1, fromX, fromY, ...here);
    pen.globalAlpha = 1;
  }

  /**
   * @param {CanvasRenderingContext2D} pen
   * @param {number} freshness
   * @param {number} fromX
   * @param {number} fromY
   * @param {number} x
   * @param {number} y
   */
  #drawTrailPart(pen, freshness, fromX, fromY, x, y) {
    pen.globalAlpha = 0.06 + 0.5 * freshness ** 2;
    pen.beginPath();
    pen.moveTo(fromX, fromY);
    pen.lineTo(x, y);
    pen.stroke();
  }

  /**
   * @param {CanvasRenderingContext2D} pen
   * @param {[x: number, y: number]} here
   * @param {?[number, number]} direction
   * @param {?number} progress
   */
  #drawAgent(pen, [x, y], direction, progress) {
    const radius = this.#radius;
    pen.beginPath();
    pen.arc(x, y, radius, 0, 2 * Math.PI);
    pen.fillStyle = this.#colours.agent;
    pen.fill();
    pen.lineWidth = Math.max(1.5, radius * 0.14);
    pen.strokeStyle = this.#colours["agent-edge"];
    pen.stroke();
    if (direction && radius > 5) this.#drawArrow(pen, x, y, radius, Math.atan2(direction[1], direction[0]));
    if (progress !== null && progress > 0) this.#drawProgress(pen, x, y, radius * 1.45, progress);
  }

  /**
   * A chevron inside the agent, so that it never covers neighbours.
   *
   * @param {CanvasRenderingContext2D} pen
   * @param {number} x
   * @param {number} y
   * @param {number} radius
   * @param {number} angle
   */
  #drawArrow(pen, x, y, radius, angle) {
    pen.save();
    pen.translate(x, y);
    pen.rotate(angle);
    pen.fillStyle = this.#colours["agent-edge"];
    pen.beginPath();
    pen.moveTo(radius * 0.66, 0);
    pen.lineTo(-radius * 0.36, radius * 0.52);
    pen.lineTo(-radius * 0.12, 0);
    pen.lineTo(-radius * 0.36, -radius * 0.52);
    pen.fill();
    pen.restore();
  }

  /**
   * @param {CanvasRenderingContext2D} pen
   * @param {number} x
   * @param {number} y
   * @param {number} radius
   * @param {number} progress
   */
  #drawProgress(pen, x, y, radius, progress) {
    pen.lineCap = "butt";
    pen.lineWidth = Math.max(2.5, radius * 0.16);
    for (const { colour, share } of [
      { colour: this.#colours["line-strong"], share: 1 },
      { colour: this.#colours.good, share: Math.min(1, progress) },
    ]) {
      pen.strokeStyle = colour;
      pen.beginPath();
      pen.arc(x, y, radius, -Math.PI / 2, -Math.PI / 2 + share * 2 * Math.PI);
      pen.stroke();
    }
  }

  /**
   * @param {CanvasRenderingContext2D} pen
   * @param {number} left
   * @param {number} height
   */
  #drawHeight(pen, left, height) {
    const { top, height: whole } = this.#fitted;
    pen.fillStyle = this.#colours.agent;
    pen.beginPath();
    pen.arc(left + 6, top + 8 + (1 - height) * (whole - 16), 8, 0, 2 * Math.PI);
    pen.fill();
  }

  /**
   * Draw a hatched frame: steps are missing after this one.
   *
   * @param {CanvasRenderingContext2D} pen
   */
  #drawGap(pen) {
    const { left, top, width, height } = this.#fitted;
    pen.lineWidth = 8;
    pen.strokeStyle = this.#hatch ??= hatch(pen, this.#colours.warn);
    pen.strokeRect(left + 4, top + 4, width - 8, height - 8);
  }
}
