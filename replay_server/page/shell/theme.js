/** Dark and light theme: the system's unless the person or a link chooses; and the colours for canvases. */

const STORAGE_KEY = "hamlet-theme";

/** @typedef {{[name: string]: string}} Colours */

/**
 * The chosen theme, or null to follow the system.
 *
 * @type {?string}
 */
let chosen = null;

/**
 * Set the theme from the link, or from the last visit.
 *
 * @param {?string} fromLink
 */
export function startTheme(fromLink) {
  chosen = fromLink !== null && ["dark", "light"].includes(fromLink) ? fromLink : remembered();
  apply();
}

/** The current theme, `dark` or `light`. */
export function currentTheme() {
  return chosen ?? (matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark");
}

/** The theme for a link: null if nobody chose one. */
export function chosenTheme() {
  return chosen;
}

/** Switch to the other theme and remember it. */
export function toggleTheme() {
  chosen = currentTheme() === "dark" ? "light" : "dark";
  try {
    localStorage.setItem(STORAGE_KEY, chosen);
  } catch {
    // Storage may be forbidden: then the choice holds for this visit.
  }
  apply();
}

/**
 * Call `listener()` when the theme changes; return a function that removes it.
 *
 * @param {() => void} listener
 */
export function onThemeChange(listener) {
  const system = matchMedia("(prefers-color-scheme: light)");
  document.addEventListener("themechange", listener);
  system.addEventListener("change", listener);
  return () => {
    document.removeEventListener("themechange", listener);
    system.removeEventListener("change", listener);
  };
}

/**
 * The style sheet's colours for canvases, by name without the leading dashes: `colours().accent`.
 *
 * @returns {Colours}
 */
export function colours() {
  const style = getComputedStyle(document.documentElement);
  return new Proxy({}, { get: (_, name) => style.getPropertyValue(`--${String(name)}`).trim() });
}

/** Whether the person prefers reduced motion. */
export function prefersLessMotion() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}

function apply() {
  document.documentElement.dataset.theme = currentTheme();
  document.dispatchEvent(new Event("themechange"));
}

function remembered() {
  try {
    return localStorage.getItem(STORAGE_KEY);
  } catch {
    return null;
  }
}
