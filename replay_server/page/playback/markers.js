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
