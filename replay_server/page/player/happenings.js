/** What happens while an episode plays, in words: each marker that the playhead passes. */

import { MARKER_WORDS } from "../shell/looks.js";

/** @import { PlaybackClock } from "../playback/clock.js" */
/** @import { Marker } from "../source/outline.js" */

export class Happenings {
  /** Index up to which markers were named. */
  #index = 0;

  /**
   * The words for the last marker that playback has passed since the last call; empty if there is none.
   *
   * @param {PlaybackClock} clock
   * @param {Marker[]} markers in order
   */
  passed({ index, isPlaying }, markers) {
    const before = this.#index;
    this.#index = index;
    if (!isPlaying || index <= before) return "";
    const marker = markers.findLast((each) => each.index > before && each.index <= index);
    return marker && marker.kind !== "end" ? `${MARKER_WORDS[marker.kind].sign} ${marker.label}` : "";
  }
}
