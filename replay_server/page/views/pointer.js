/** Pointer events on an element that can be dragged along, and its bubble. */

/**
 * @typedef {object} PointerListener
 * @property {() => boolean} isReady whether there is anything to point at
 * @property {(event: PointerEvent) => void} begin a drag begins with a press of the main button
 * @property {(event: PointerEvent, isDragging: boolean) => void} move
 * @property {(event: PointerEvent) => void} end the button was released
 * @property {() => void} [cancel] the system took the pointer away: discard the drag
 * @property {() => void} leave
 */

/**
 * Listen to a pointer on an element. A drag continues outside it.
 *
 * @param {HTMLElement} node
 * @param {PointerListener} on
 */
export function watchPointer(node, on) {
  let isDragging = false;
  /** @param {() => void} [rest] */
  const stop = (rest) => {
    if (isDragging) {
      isDragging = false;
      rest?.();
    }
  };
  node.addEventListener("pointerdown", (event) => {
    if (event.button > 0 || !on.isReady()) return;
    node.setPointerCapture(event.pointerId);
    isDragging = true;
    on.begin(event);
  });
  node.addEventListener("pointermove", (event) => {
    if (on.isReady()) on.move(event, isDragging);
  });
  node.addEventListener("pointerup", (event) => stop(() => on.end(event)));
  node.addEventListener("pointercancel", () => stop(on.cancel));
  node.addEventListener("pointerleave", () => on.leave());
}

/**
 * Place a bubble at the pointer, within the element.
 *
 * @param {HTMLElement} bubble
 * @param {Element} node
 * @param {MouseEvent} event
 * @param {string} y vertical offset as a CSS length
 */
export function placeBubble(bubble, node, event, y = "0") {
  const { left, width } = node.getBoundingClientRect();
  const x = event.clientX - left - bubble.offsetWidth / 2;
  const held = Math.min(Math.max(x, 0), Math.max(0, width - bubble.offsetWidth));
  bubble.style.transform = `translate(${held.toFixed(1)}px, ${y})`;
}
