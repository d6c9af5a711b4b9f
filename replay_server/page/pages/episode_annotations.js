/** Annotations on steps: loaded for the current episode, changed in a dialog, stored by the server. */

import { messageOf } from "../decode/errors.js";
import { showMessage } from "../shell/dialogs.js";
import { addAnnotation, changeAnnotation, fetchAnnotations, removeAnnotation } from "../source/annotations.js";
import { askForAnnotation } from "../views/annotation_dialog.js";

/** @import { Annotation } from "../source/annotations.js" */
/** @import { Outline } from "../source/outline.js" */

export class EpisodeAnnotations {
  #player;

  /** @param {import("../player/player.js").Player} player */
  constructor(player) {
    this.#player = player;
  }

  /** Show the annotations of the open episode. */
  async load() {
    const { outline } = this.#player.store;
    if (!outline) return;
    await this.#reportFailure(async () => {
      const annotations = await fetchAnnotations(outline.runId, outline.episodeId);
      if (outline === this.#player.store.outline) this.#player.showAnnotations(annotations);
    });
  }

  /** Ask for an annotation on the current step. */
  async write() {
    const { outline } = this.#player.store;
    if (!outline) return;
    this.#player.controls.pause();
    const step = this.#player.stepNumber;
    const { choice, text } = await askForAnnotation({ title: `Annotation at step ${step}`, isNew: true });
    if (choice === "save" && text)
      await this.#change(outline, (runId, episodeId) => addAnnotation(runId, episodeId, { step, text }));
  }

  /** @param {Annotation} annotation */
  async edit({ annotation_id: id, step, text: before }) {
    const { outline } = this.#player.store;
    if (!outline) return;

    const { choice, text } = await askForAnnotation({
      title: `Annotation at step ${step}`,
      text: before,
      isNew: false,
    });
    if (choice === "remove") await this.#change(outline, (runId, episodeId) => removeAnnotation(runId, episodeId, id));
    else if (choice === "save" && text)
      await this.#change(outline, (runId, episodeId) => changeAnnotation(runId, episodeId, id, { text }));
  }

  /**
   * Call `change` with run and episode.
   *
   * @param {Outline} outline
   * @param {(runId: string, episodeId: number) => Promise<unknown>} change
   */
  #change({ runId, episodeId }, change) {
    return this.#reportFailure(async () => {
      await change(runId, episodeId);
      await this.load();
    });
  }

  /** @param {() => Promise<void>} work */
  async #reportFailure(work) {
    try {
      await work();
    } catch (error) {
      showMessage(messageOf(error));
    }
  }
}
