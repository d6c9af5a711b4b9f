/** Dull spans: stretches in which the agent neither moves nor earns a changing reward, and nothing is marked. */

/** Shorter stretches are not worth a cut. */
export const SHORTEST_DULL_STEPS = 12;

/** Finds dull spans step by step. */
export class DullSpanFinder {
  #start = 0;
  #state = null;
  #reward = null;

  /**
   * Take in the next step, and append to `spans`, or extend its last one, `[from, to)` in indexes. In an episode
   * without positions nothing moves: there the meters must stand still. Without meters too nobody can tell.
   *
   * @param {import("../decode/chunk.js").Chunk} chunk
   * @param {number} offset of the step within the chunk
   * @param {number} index
   * @param {boolean} isMarked whether the step has a marker
   * @param {[number, number][]} spans
   */
  step(chunk, offset, index, isMarked, spans) {
    const position = chunk.row("position", offset);
    const state = position?.length ? position : chunk.row("meters", offset);
    const reward = chunk.scalar("reward", offset);
    const isDull = !isMarked && index > 0 && this.#reward === reward && areEqual(this.#state, state);
    this.#state = state;
    this.#reward = reward;
    if (!isDull) this.#start = index + 1;
    if (index + 1 - this.#start < SHORTEST_DULL_STEPS) return;
    const last = spans.at(-1);
    if (last?.[0] === this.#start) last[1] = index + 1;
    else spans.push([this.#start, index + 1]);
  }
}

/**
 * Where playback stands after the dull span that holds `index`, or `index` itself. The first step of a span is shown.
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

function areEqual(one, other) {
  if (!one?.length || one.length !== other?.length) return false;
  for (let axis = 0; axis < one.length; axis++) if (one[axis] !== other[axis]) return false;
  return true;
}
