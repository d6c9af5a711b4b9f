/** How a value of a compared episode differs from the other episode's at the same step, in the value's own row. */

import { element, setText } from "../shell/dom.js";
import { isNumber } from "../shell/numbers.js";

/**
 * Show a difference; nothing if the values are equal, and only the sign in front of the name if one is no number.
 *
 * @param {HTMLElement} row gets the class `differs`
 * @param {HTMLElement} node gets the text
 * @param {[own: ?number|undefined, other: ?number|undefined]} values
 * @param {(difference: number) => string} format
 */
export function showDifference(row, node, [own, other], format) {
  const differs = !Object.is(own ?? null, other ?? null);
  const difference = differs && isNumber(own) && isNumber(other) ? own - other : 0;
  row.classList.toggle("differs", differs);
  setText(node, difference ? format(difference) : "");
  node.dataset.direction = difference > 0 ? "up" : difference < 0 ? "down" : "none";
}

/** The outline of the other episode's bar, for the inside of a value's bar; a view that compares nothing shows none. */
export const otherBar = () => element("span", { class: "bar-other", hidden: true });

/**
 * @param {HTMLElement} outline
 * @param {?[from: number, to: number]} shares of the bar's width, or null if the other episode has no such value
 */
export function placeOtherBar(outline, shares) {
  outline.hidden = shares === null;
  if (!shares) return;
  const [from, to] = shares.map((share) => Math.min(1, Math.max(0, share)));
  outline.style.left = `${100 * Math.min(from, to)}%`;
  outline.style.right = `${100 * (1 - Math.max(from, to))}%`;
}

/**
 * The heading of a panel whose rows show differences.
 *
 * @param {HTMLElement} heading
 * @param {number} episodeId of the other episode
 */
export function nameDifferences(heading, episodeId) {
  heading.querySelector(".against")?.remove();
  heading.append(element("span", { class: "against muted" }, ` ≠ Δ to episode ${episodeId}`));
}
