/** A picture of what a video would look like. The server draws it with the code that draws the video. */

import { messageOf } from "../decode/errors.js";
import { element, setText } from "../shell/dom.js";
import { fetchVideoStill } from "../source/videos.js";

/** @import { VideoChoices } from "./video_dialog.js" */

export class VideoStill {
  node;

  #runId;
  #episodeId;
  #image = element("img", { alt: "A frame of this video", hidden: true });
  #note = element("figcaption", { role: "status" });
  /**
   * What to draw next. One picture is drawn at a time, so choices that were changed meanwhile are never drawn.
   *
   * @type {?VideoChoices}
   */
  #wanted = null;
  #isDrawing = false;
  #isClosed = false;
  #url = "";

  /**
   * @param {string} runId
   * @param {number} episodeId
   */
  constructor(runId, episodeId) {
    this.#runId = runId;
    this.#episodeId = episodeId;
    this.node = element("figure", { class: "still" }, this.#image, this.#note);
  }

  /**
   * Show the frame of these choices as soon as it is drawn; until then the one before it stays.
   *
   * @param {VideoChoices} choices
   */
  async show(choices) {
    this.#wanted = choices;
    if (this.#isDrawing) return;
    this.#isDrawing = true;
    this.node.setAttribute("aria-busy", "true");
    setText(this.#note, "Drawing a preview…");
    let note = "";
    while (this.#wanted && !this.#isClosed) {
      const drawn = this.#wanted;
      this.#wanted = null;
      note = await this.#draw(drawn);
    }
    this.#isDrawing = false;
    setText(this.#note, note);
    this.node.setAttribute("aria-busy", "false");
  }

  /**
   * @param {VideoChoices} choices
   * @returns {Promise<string>} why there is no picture
   */
  async #draw(choices) {
    try {
      const picture = await fetchVideoStill(this.#runId, this.#episodeId, choices);
      if (!this.#isClosed) this.#image.src = this.#take(picture);
      this.#image.hidden = false;
      return "";
    } catch (error) {
      this.#image.hidden = true;
      return messageOf(error);
    }
  }

  /** Stop drawing, and free the picture. */
  close() {
    this.#isClosed = true;
    URL.revokeObjectURL(this.#url);
  }

  /** @param {Blob} picture */
  #take(picture) {
    URL.revokeObjectURL(this.#url);
    this.#url = URL.createObjectURL(picture);
    return this.#url;
  }
}
