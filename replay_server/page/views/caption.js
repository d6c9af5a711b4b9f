/** A line on the board that names for a moment what happens. */

import { element, setText } from "../shell/dom.js";

/** How long a caption stays. */
const CAPTION_MILLIS = 1500;

export class Caption {
  node = element("p", { class: "stage-caption", hidden: true, "aria-hidden": "true" });
  #timer = 0;

  /** @param {string} text */
  show(text) {
    setText(this.node, text);
    this.node.hidden = false;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => (this.node.hidden = true), CAPTION_MILLIS);
  }
  close() {
    clearTimeout(this.#timer);
  }
}
