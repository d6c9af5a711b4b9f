/** Explanations: a bubble next to what a person points at or focuses. */

import { element } from "./dom.js";

/** @typedef {string | (() => string | Promise<string>)} Explanation a text, or what fetches it when it is needed */

/** Time that the pointer rests before a bubble appears. */
const REST_MILLIS = 150;

/** Distance between bubble, element and window, in CSS pixels. */
const GAP = 8;

/** @type {WeakMap<Element, Explanation>} */
const explanations = new WeakMap();

/** @type {?HTMLElement} */
let bubble = null;
/** @type {?Element} */
let explained = null;
let timer = 0;
let scrollTimer = 0;
/**
 * Where the pointer is; null if it left the page.
 *
 * @type {?{x: number, y: number}}
 */
let pointer = null;

/**
 * Explain an element when a person points at it or focuses it. An empty text explains nothing.
 *
 * @template {Element} Node
 * @param {Node} node
 * @param {Explanation} explanation
 * @returns {Node}
 */
export function explain(node, explanation) {
  if (!bubble) listen();
  explanations.set(node, explanation);
  node.setAttribute("data-tip", "");
  return node;
}

function listen() {
  bubble = element("div", { id: "tip", class: "bubble tip", role: "tooltip", hidden: true });
  document.addEventListener("pointerover", (event) => {
    pointer = { x: event.clientX, y: event.clientY };
    point(event.target, REST_MILLIS);
  });
  document.addEventListener("focusin", (event) => point(event.target, REST_MILLIS));
  document.addEventListener("focusout", hide);
  document.addEventListener("pointerdown", hide);
  document.documentElement.addEventListener("pointerleave", () => (pointer = null));
  document.addEventListener("scroll", scrolled, { capture: true, passive: true });
  document.addEventListener("keydown", (event) => event.key === "Escape" && hide());
}

/**
 * @param {?EventTarget} target
 * @param {number} delay
 */
function point(target, delay) {
  const node = target instanceof Element ? target.closest("[data-tip]") : null;
  if (node === explained) return;
  hide();
  if (!node) return;
  explained = node;
  timer = setTimeout(() => show(node), delay);
}

/** @param {Element} node */
async function show(node) {
  const explanation = explanations.get(node) ?? "";
  const text = typeof explanation === "string" ? explanation : await explanation();
  if (!bubble || explained !== node || !text || !node.isConnected) return;
  bubble.textContent = text;
  bubble.hidden = false;
  (node.closest("dialog") ?? document.body).append(bubble);
  node.setAttribute("aria-describedby", "tip");
  const at = node.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = bubble;
  const left = Math.max(GAP, Math.min(at.left, window.innerWidth - width - GAP));
  const below = at.bottom + GAP;
  const top = below + height > window.innerHeight ? Math.max(GAP, at.top - height - GAP) : below;
  bubble.style.transform = `translate(${left.toFixed(1)}px, ${top.toFixed(1)}px)`;
}

/** What is under the pointer moves while the page scrolls. */
function scrolled() {
  hide();
  clearTimeout(scrollTimer);
  scrollTimer = setTimeout(() => {
    if (pointer) point(document.elementFromPoint(pointer.x, pointer.y), 0);
  }, REST_MILLIS);
}

function hide() {
  clearTimeout(timer);
  explained?.removeAttribute("aria-describedby");
  explained = null;
  if (bubble) bubble.hidden = true;
}
