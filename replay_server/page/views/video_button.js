/**
 * The button that asks for a video of the episode, shows its progress, and becomes the download. Hidden where no videos
 * are made.
 */

import { messageOf } from "../decode/errors.js";
import { showNote } from "../shell/dialogs.js";
import { element, setText } from "../shell/dom.js";
import { icon } from "../shell/icons.js";
import { fetchJson, offersVideos, requestVideo } from "../source/api.js";

/** @import { VideoJob } from "../source/api.js" */

const POLL_MILLIS = 1000;

/** States in which no video comes any more. */
const GIVEN_UP = new Set(["failed", "cancelled"]);

/** @typedef {[runId: string, episodeId: number]} Offer */

export class VideoButton {
  node;

  #text = element("span", { class: "number" }, "Make video");
  /**
   * Run and episode, anew with each offer: what was asked for an earlier one is not told on the button.
   *
   * @type {?Offer}
   */
  #offered = null;
  /** @type {?string} */
  #download = null;
  #timer = 0;

  constructor() {
    this.node = element(
      "button",
      { type: "button", class: "button", hidden: true, on: { click: () => this.#press() } },
      icon("video"),
      this.#text,
    );
  }

  /**
   * Offer a video of this episode, if the server makes them.
   *
   * @param {string} runId
   * @param {number} episodeId
   */
  async offer(runId, episodeId) {
    this.close();
    /** @type {Offer} */
    const offered = [runId, episodeId];
    this.#offered = offered;
    const isOffered = await offersVideos();
    if (offered === this.#offered) this.node.hidden = !isOffered;
  }

  /** Offer no video, and ask no more how far one is. */
  close() {
    clearTimeout(this.#timer);
    this.#offered = null;
    this.#download = null;
    setText(this.#text, "Make video");
    this.node.disabled = false;
    this.node.hidden = true;
  }

  async #press() {
    if (this.#download) {
      // A link, for the browser would show the file in the place of the page.
      element("a", { href: this.#download, download: "" }).click();
      return;
    }
    const offered = this.#offered;
    if (!offered) return;
    this.node.disabled = true;
    setText(this.#text, "Queued");
    try {
      await this.#watch(await requestVideo(...offered), offered);
    } catch (error) {
      this.#fail(messageOf(error), offered);
    }
  }

  /**
   * @param {string} location
   * @param {Offer} offered
   * @returns {Promise<void>}
   */
  async #watch(location, offered) {
    /** @type {VideoJob} */
    const { state, progress, error } = await fetchJson(location);
    if (offered !== this.#offered) return undefined;
    if (GIVEN_UP.has(state)) return this.#fail(error ?? `the video was ${state}`, offered);
    if (state === "done") {
      this.#download = `${location}/file`;
      this.node.disabled = false;
      return setText(this.#text, "Download video");
    }
    setText(this.#text, progress > 0 ? `Video ${Math.round(progress * 100)}%` : "Queued");
    this.#timer = setTimeout(
      () => this.#watch(location, offered).catch((failure) => this.#fail(messageOf(failure), offered)),
      POLL_MILLIS,
    );
    return undefined;
  }

  /**
   * @param {string} message
   * @param {Offer} offered
   */
  #fail(message, offered) {
    if (offered !== this.#offered) return;
    this.node.disabled = false;
    setText(this.#text, "Make video");
    showNote(message);
  }
}
