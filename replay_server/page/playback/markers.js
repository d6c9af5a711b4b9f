/** Markers: steps worth a look. The outline has most; people add annotations. */

/** Maximum length of an annotation's text next to other things. */
const LONGEST_LABEL = 80;

/**
 * Markers of annotations, each named by its label or the first line of its text.
 *
 * @param {{step: number, label: ?string, text: string}[]} annotations in the order of their steps
 * @param {import("../source/chunk_table.js").ChunkTable} table
 * @returns {{index: number, kind: "annotation", label: string}[]}
 */
export function annotationMarkers(annotations, table) {
  return annotations.map(({ step, label, text }) => {
    const [line] = (label || text).split("\n");
    const short = line.length > LONGEST_LABEL ? `${line.slice(0, LONGEST_LABEL - 1)}…` : line;
    return { index: table.indexOf(step), kind: "annotation", label: short };
  });
}

/** Width of a cell of the timeline's lane, in CSS pixels: markers that share one would cover each other. */
const CELL = 6;

/**
 * Markers by cells of the lane. A cell with several markers is drawn as a bar.
 *
 * @template {{index: number, kind: string}} Marker
 * @param {Marker[]} markers in order
 * @param {(index: number) => number} xOf
 * @returns {{x: number, markers: Marker[]}[]} `x` is the middle of a single marker, or of a cell
 */
export function cellsOf(markers, xOf) {
  /** @type {Map<number, Marker[]>} */
  const cells = new Map();
  for (const marker of markers) {
    const cell = Math.floor(xOf(marker.index) / CELL);
    const there = cells.get(cell);
    if (there) there.push(marker);
    else cells.set(cell, [marker]);
  }
  return [...cells].map(([cell, found]) => ({
    x: found.length > 1 ? (cell + 0.5) * CELL : xOf(found[0].index),
    markers: found,
  }));
}

/**
 * The nearest marker before or after an index.
 *
 * @param {{index: number}[]} markers in order
 * @param {number} index
 * @param {-1|1} direction
 * @returns {?{index: number}}
 */
export function neighbourMarker(markers, index, direction) {
  const candidates = markers.filter((marker) => (marker.index - index) * direction > 0);
  return (direction > 0 ? candidates[0] : candidates.at(-1)) ?? null;
}
