/**
 * What the timeline shows of an episode as a whole, found from its chunks as they come, in order: the curves of the
 * reward and the meters, markers, and dull spans. The server sends all this with a recording; live episodes and files
 * in memory need it made here.
 */

import { DullSpanFinder } from "../playback/dull_spans.js";
import { MAX_MARKERS, MarkerFinder, thinMarkers } from "../playback/markers.js";

/** Samples kept; when there are more, every other one is dropped, so memory is bounded for any length. */
const MAX_SAMPLES = 1024;

export class Digest {
  /** Same form as the server's `overview`. */
  overview = { index: [], cumulative_reward: [], meters: [] };

  /** Position of the chunk that is to come next. */
  nextChunk = 0;

  #outline;
  #markers;
  #dull;
  #stride = 1;
  #nSteps = 0;
  #reward = 0;

  /** @param {import("./outline.js").Outline} outline whose `markers` and `dull` are extended */
  constructor(outline) {
    this.#outline = outline;
    this.#markers = new MarkerFinder(outline);
    this.#dull = new DullSpanFinder();
    this.overview.meters = outline.meterNames.map(() => []);
  }

  /** Take in the next chunk. */
  add(chunk) {
    const { table, markers, dull } = this.#outline;
    table.chunks[this.nextChunk].rewardBefore = this.#reward;
    for (let offset = 0; offset < chunk.nSteps; offset++) {
      const index = this.#nSteps++;
      const reward = chunk.scalar("reward", offset) ?? 0;
      this.#reward += Number.isFinite(reward) ? reward : 0;
      const found = this.#markers.step(chunk, offset, index);
      markers.push(...found);
      this.#dull.step(chunk, offset, index, found.length > 0, dull);
      if (index % this.#stride === 0) this.#sample(chunk, offset, index);
    }
    this.nextChunk++;
    const isWhole = !this.#outline.live && this.nextChunk === table.chunks.length;
    if (isWhole || markers.length > 2 * MAX_MARKERS) this.#outline.markers = thinMarkers(markers);
  }

  #sample(chunk, offset, index) {
    const { overview } = this;
    const meters = chunk.row("meters", offset);
    overview.index.push(index);
    overview.cumulative_reward.push(this.#reward);
    overview.meters.forEach((series, meter) => series.push(meters?.[meter] ?? NaN));
    if (overview.index.length <= MAX_SAMPLES) return;
    this.#stride *= 2;
    const everyOther = (series) => series.filter((_, sample) => sample % 2 === 0);
    overview.index = everyOther(overview.index);
    overview.cumulative_reward = everyOther(overview.cumulative_reward);
    overview.meters = overview.meters.map(everyOther);
  }
}
