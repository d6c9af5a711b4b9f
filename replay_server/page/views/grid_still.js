/** The static part of the grid: cells, axes, labelled affordances, and the scale of the third coordinate. */

import { colourNameOf, markPoints } from "./affordance_marks.js";

/** @import { Affordance } from "../source/outline.js" */
/** @import { Colours } from "../shell/theme.js" */
/** @import { Fitted, Space } from "./space.js" */

/** Smaller cells have no lines between them; still smaller ones have no label. */
const SMALLEST_LINED_CELL = 5;
const SMALLEST_LABELLED_CELL = 46;

/** Of more affordances of one kind, only the legend has the name. */
const MOST_LABELLED = 8;
const SMALLEST_MARK = 3;

/** Font sizes of labels. */
const LARGEST_LABEL = 12;
const SMALLEST_LABEL = 9;

/**
 * Draw it.
 *
 * @param {CanvasRenderingContext2D} pen
 * @param {Space} space
 * @param {Fitted} fitted
 * @param {Affordance[]} affordances
 * @param {Colours} colours
 */
export function drawStill(pen, space, fitted, affordances, colours) {
  const { left, top, width, height } = fitted;
  pen.fillStyle = colours.ground;
  pen.beginPath();
  pen.roundRect(left, top, width, height, 6);
  pen.fill();
  drawLines(pen, space, fitted, colours);
  pen.beginPath();
  pen.roundRect(left, top, width, height, 6);
  pen.strokeStyle = colours["line-strong"];
  pen.lineWidth = 1;
  pen.stroke();
  const nOfKind = new Map();
  for (const { kind } of affordances) nOfKind.set(kind, (nOfKind.get(kind) ?? 0) + 1);
  for (const affordance of affordances)
    drawAffordance(pen, space, fitted, colours, affordance, nOfKind.get(affordance.kind) <= MOST_LABELLED);
  if (fitted.zBarLeft !== null) drawHeightScale(pen, fitted.zBarLeft, fitted, colours);
}

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {Space} space
 * @param {Fitted} fitted
 * @param {Colours} colours
 */
function drawLines(pen, space, { left, top, width, height, cell, columns, rows }, colours) {
  const apart = space.isContinuous ? Math.max(1, Math.round(Math.max(columns, rows) / 8)) : 1;
  if (cell * apart < SMALLEST_LINED_CELL) return;
  pen.strokeStyle = colours.line;
  pen.lineWidth = 1;
  pen.beginPath();
  for (let column = apart; column < columns; column += apart) {
    const x = Math.round(left + column * cell) + 0.5;
    pen.moveTo(x, top);
    pen.lineTo(x, top + height);
  }
  for (let row = apart; row < rows; row += apart) {
    const y = Math.round(top + row * cell) + 0.5;
    pen.moveTo(left, y);
    pen.lineTo(left + width, y);
  }
  pen.stroke();
}

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {Space} space
 * @param {Fitted} fitted
 * @param {Colours} colours
 * @param {Affordance} affordance
 * @param {boolean} isNamed
 */
function drawAffordance(pen, space, fitted, colours, { name, cell: position, number }, isNamed) {
  if (!position.length) return;
  const [x, y] = space.pointOf(position, fitted);
  const colour = colours[colourNameOf(number)];
  const cell = space.isContinuous ? Math.min(fitted.width, fitted.height) / 9 : fitted.cell;
  const isLabelled = isNamed && cell >= SMALLEST_LABELLED_CELL;
  if (!space.isContinuous && cell >= 12) {
    pen.globalAlpha = 0.14;
    pen.fillStyle = colour;
    pen.beginPath();
    pen.roundRect(x - cell / 2 + 2, y - cell / 2 + 2, cell - 4, cell - 4, Math.min(6, cell / 6));
    pen.fill();
    pen.globalAlpha = 1;
  }
  pen.fillStyle = colour;
  pen.beginPath();
  const lift = isLabelled ? cell * 0.1 : 0;
  for (const [pointX, pointY] of markPoints(number, x, y - lift, Math.max(SMALLEST_MARK, cell * 0.24)))
    pen.lineTo(pointX, pointY);
  pen.fill();
  if (isLabelled) drawLabel(pen, name, x, y + cell / 2 - 6, cell - 2, colours.text);
}

/**
 * Draw a name in its cell, in a smaller font and shortened if necessary.
 *
 * @param {CanvasRenderingContext2D} pen
 * @param {string} name
 * @param {number} x
 * @param {number} y
 * @param {number} widest
 * @param {string} colour
 */
function drawLabel(pen, name, x, y, widest, colour) {
  pen.textAlign = "center";
  pen.textBaseline = "alphabetic";
  pen.fillStyle = colour;
  let text = name;
  let size = LARGEST_LABEL;
  do pen.font = `500 ${size}px system-ui, sans-serif`;
  while (pen.measureText(text).width > widest && --size >= SMALLEST_LABEL);
  for (let length = name.length; length > 1 && pen.measureText(text).width > widest; length--)
    text = `${name.slice(0, length - 1)}…`;
  pen.fillText(text, x, y);
}

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {number} left
 * @param {Fitted} fitted
 * @param {Colours} colours
 */
function drawHeightScale(pen, left, { top, height }, colours) {
  pen.fillStyle = colours.ground;
  pen.strokeStyle = colours["line-strong"];
  pen.beginPath();
  pen.roundRect(left, top, 12, height, 6);
  pen.fill();
  pen.stroke();
  pen.fillStyle = colours.muted;
  pen.font = "500 11px system-ui, sans-serif";
  pen.textAlign = "center";
  pen.fillText("z", left + 6, top - 2 > 10 ? top - 4 : top + 12);
}
