/** The notes that people wrote on steps of the episode: a list to read, to go to their steps, and to change them. */

import { element } from "../shell/dom.js";
import { icon } from "../shell/icons.js";
import { formatCount } from "../shell/numbers.js";

/** @import { Note } from "../source/api.js" */

export class NotesView {
  node = element("section", { class: "panel notes", "aria-label": "Notes", hidden: true });

  #list = element("ul", { class: "note-list" });
  /** @type {{note: Note, item: HTMLElement}[]} */
  #items = [];
  /** @type {?number} */
  #shownStep = null;
  #on;

  /**
   * @param {{seek: function(number): void, edit?: function(Note): void}} on go to a step's number; change a note,
   *   where that can be
   */
  constructor(on) {
    this.#on = on;
    this.node.append(element("h2", {}, "Notes"), this.#list);
  }

  /**
   * Show these notes, as the server has them.
   *
   * @param {Note[]} notes
   */
  show(notes) {
    this.node.hidden = !notes.length;
    this.#items = notes.map((note) => ({ note, item: this.#item(note) }));
    this.#list.replaceChildren(...this.#items.map(({ item }) => item));
    this.#shownStep = null;
  }

  /**
   * Point out the notes on the step with this number, and bring them into sight.
   *
   * @param {number} step
   */
  draw(step) {
    if (step === this.#shownStep) return;
    this.#shownStep = step;
    for (const { note, item } of this.#items) {
      if (step >= note.step && step < (note.end_step ?? note.step + 1)) item.setAttribute("aria-current", "step");
      else item.removeAttribute("aria-current");
    }
    const first = this.#list.querySelector("[aria-current]");
    if (first instanceof HTMLElement) this.#list.scrollTop = first.offsetTop - this.#list.offsetTop;
  }

  /** @param {Note} note */
  #item(note) {
    const { step, end_step: end, label, text, author } = note;
    const steps = end === null ? formatCount(step) : `${formatCount(step)} to ${formatCount(end - 1)}`;
    return element(
      "li",
      {},
      element(
        "button",
        { type: "button", class: "note-go", title: "Go to this step", on: { click: () => this.#on.seek(step) } },
        element("span", { class: "muted number" }, [`step ${steps}`, author].filter(Boolean).join(" · ")),
        label && element("span", { class: "note-label" }, label),
        element("span", { class: "note-text" }, text),
      ),
      this.#on.edit && editButton(note, this.#on.edit),
    );
  }
}

/**
 * @param {Note} note
 * @param {function(Note): void} edit
 */
function editButton(note, edit) {
  return element(
    "button",
    {
      type: "button",
      class: "button icon-button",
      title: "Change this note",
      "aria-label": `Change the note at step ${note.step}`,
      on: { click: () => edit(note) },
    },
    icon("note"),
  );
}
