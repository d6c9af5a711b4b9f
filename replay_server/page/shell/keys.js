/** Key bindings of a page. */

/**
 * Keys and what they do. `keys` are values of `KeyboardEvent.key`, letters in lower case, with `Shift+` if it matters.
 * `run` gets the key that was pressed.
 *
 * @typedef {{keys: string[], does: string, run: (key: string) => unknown}} Binding
 */

/** Elements that receive typed text. */
const TYPED_INTO = "input, textarea, select, [contenteditable]";

/** Keys that a focused button or link uses. */
const TAKEN_BY_BUTTONS = new Set([" ", "Enter"]);

/**
 * Bind keys while a page is shown.
 *
 * @param {Binding[]} bindings
 *
 * @returns {function(): void} unbinds them
 */
export function bindKeys(bindings) {
  const byKey = new Map(bindings.flatMap((binding) => binding.keys.map((key) => [key, binding])));
  /** @param {KeyboardEvent} event */
  const listener = (event) => {
    const target = event.target instanceof Element ? event.target : null;
    if (event.isComposing || isShortcut(event) || target?.closest(TYPED_INTO)) return;
    if (document.querySelector("dialog[open]")) return;
    if (TAKEN_BY_BUTTONS.has(event.key) && target?.closest("button, a")) return;
    const key = keysOf(event).find((each) => byKey.has(each));
    if (key === undefined) return;
    event.preventDefault();
    byKey.get(key)?.run(key);
  };
  document.addEventListener("keydown", listener);
  return () => document.removeEventListener("keydown", listener);
}

/**
 * Whether a press belongs to the browser or the system. AltGr and Option do not count if they type a character.
 *
 * @param {KeyboardEvent} press
 */
function isShortcut({ key, ctrlKey, metaKey, altKey }) {
  const isSign = key.length === 1 && !/[\p{L}\p{N}\s]/u.test(key);
  return metaKey || (ctrlKey && !altKey) || (altKey && !isSign); // Windows reports AltGr as Ctrl and Alt
}

/**
 * Keys that a press may match, the likeliest first: what it types, regardless of Caps Lock; then what the same key
 * types on a Latin keyboard, or without Shift in the row of digits.
 *
 * @param {Pick<KeyboardEvent, "key" | "code" | "shiftKey">} event
 * @returns {string[]}
 */
export function keysOf({ key, code, shiftKey }) {
  if (key.startsWith("Arrow")) return [shiftKey ? `Shift+${key}` : key];
  const [, letter] = /^Key([A-Z])$/.exec(code ?? "") ?? [];
  const [, digit] = /^Digit(\d)$/.exec(code ?? "") ?? [];
  const isForeign = letter && /^[^\P{L}a-z]$/iu.test(key);
  const latin = isForeign ? letter.toLowerCase() : "";
  const small = key.length === 1 ? key.toLowerCase() : "";
  return [key, small, latin, shiftKey ? "" : digit].filter((name) => name !== undefined && name !== "");
}

/** @type {{[key: string]: string}} */
const SHOWN = {
  " ": "Space",
  ArrowLeft: "←",
  ArrowRight: "→",
  ArrowUp: "↑",
  ArrowDown: "↓",
  "Shift+ArrowLeft": "Shift ←",
  "Shift+ArrowRight": "Shift →",
  Escape: "Esc",
};

/** @param {string} key */
export const keyName = (key) => SHOWN[key] ?? key;

/**
 * A button's label with its keys, such as `Play (Space)`.
 *
 * @param {string} label
 * @param {string[]} keys
 */
export const withKeys = (label, ...keys) => `${label} (${keys.map(keyName).join(", ")})`;
