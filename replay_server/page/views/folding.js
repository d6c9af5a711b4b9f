/** Panels that fold to their headline; the browser remembers which. */

import { element } from "../shell/dom.js";
import { icon } from "../shell/icons.js";

const STORAGE_KEY = "hamlet-folded";

/**
 * The panel with a button that folds it.
 *
 * @param {HTMLElement} panel with a headline first
 * @param {string} name
 */
export function foldable(panel, name) {
  /** @type {HTMLButtonElement} */
  const button = element(
    "button",
    {
      type: "button",
      class: "button icon-button fold",
      on: { click: () => show(!box.classList.contains("folded"), true) },
    },
    icon("next"),
  );
  /** @type {HTMLElement} */
  const box = element("div", { class: "foldable" }, panel, button);
  show(folded().has(name));
  return box;

  /**
   * @param {boolean} isFolded
   * @param {boolean} isChosen by a person, to be remembered
   */
  function show(isFolded, isChosen = false) {
    box.classList.toggle("folded", isFolded);
    button.setAttribute("aria-expanded", String(!isFolded));
    button.setAttribute("aria-label", `${isFolded ? "Unfold" : "Fold"} ${name}`);
    button.title = isFolded ? "Unfold" : "Fold";
    if (isChosen) remember(name, isFolded);
  }
}

/** @returns {Set<string>} */
function folded() {
  try {
    return new Set(JSON.parse(localStorage.getItem(STORAGE_KEY) ?? "[]"));
  } catch {
    return new Set(); // storage is forbidden, or holds something else
  }
}

/**
 * @param {string} name
 * @param {boolean} isFolded
 */
function remember(name, isFolded) {
  const names = folded();
  if (isFolded) names.add(name);
  else names.delete(name);
  try {
    localStorage.setItem(STORAGE_KEY, JSON.stringify([...names]));
  } catch {
    // Forbidden: the panel folds, and is not remembered.
  }
}
