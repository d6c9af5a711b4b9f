/**
 * The button that asks for a video of the episode, shows its progress, and becomes the download. Hidden where no videos
 * are made.
 */

import { showNote } from "../shell/dialogs.js";
import { element, setText } from "../shell/dom.js";
import { icon } from "../shell/icons.js";
import { fetchJson, offersVideos, requestVideo } from "../source/api.js";

const POLL_MILLIS = 1000;

/** States in which no video comes any more. */
const GIVEN_UP = new Set(["failed", "cancelled"]);

export class VideoButton {
  node;

  #text = element("span", { class: "number" }, "Make video");
  #episode = null;
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

  /** Offer a video of this episode, if the server makes them. */
  async offer(runId, episodeId) {
    this.#episode = [runId, episodeId];
    this.#download = null;
    clearTimeout(this.#timer);
    setText(this.#text, "Make video");
    this.node.disabled = false;
    this.node.hidden = !(await offersVideos());
  }

  /** Ask no more how far the video is. */
  close() {
    clearTimeout(this.#timer);
  }

  async #press() {
    if (this.#download) {
      location.assign(this.#download);
      return;
    }
    this.node.disabled = true;
    setText(this.#text, "Queued");
    try {
      await this.#watch(await requestVideo(...this.#episode));
    } catch (error) {
      this.#fail(error.message);
    }
  }

  async #watch(location) {
    const { state, progress, error } = await fetchJson(location);
    if (GIVEN_UP.has(state)) return this.#fail(error ?? `the video was ${state}`);
    if (state === "done") {
      this.#download = `${location}/file`;
      this.node.disabled = false;
      return setText(this.#text, "Download video");
    }
    setText(this.#text, progress > 0 ? `Video ${Math.round(progress * 100)}%` : "Queued");
    this.#timer = setTimeout(() => this.#watch(location).catch((failure) => this.#fail(failure.message)), POLL_MILLIS);
    return undefined;
  }

  #fail(message) {
    this.node.disabled = false;
    setText(this.#text, "Make video");
    showNote(message);
  }
}
