/** The marks of the timeline's lane: one marker, and several that share a place. */

/** @import { Colours } from "../shell/theme.js" */
/** @import { EpisodeStore } from "../source/episode_store.js" */
/** @import { Marker, MarkerKind } from "../source/outline.js" */
/** @import { Axis } from "./axis.js" */

export const LANE_HEIGHT = 18;

/** A pointer this close selects a marker, in CSS pixels. */
const MARKER_REACH = 6;

/**
 * The marker within reach of a place on the strip.
 *
 * @param {EpisodeStore} store
 * @param {number} x pixels from the strip's left edge
 * @param {Axis} axis of the strip
 * @param {number} width of the strip in pixels
 */
export function nearMarker({ table, markers }, x, axis, width) {
  let nearest = /** @type {?Marker} */ (null);
  let least = MARKER_REACH;
  for (const marker of markers) {
    const distance = Math.abs(axis.xOf(table.numberOf(marker.index), width) - x);
    if (distance < least) [nearest, least] = [marker, distance];
  }
  return nearest;
}

/**
 * Draw markers that share a cell as a bar, higher for more of them, in the colours of their kinds.
 *
 * @param {CanvasRenderingContext2D} pen
 * @param {number} x
 * @param {number} laneTop
 * @param {{kind: MarkerKind}[]} markers
 * @param {Colours} colour
 */
export function drawDensity(pen, x, laneTop, markers, colour) {
  const height = Math.min(LANE_HEIGHT - 2, 6 + 2.5 * Math.log2(markers.length));
  /** @type {Map<MarkerKind, number>} */
  const counts = new Map();
  for (const { kind } of markers) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  let y = laneTop + LANE_HEIGHT - 1;
  for (const [kind, count] of counts) {
    const part = (height * count) / markers.length;
    y -= part;
    pen.fillStyle = colour[`marker-${kind}`] || colour.muted;
    pen.fillRect(x - 2, y, 4, part);
  }
}

/**
 * Draw a marker with the shape and colour of its kind.
 *
 * @param {CanvasRenderingContext2D} pen
 * @param {number} x
 * @param {number} laneTop
 * @param {MarkerKind} kind
 * @param {Colours} colour
 */
export function drawMarker(pen, x, laneTop, kind, colour) {
  const y = laneTop + LANE_HEIGHT / 2;
  const reach = 4;
  pen.fillStyle = colour[`marker-${kind}`] || colour.muted;
  pen.beginPath();
  switch (kind) {
    case "low_meter":
      pen.moveTo(x - reach, y - 3);
      pen.lineTo(x + reach, y - 3);
      pen.lineTo(x, y + 4);
      break;
    case "affordance":
      pen.moveTo(x, y - reach);
      pen.lineTo(x + reach, y);
      pen.lineTo(x, y + reach);
      pen.lineTo(x - reach, y);
      break;
    case "end":
      pen.rect(x - 3, y - 3, 6, 6);
      break;
    case "annotation":
      pen.rect(x - 1, y - 7, 2, 14);
      pen.rect(x + 1, y - 7, 7, 6);
      break;
    case "gap":
      pen.rect(x - 1, y - 5, 2, 10);
      break;
    case "joined":
    case "left": {
      const way = kind === "joined" ? 1 : -1;
      pen.moveTo(x + 4 * way, y);
      pen.lineTo(x - 3 * way, y - reach);
      pen.lineTo(x - 3 * way, y + reach);
      break;
    }
    case "died":
      for (const way of [1, -1]) {
        pen.moveTo(x - 4 * way, y - 4);
        pen.lineTo(x - 2 * way, y - 4);
        pen.lineTo(x + 4 * way, y + 4);
        pen.lineTo(x + 2 * way, y + 4);
      }
      break;
    default:
      pen.arc(x, y, 2.6, 0, 2 * Math.PI);
  }
  pen.fill();
}
