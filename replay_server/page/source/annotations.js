/** The annotations of an episode: read and changed. */

import { change, episodePath, get } from "./rest.js";

/**
 * An annotation on a step.
 *
 * @typedef {object} Annotation
 * @property {number} annotation_id
 * @property {number} step
 * @property {?number} end_step
 * @property {?string} label
 * @property {string} text
 * @property {?string} author
 */

/**
 * Get the annotations of an episode, in the order of their steps.
 *
 * @param {string} runId
 * @param {number} episodeId
 * @returns {Promise<Annotation[]>}
 */
export const fetchAnnotations = async (runId, episodeId) => (await get(annotationsPath(runId, episodeId))).annotations;

/**
 * Add an annotation to a step.
 *
 * @param {string} runId
 * @param {number} episodeId
 * @param {{step: number, text: string}} annotation
 */
export const addAnnotation = (runId, episodeId, annotation) =>
  change("POST", annotationsPath(runId, episodeId), annotation);

/**
 * Change an annotation.
 *
 * @param {string} runId
 * @param {number} episodeId
 * @param {number} annotationId
 * @param {{text: string}} annotation
 */
export const changeAnnotation = (runId, episodeId, annotationId, annotation) =>
  change("PATCH", `${annotationsPath(runId, episodeId)}/${annotationId}`, annotation);

/**
 * Delete an annotation.
 *
 * @param {string} runId
 * @param {number} episodeId
 * @param {number} annotationId
 */
export const removeAnnotation = (runId, episodeId, annotationId) =>
  change("DELETE", `${annotationsPath(runId, episodeId)}/${annotationId}`);

/**
 * @param {string} runId
 * @param {number} episodeId
 */
const annotationsPath = (runId, episodeId) => `${episodePath(runId, episodeId)}/annotations`;
