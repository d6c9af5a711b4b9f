/**
 * @typedef {{firstStep: number, nSteps: number, firstIndex: number, rewardBefore: number, intrinsicBefore: number}} ChunkSpan
 */

/**
 * The steps of an episode by chunk. A step's *index* counts recorded steps from 0; its *number* counts played steps.
 * They differ after a gap.
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

  /** Number of the step after the last recorded one. */
  get endStep() {
    const last = this.chunks.at(-1);
    return last ? last.firstStep + last.nSteps : 0;
  }

  /**
   * Index in `chunks` of the chunk with this step index; the last one for larger indexes, -1 if there is none.
   *
   * @param {number} index
   */
  positionOf(index) {
    return this.#search((chunk) => chunk.firstIndex <= index);
  }

  /**
   * The number of the step with this index. Indexes may be fractional, and are clamped to the episode.
   *
   * @param {number} index
   */
  numberOf(index) {
    const chunk = this.chunks[Math.max(0, this.positionOf(index))];
    return chunk ? chunk.firstStep + Math.min(index - chunk.firstIndex, chunk.nSteps) : 0;
  }

  /**
   * The index of the recorded step with this number; in a gap, of the next recorded step. Clamped to the episode.
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
   * The last chunk for which `isBefore` holds; it holds for all earlier ones.
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
