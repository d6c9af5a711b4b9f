/** Notes on steps: fetched for the episode that is shown, written and changed in a dialog, kept by the server. */

import { messageOf } from "../decode/errors.js";
import { showNote } from "../shell/dialogs.js";
import { addNote, changeNote, fetchNotes, removeNote } from "../source/api.js";
import { askForNote } from "../views/note_dialog.js";

/** @import { Note } from "../source/api.js" */
/** @import { Outline } from "../source/outline.js" */

export class EpisodeNotes {
  #player;

  /** @param {import("../player/player.js").Player} player */
  constructor(player) {
    this.#player = player;
  }

  /** Show the notes of the episode that the player has opened. */
  async load() {
    const { outline } = this.#player.store;
    if (!outline) return;
    await this.#tellFailure(async () => {
      const notes = await fetchNotes(outline.runId, outline.episodeId);
      if (outline === this.#player.store.outline) this.#player.showNotes(notes);
    });
  }

  /** Ask for a note on the step that is shown. */
  async write() {
    const { outline } = this.#player.store;
    if (!outline) return;
    this.#player.controls.pause();
    const step = this.#player.stepNumber;
    const { choice, text } = await askForNote({ title: `Note at step ${step}`, isNew: true });
    if (choice === "save" && text)
      await this.#change(outline, (runId, episodeId) => addNote(runId, episodeId, { step, text }));
  }

  /**
   * Let a person change a note, or remove it.
   *
   * @param {Note} note
   */
  async edit({ annotation_id: id, step, text: before }) {
    const { outline } = this.#player.store;
    if (!outline) return;

    const { choice, text } = await askForNote({ title: `Note at step ${step}`, text: before, isNew: false });
    if (choice === "remove") await this.#change(outline, (runId, episodeId) => removeNote(runId, episodeId, id));
    else if (choice === "save" && text)
      await this.#change(outline, (runId, episodeId) => changeNote(runId, episodeId, id, { text }));
  }

  /**
   * `change` is told run and episode.
   *
   * @param {Outline} outline
   * @param {(runId: string, episodeId: number) => Promise<unknown>} change
   */
  #change({ runId, episodeId }, change) {
    return this.#tellFailure(async () => {
      await change(runId, episodeId);
      await this.load();
    });
  }

  /** @param {() => Promise<void>} work */
  async #tellFailure(work) {
    try {
      await work();
    } catch (error) {
      showNote(messageOf(error));
    }
  }
}
