/** The help, and short messages at the bottom of the page. */

import { element } from "./dom.js";
import { icon } from "./icons.js";
import { keyName } from "./keys.js";

/** @import { Binding } from "./keys.js" */

const MESSAGE_MILLIS = 3500;

let messageTimer = 0;

/**
 * The keys of a binding; a long series by its ends.
 *
 * @param {readonly string[]} keys
 */
const printed = (keys) => {
  const shown = keys.map((key) => element("kbd", {}, keyName(key)));
  return shown.length > 3 ? [shown[0], "…", ...shown.slice(-1)] : shown;
};

/** @param {Binding[]} bindings */
export function showHelp(bindings) {
  const rows = bindings.map(({ keys, does }) =>
    element("div", { class: "help-row" }, element("dt", {}, ...printed(keys)), element("dd", {}, does)),
  );
  const close = element(
    "button",
    { type: "button", class: "button icon-button", "aria-label": "Close" },
    icon("close"),
  );
  /** @type {HTMLDialogElement} */
  const dialog = element(
    "dialog",
    { class: "help", "aria-label": "Keyboard help", on: { close: () => dialog.remove() } },
    element("header", {}, element("h2", {}, "Keyboard"), close),
    element("dl", {}, ...rows),
  );
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  document.body.append(dialog);
  dialog.showModal();
}

/** @param {string} text */
export function showMessage(text) {
  let node = document.getElementById("message");
  if (!node) {
    node = element("div", { id: "message", class: "message", role: "status" });
    document.body.append(node);
  }
  node.textContent = text;
  node.classList.add("shown");
  const shown = node;
  clearTimeout(messageTimer);
  messageTimer = setTimeout(() => shown.classList.remove("shown"), MESSAGE_MILLIS);
}

/**
 * Copy a text to the clipboard; if that is forbidden, show it for copying by hand.
 *
 * @param {string} text
 * @param {string} message
 */
export async function copyText(text, message) {
  try {
    await navigator.clipboard.writeText(text);
    showMessage(message);
  } catch {
    window.prompt("Copy this link", text);
  }
}
