/** Dark and light: the system's choice until the person, or a link, chooses; and the colours for canvases. */

const STORAGE_KEY = "hamlet-theme";

/** @typedef {{[name: string]: string}} Colours */

/**
 * The chosen theme, or null to go by the system.
 *
 * @type {?string}
 */
let chosen = null;

/**
 * Take over a theme from the link, or from the last visit.
 *
 * @param {?string} fromLink
 */
export function startTheme(fromLink) {
  chosen = fromLink !== null && ["dark", "light"].includes(fromLink) ? fromLink : remembered();
  apply();
}

/** `dark` or `light`, as it is shown. */
export function currentTheme() {
  return chosen ?? (matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark");
}

/** The theme to put into a link: null when nobody chose one. */
export function chosenTheme() {
  return chosen;
}

/** Switch to the other theme, and remember it. */
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
 * Call `listener()` when the theme changes; returns a function that stops it.
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
 * The style sheet's colours for canvases, by name without dashes in front: `colours().accent`.
 *
 * @returns {Colours}
 */
export function colours() {
  const style = getComputedStyle(document.documentElement);
  return new Proxy({}, { get: (_, name) => style.getPropertyValue(`--${String(name)}`).trim() });
}

/** Whether the person asked for less movement. */
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
