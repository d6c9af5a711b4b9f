/** A sentence above the player: the connection's problem, or what it waits for. */

import { element, setText } from "../shell/dom.js";

export class Banner {
  node = element("p", { class: "banner", role: "status", hidden: true });

  #connection = "";
  #waiting = "";

  /**
   * Show the connection's problem; empty if there is none.
   *
   * @param {string} text
   */
  showConnection(text) {
    this.#connection = text;
    this.#draw();
  }

  /**
   * Show what the player waits for; empty for nothing.
   *
   * @param {string} text
   */
  showWaiting(text) {
    this.#waiting = text;
    this.#draw();
  }

  #draw() {
    const text = this.#connection || this.#waiting;
    setText(this.node, text);
    this.node.hidden = text === "";
  }
}
