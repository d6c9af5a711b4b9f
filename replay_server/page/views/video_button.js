/**
 * The button that asks what a video should be like, requests it, shows its progress, and becomes the download link. Hidden if the server makes no
 * videos.
 */

import { messageOf } from "../decode/errors.js";
import { showMessage } from "../shell/dialogs.js";
import { element, setText } from "../shell/dom.js";
import { icon } from "../shell/icons.js";
import { fetchJson } from "../source/rest.js";
import { offersVideos, requestVideo } from "../source/videos.js";
import { askForVideo } from "./video_dialog.js";

/** @import { VideoJob } from "../source/videos.js" */

const POLL_MILLIS = 1000;

/** States after which no video will come. */
const GIVEN_UP = new Set(["failed", "cancelled"]);

/** @typedef {[runId: string, episodeId: number]} Offer */

export class VideoButton {
  node;

  #text = element("span", { class: "number" }, "Make video");
  /**
   * Run and episode, a new object for each offer, so that the progress of an earlier video is not shown.
   *
   * @type {?Offer}
   */
  #offered = null;
  /** @type {?string} */
  #download = null;
  #timer = 0;

  #agentId;

  /** @param {() => ?string} agentId whose numbers a video shows, of several agents */
  constructor(agentId) {
    this.#agentId = agentId;
    this.node = element(
      "button",
      {
        type: "button",
        class: "button",
        title: "Video of this episode",
        hidden: true,
        on: { click: () => this.#press() },
      },
      icon("video"),
      this.#text,
    );
  }

  /**
   * Offer a video of this episode, if the server makes videos.
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

  /** Hide the button and stop asking for progress. */
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
      // a link that opens separately, because the browser would replace the page with the file
      element("a", { href: this.#download, download: "" }).click();
      return;
    }
    const offered = this.#offered;
    if (!offered) return;
    try {
      const choices = await askForVideo(...offered, this.#agentId());
      if (!choices || offered !== this.#offered) return;
      this.node.disabled = true;
      setText(this.#text, "Queued");
      await this.#watch(await requestVideo(...offered, choices), offered);
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
    showMessage(message);
  }
}
