/** Skips dull spans, in which nothing happens. */

/**
 * The index after the dull span that includes `index`, or `index` itself. The first step of a span is shown.
 *
 * @param {[number, number][]} spans in order
 * @param {number} index
 */
export function skipDull(spans, index) {
  let low = 0;
  let high = spans.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (spans[middle][1] <= index) low = middle + 1;
    else high = middle;
  }
  const span = spans[low];
  return span && span[0] < index ? span[1] : index;
}
