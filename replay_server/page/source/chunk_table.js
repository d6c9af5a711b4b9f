/**
 * @typedef {{firstStep: number, nSteps: number, firstIndex: number, rewardBefore: number, intrinsicBefore: number}} ChunkSpan
 */

/**
 * Where the steps of an episode lie. A step's *index* counts the recorded steps from 0; its *number* is its place in
 * the episode as it was played. They differ behind a gap.
 */
export class ChunkTable {
  /** @type {ChunkSpan[]} */
  chunks = [];

  /** Steps in all chunks. */
  nSteps = 0;

  /**
   * Append a chunk, with the sums of all rewards before it.
   *
   * @param {number} firstStep
   * @param {number} nSteps
   */
  add(firstStep, nSteps, rewardBefore = 0, intrinsicBefore = 0) {
    this.chunks.push({ firstStep, nSteps, firstIndex: this.nSteps, rewardBefore, intrinsicBefore });
    this.nSteps += nSteps;
  }

  /** Number of the step behind the last recorded one. */
  get endStep() {
    const last = this.chunks.at(-1);
    return last ? last.firstStep + last.nSteps : 0;
  }

  /**
   * Position in `chunks` of the one that holds this index; the last one for larger indexes, -1 when there is none.
   *
   * @param {number} index
   */
  positionOf(index) {
    return this.#search((chunk) => chunk.firstIndex <= index);
  }

  /**
   * The number of the step with this index; indexes may have a fraction, and are held within the episode.
   *
   * @param {number} index
   */
  numberOf(index) {
    const chunk = this.chunks[Math.max(0, this.positionOf(index))];
    return chunk ? chunk.firstStep + Math.min(index - chunk.firstIndex, chunk.nSteps) : 0;
  }

  /**
   * The index of the recorded step with this number; within a gap that of the next recorded step. Held within the
   * episode.
   *
   * @param {number} number
   */
  indexOf(number) {
    const position = this.#search((chunk) => chunk.firstStep <= number);
    if (position < 0) return 0;
    const { firstStep, nSteps, firstIndex } = this.chunks[position];
    return Math.min(firstIndex + Math.min(number - firstStep, nSteps), Math.max(0, this.nSteps - 1));
  }

  /**
   * The last chunk for which `isBefore` holds; it holds for the first ones.
   *
   * @param {(chunk: ChunkSpan) => boolean} isBefore
   */
  #search(isBefore) {
    let low = 0;
    let high = this.chunks.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (isBefore(this.chunks[middle])) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}
