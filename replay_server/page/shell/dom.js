/** Creates elements. Text is always set as text: nothing from a file is parsed as markup. */

const SVG = "http://www.w3.org/2000/svg";

/** @typedef {Node|string|null|undefined|false|""} Child nothing, for those that are not there */

/** @typedef {{[Type in keyof HTMLElementEventMap]?: (event: HTMLElementEventMap[Type]) => unknown}} Listeners */

/** @typedef {{class?: string, role?: string, on?: Listeners} & {[name: `${string}-${string}`]: string}} Attributes */

/**
 * Create an element.
 *
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Omit<Partial<HTMLElementTagNameMap[Tag]>, "role"> & Attributes} [properties] properties of the element;
 *   `class`, `role`, and names with `-` become attributes, `on` maps events to listeners
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function element(tag, properties, ...children) {
  const node = document.createElement(tag);
  fill(node, properties ?? {}, children);
  return node;
}

/**
 * The same for SVG. All properties are attributes.
 *
 * @template {keyof SVGElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {{[name: string]: string|number}} attributes
 * @param {...Node} children
 * @returns {SVGElementTagNameMap[Tag]}
 */
export function graphic(tag, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, String(value));
  node.append(...children);
  return node;
}

/**
 * Set the text of an element without child elements, and touch the page only if it changes.
 *
 * @param {Node & ParentNode} node
 * @param {string} text
 */
export function setText(node, text) {
  const { firstChild } = node;
  if (firstChild instanceof Text) {
    if (firstChild.data !== text) firstChild.data = text;
  } else node.replaceChildren(text);
}

/**
 * Run work after the next frame is on the screen.
 *
 * @param {() => void} work
 */
export function afterPaint(work) {
  requestAnimationFrame(() => setTimeout(work));
}

/**
 * @param {HTMLElement} node
 * @param {object} properties
 * @param {Child[]} children
 */
function fill(node, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (name === "on") for (const [type, listener] of Object.entries(value)) node.addEventListener(type, listener);
    else if (name === "class" || name === "role" || name.includes("-")) node.setAttribute(name, value);
    else Object.assign(node, { [name]: value });
  }
  node.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
}
