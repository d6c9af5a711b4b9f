/** A sentence above the player: what is wrong with the connection, or else what is waited for. */

import { element, setText } from "../shell/dom.js";

export class Banner {
  node = element("p", { class: "banner", role: "status", hidden: true });

  #connection = "";
  #waiting = "";

  /**
   * Say what is wrong with the connection; empty when nothing is.
   *
   * @param {string} text
   */
  tellConnection(text) {
    this.#connection = text;
    this.#draw();
  }

  /**
   * Say what is waited for; empty for nothing.
   *
   * @param {string} text
   */
  tellWaiting(text) {
    this.#waiting = text;
    this.#draw();
  }

  #draw() {
    const text = this.#connection || this.#waiting;
    setText(this.node, text);
    this.node.hidden = text === "";
  }
}
