/** Building elements. Text is always set as text: nothing that comes from a file is ever read as markup. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * Make an element.
 *
 * @param {string} tag
 * @param {object} [properties] properties of the element; `class`, `role`, and names with `-` become attributes, `on`
 *   maps events to listeners
 * @param {...(Node|string|null|undefined|false)} children
 */
export function element(tag, properties = {}, ...children) {
  return fill(document.createElement(tag), properties, children);
}

/** The same for a graphic. All its properties are attributes. */
export function graphic(tag, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children.filter(Boolean));
  return node;
}

/** Set the text of an element that holds nothing else, touching the page only when it changes. */
export function setText(node, text) {
  const { firstChild } = node;
  if (!firstChild) node.append(text);
  else if (firstChild.data !== text) firstChild.data = text;
}

/** Do what can wait until the next frame is on the screen. */
export function afterPaint(work) {
  requestAnimationFrame(() => setTimeout(work));
}

function fill(node, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (name === "on") for (const [type, listener] of Object.entries(value)) node.addEventListener(type, listener);
    else if (name === "class" || name === "role" || name === "for" || name.includes("-"))
      node.setAttribute(name, value);
    else node[name] = value;
  }
  node.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}
