/** Names that people gave: a long one is cut in its middle, because names of runs often differ at their ends. */

import { element } from "./dom.js";

/** Characters at the end that stay visible. */
const TAIL = 10;

/**
 * A name on one line. Its whole text stays in the page for searching, copying and screen readers.
 *
 * @param {string} name
 */
export function cutName(name) {
  if (name.length <= 2 * TAIL) return element("span", { class: "name" }, name);
  return element(
    "span",
    { class: "name cut-name", title: name },
    element("span", { class: "name-head" }, name.slice(0, -TAIL)),
    element("span", { class: "name-tail" }, name.slice(-TAIL)),
  );
}
