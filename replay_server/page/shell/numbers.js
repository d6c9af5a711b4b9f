/** Numbers and times as people read them, always with the same number of digits, so that nothing jumps. */

const MINUS = "−";

/**
 * Whether there is a number, and neither NaN nor an infinite one.
 *
 * @param {?number|undefined} value
 * @returns {value is number}
 */
export const isNumber = (value) => Number.isFinite(value);

/**
 * A number with a fixed number of decimals; `—` for nothing and NaN.
 *
 * @param {?number|undefined} value
 */
export function formatNumber(value, decimals = 2) {
  if (value === null || value === undefined || Number.isNaN(value)) return "—";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : `${MINUS}∞`;
  const size = Math.abs(value);
  const text =
    size >= 1e7 || (size > 0 && size < 0.5 * 10 ** -decimals) ? size.toExponential(1) : size.toFixed(decimals);
  return value < 0 && Number(text) !== 0 ? MINUS + text : text;
}

/**
 * The same with a sign in front.
 *
 * @param {?number|undefined} value
 */
export function formatChange(value, decimals = 2) {
  const text = formatNumber(value, decimals);
  return (value ?? 0) > 0 ? `+${text}` : text;
}

/**
 * An integer with thin gaps between thousands.
 *
 * @param {number} value
 */
export function formatCount(value) {
  return Math.round(value)
    .toString()
    .replace(/\B(?=(\d{3})+(?!\d))/g, "\u202f");
}

/**
 * How many of something: `1 episode`, `2 episodes`.
 *
 * @param {number} value
 * @param {string} what
 */
export function formatCountOf(value, what) {
  return `${formatCount(value)} ${value === 1 ? what : `${what}s`}`;
}

/**
 * A moment, seconds since 1970, in the reader's own time zone.
 *
 * @param {?number|undefined} unixSecs
 */
export function formatMoment(unixSecs) {
  if (!unixSecs) return "—";
  return new Date(unixSecs * 1000).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
}
