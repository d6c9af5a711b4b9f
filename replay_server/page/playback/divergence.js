/** Finds the first step at which two episodes differ. */

/** Compared columns and their names for people. */
const COMPARED = [
  ["action", "action"],
  ["position", "position"],
  ["reward", "reward"],
  ["done", "end"],
];

const AGENT_FIELD = /^extras\.agents\.\d+\.(.+)$/;

/**
 * Compare the same steps of two chunks.
 *
 * @param {import("../decode/chunk.js").Chunk} one
 * @param {import("../decode/chunk.js").Chunk} other
 * @param {number} firstStep first step number to compare
 * @param {number} endStep step number after the last one; both chunks have all of them
 * @returns {?{step: number, what: string}} null if they are equal
 */
export function divergenceIn(one, other, firstStep, endStep) {
  const compared = [...COMPARED, ...agentColumns(one, other)];
  for (let step = firstStep; step < endStep; step++) {
    for (const [column, what] of compared) {
      if (!areEqual(one.row(column, step - one.firstStep), other.row(column, step - other.firstStep)))
        return { step, what };
    }
  }
  return null;
}

/**
 * Find the first step at which two episodes differ. Steps that one of them lacks are skipped, unless it ended before
 * them.
 *
 * @param {import("../source/episode_store.js").EpisodeStore} one
 * @param {import("../source/episode_store.js").EpisodeStore} other
 * @returns {Promise<?{step: number, what: string}>} null if they are equal
 */
export async function firstDivergence(one, other) {
  const end = Math.min(one.table.endStep, other.table.endStep);
  let step = 0;
  while (step < end) {
    const [a, b] = await Promise.all([one, other].map((store) => store.load(store.table.indexOf(step))));
    const first = Math.max(step, a.firstStep, b.firstStep);
    const last = Math.min(a.endStep, b.endStep);
    const found = first < last ? divergenceIn(a, b, first, last) : null;
    if (found) return found;
    step = Math.max(last, first, step + 1);
  }
  return one.table.endStep === other.table.endStep ? null : { step: end, what: "length" };
}

/**
 * The same columns of several agents.
 *
 * @param {...import("../decode/chunk.js").Chunk} chunks
 */
function agentColumns(...chunks) {
  const names = [...new Set(chunks.flatMap((chunk) => chunk.names))].sort();
  return names.flatMap((name) => {
    const field = AGENT_FIELD.exec(name)?.[1];
    return COMPARED.filter(([column]) => column === field).map(([, what]) => [name, what]);
  });
}

/**
 * @param {?ArrayLike<number>} one
 * @param {?ArrayLike<number>} other
 */
function areEqual(one, other) {
  if (one === null || other === null || one.length !== other.length) return one === other;
  for (let index = 0; index < one.length; index++) if (!Object.is(one[index], other[index])) return false;
  return true;
}
