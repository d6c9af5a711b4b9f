/** Annotations on steps: loaded for the current episode, changed in a dialog, stored by the server. */

import { messageOf } from "../decode/errors.js";
import { showMessage } from "../shell/dialogs.js";
import { element } from "../shell/dom.js";
import { addAnnotation, changeAnnotation, fetchAnnotations, removeAnnotation } from "../source/annotations.js";

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

/** The server refuses longer ones. */
const MAX_LETTERS = 10_000;

/**
 * Ask for the text of an annotation.
 *
 * @param {{title: string, text?: string, isNew: boolean}} annotation a new one cannot be deleted
 * @returns {Promise<{choice: string, text: string}>} `save` or `remove`; empty if the person closed the dialog
 */
export function askForAnnotation({ title, text = "", isNew }) {
  const field = element("textarea", {
    class: "input annotation-field",
    rows: 4,
    maxLength: MAX_LETTERS,
    required: true,
    value: text,
    "aria-label": "Annotation",
  });
  const save = button("Save", "save", { class: "button primary" });
  const form = element(
    "form",
    { method: "dialog" },
    element("h2", {}, title),
    field,
    element(
      "div",
      { class: "group" },
      save,
      button("Cancel", "", { formNoValidate: true }),
      !isNew && button("Remove", "remove", { formNoValidate: true }),
    ),
  );
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit(save);
  });
  const dialog = element("dialog", { class: "ask", "aria-label": title }, form);
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve({ choice: dialog.returnValue, text: field.value.trim() });
    });
  });
}

/**
 * @param {string} name
 * @param {string} value
 * @param {{class?: string, formNoValidate?: boolean}} more
 */
const button = (name, value, more = {}) => element("button", { class: "button", value, ...more }, name);
