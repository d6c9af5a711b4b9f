/** How numbers read. `recorder/values/number_format.py` has the same functions; a test compares both. */

import { DECIMALS } from "./looks.js";

const LARGEST = 1e7;
const MINUS = "−";

/**
 * Whether there is a finite number.
 *
 * @param {?number|undefined} value
 * @returns {value is number}
 */
export const isNumber = (value) => Number.isFinite(value);

/**
 * A number with fixed decimals, such as `−0.50`, `1.2e+7` or `∞`; `—` for nothing and NaN.
 *
 * @param {?number|undefined} value
 */
export function formatNumber(value, decimals = DECIMALS.return) {
  if (value === null || value === undefined || Number.isNaN(value)) return "—";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : `${MINUS}∞`;
  const size = Math.abs(value);
  const isTiny = size > 0 && size < 0.5 * 10 ** -decimals;
  const text = size >= LARGEST || isTiny ? size.toExponential(1) : size.toFixed(decimals);
  return value < 0 && Number(text) !== 0 ? MINUS + text : text;
}

/**
 * A number with its sign, such as `+0.500`.
 *
 * @param {?number|undefined} value
 */
export function formatChange(value, decimals = DECIMALS.reward) {
  const text = formatNumber(value, decimals);
  return (value ?? 0) > 0 ? `+${text}` : text;
}

/**
 * A number of unknown kind, such as a component of an observation; an integer has no decimals.
 *
 * @param {number} value
 */
export const formatValue = (value) => formatNumber(value, Number.isInteger(value) ? 0 : DECIMALS.value);

/**
 * A meter's value; in percent if the meter ranges from 0 to 1.
 *
 * @param {?number|undefined} value
 * @param {[low: number, high: number]} range
 */
export function formatMeter(value, [low, high]) {
  if (low === 0 && high === 1 && isNumber(value)) return `${Math.floor(value * 100 + 0.5)}%`;
  return formatNumber(value, DECIMALS.meter);
}

/**
 * The change of a meter's value.
 *
 * @param {number} change
 * @param {[low: number, high: number]} range
 */
export const formatMeterChange = (change, [low, high]) =>
  low === 0 && high === 1 ? `${formatChange(change * 100, 1)}%` : formatChange(change);

/**
 * An integer, such as `12,345`.
 *
 * @param {number} value
 */
export const formatCount = (value) => Math.round(value).toLocaleString("en");

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
 * A moment, seconds since 1970, in the reader's time zone.
 *
 * @param {?number|undefined} unixSecs
 */
export function formatMoment(unixSecs) {
  if (!unixSecs) return "—";
  return new Date(unixSecs * 1000).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
}
