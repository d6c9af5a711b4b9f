/** Chips: status and reasons of an episode, in words, each with its explanation. */

import { element } from "../shell/dom.js";
import { explain } from "../shell/tips.js";
import { STATUS_WORDS } from "../shell/words.js";
import { fetchWhy } from "../source/api.js";

/** @import { Why } from "../source/api.js" */

/** More reasons of an episode are behind a chip with their number. */
const MOST_REASONS = 3;

/** Explanations that are remembered. */
const MOST_EXPLAINED = 200;

/** @type {Map<string, Promise<Why[]>>} */
const explained = new Map();

/** @param {string} text */
export const chip = (text, kind = "") => element("span", { class: `chip ${kind}` }, text);

/**
 * How the episode ended.
 *
 * @param {string} status
 */
export function statusChip(status) {
  const known = Object.hasOwn(STATUS_WORDS, status)
    ? STATUS_WORDS[/** @type {keyof typeof STATUS_WORDS} */ (status)]
    : { word: status, meaning: "" };
  return explain(chip(known.word, `status-${status}`), known.meaning);
}

/**
 * A reason why the episode was kept; points to its value and threshold.
 *
 * @param {{reason: string, words: string, runId: string, episodeId: number}} why
 * @param {(reason: string) => void} onClick
 */
export function reasonChip({ reason, words, runId, episodeId }, onClick) {
  const node = element(
    "button",
    {
      type: "button",
      class: "chip reason",
      on: {
        click: (event) => {
          event.stopPropagation();
          onClick(reason);
        },
      },
    },
    words,
  );
  return explain(node, async () => `${await explanationOf(reason, runId, episodeId)}Click to see all of them.`);
}

/**
 * The reasons of an episode.
 *
 * @param {import("../source/api.js").EpisodeRow} episode
 * @param {(reason: string) => void} onClick
 */
export function reasonChips({ run_id: runId, episode_id: episodeId, reasons, reason_words: words }, onClick) {
  const rest = words.slice(MOST_REASONS);
  return element(
    "div",
    { class: "chips" },
    ...reasons
      .slice(0, MOST_REASONS)
      .map((reason, number) => reasonChip({ reason, words: words[number], runId, episodeId }, onClick)),
    rest.length > 0 && explain(chip(`+${rest.length}`), rest.join(", ")),
  );
}

/**
 * What the criterion measured, with a line break after it; empty if nobody knows.
 *
 * @param {string} reason
 * @param {string} runId
 * @param {number} episodeId
 */
async function explanationOf(reason, runId, episodeId) {
  const why = await whyOf(runId, episodeId).catch(() => []);
  const found = why.find(({ reasons }) => reasons?.includes(reason));
  return found ? `${found.title}. ${found.text}\n` : "";
}

/**
 * @param {string} runId
 * @param {number} episodeId
 */
function whyOf(runId, episodeId) {
  const key = JSON.stringify([runId, episodeId]);
  const known = explained.get(key);
  if (known) return known;
  const why = fetchWhy(runId, episodeId).then((answer) => answer.why);
  why.catch(() => explained.delete(key));
  if (explained.size >= MOST_EXPLAINED) explained.clear();
  explained.set(key, why);
  return why;
}
