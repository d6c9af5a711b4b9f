/** The menu of what can be taken away from an episode: links, code, and files. */

import { copyText } from "./dialogs.js";
import { element } from "./dom.js";
import { icon } from "./icons.js";

/**
 * @typedef {object} Shared
 * @property {string} title
 * @property {number} step number of the current step
 * @property {string} link to this step; path and query, as `loop` and `embed`
 * @property {string} loop plays it again and again
 * @property {string} embed the player alone
 * @property {?string} picture of this step
 * @property {string} html the player with the episode
 * @property {string} table
 * @property {string} arrays for numpy
 * @property {string} file the recording
 */

/** Size of the frame in the embed code, in CSS pixels. */
const FRAME = { width: 640, height: 420 };

/** @param {Shared} shared */
export function showShareMenu({ title, step, link, loop, embed, picture, html, table, arrays, file }) {
  const whole = (/** @type {string} */ place) => new URL(place, location.href).href;
  const code = `<iframe width="${FRAME.width}" height="${FRAME.height}" src="${whole(embed).replaceAll("&", "&amp;")}"></iframe>`;
  const close = element(
    "button",
    { type: "button", class: "button icon-button", "aria-label": "Close" },
    icon("close"),
  );
  /** @type {HTMLDialogElement} */
  const dialog = element(
    "dialog",
    { class: "share", "aria-label": title, on: { close: () => dialog.remove() } },
    element("header", {}, element("h2", {}, title), close),
    element(
      "ul",
      {},
      copy(`Copy link to step ${step}`, whole(link), `Link to step ${step} copied`),
      copy("Copy link that loops", whole(loop), "Link that loops copied"),
      copy("Copy embed code", code, "Embed code copied"),
      picture !== null && save("Picture of this step (PNG)", picture, `step-${step}.png`),
      save("Player in one HTML file", html),
      save("Steps as a table (CSV)", table),
      save("Steps as arrays (npz)", arrays),
      save("Recording", file),
    ),
  );
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  document.body.append(dialog);
  dialog.showModal();

  /**
   * @param {string} label
   * @param {string} text
   * @param {string} message
   */
  function copy(label, text, message) {
    const press = () => {
      dialog.close();
      copyText(text, message);
    };
    return element("li", {}, element("button", { type: "button", class: "button", on: { click: press } }, label));
  }

  /**
   * @param {string} label
   * @param {string} address
   */
  function save(label, address, name = "") {
    const press = () => dialog.close();
    return element(
      "li",
      {},
      element("a", { class: "button", href: address, download: name, on: { click: press } }, label),
    );
  }
}
