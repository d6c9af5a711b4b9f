/** Keys: which are bound on a page, and what the help says of them. */

/** Elements in which keys belong to the person's typing. */
const TYPED_INTO = "input, textarea, select, [contenteditable]";

/** Keys that a focused button or link takes for itself. */
const TAKEN_BY_BUTTONS = new Set([" ", "Enter"]);

/**
 * Bind keys while a page is shown.
 *
 * @param {{keys: string[], does: string, run: function(KeyboardEvent): void}[]} bindings `keys` as `KeyboardEvent.key`
 *   has them, with `Shift+` in front where it matters
 * @returns {function(): void} unbinds them
 */
export function bindKeys(bindings) {
  const byKey = new Map(bindings.flatMap((binding) => binding.keys.map((key) => [key, binding])));
  const listener = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.(TYPED_INTO)) return;
    if (document.querySelector("dialog[open]")) return;
    if (TAKEN_BY_BUTTONS.has(event.key) && event.target.closest?.("button, a")) return;
    const key = event.key.startsWith("Arrow") && event.shiftKey ? `Shift+${event.key}` : event.key;
    const binding = byKey.get(key);
    if (!binding) return;
    event.preventDefault();
    binding.run(event);
  };
  document.addEventListener("keydown", listener);
  return () => document.removeEventListener("keydown", listener);
}

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

/** A key as it is printed on keyboards. */
export const keyName = (key) => SHOWN[key] ?? key;
