/** Dialogs, such as the help, and short messages at the bottom of the page. */

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
  openDialog("help", "Keyboard", element("dl", {}, ...rows)).setAttribute("aria-label", "Keyboard help");
}

/**
 * Show a dialog with a title and a button to close it; a press beside it closes it too. Closed, it is gone.
 *
 * @param {string} className
 * @param {string} title
 * @param {...HTMLElement} content
 */
export function openDialog(className, title, ...content) {
  const press = () => dialog.close();
  const close = element(
    "button",
    { type: "button", class: "button icon-button", "aria-label": "Close", on: { click: press } },
    icon("close"),
  );
  /** @type {HTMLDialogElement} */
  const dialog = element(
    "dialog",
    { class: className, "aria-label": title, on: { close: () => dialog.remove() } },
    element("header", {}, element("h2", {}, title), close),
    ...content,
  );
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
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
