/** The measures of an episode: those that every run has, and the numbers that a trainer put into the episodes' info. */

import { MEASURES, METRIC, METRIC_PREFIX } from "./words.js";

/** @typedef {typeof MEASURES["return"]} Measure */

/** @param {string} name */
export const isMeasure = (name) => Object.hasOwn(MEASURES, name) || name.startsWith(METRIC_PREFIX);

/**
 * @param {string} name
 * @returns {Measure}
 */
export function measureOf(name) {
  if (Object.hasOwn(MEASURES, name)) return MEASURES[/** @type {keyof typeof MEASURES} */ (name)];
  const metric = name.slice(METRIC_PREFIX.length);
  return { ...METRIC, title: metric.replaceAll("_", " "), metric };
}
