/** The dialog for writing or changing an annotation. */

import { element } from "../shell/dom.js";

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
