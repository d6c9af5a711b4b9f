/**
 * Markers: the moments of an episode that are worth a look. A meter near empty, an affordance used, an action that the
 * policy was unsure of, the end. Kinds are those of PROTOCOL.md.
 */

/** What each kind is called; `mark` stands on the timeline for readers who don't see colours. */
export const MARKER_KINDS = {
  low_meter: { name: "Meter near empty", mark: "▼" },
  affordance: { name: "Affordance used", mark: "◆" },
  unsure: { name: "Policy unsure", mark: "?" },
  gap: { name: "Steps missing", mark: "╱" },
  end: { name: "End", mark: "■" },
  note: { name: "Note", mark: "✎" },
};

/** Markers of one episode; more would hide each other. */
export const MAX_MARKERS = 500;

/** Kinds that are found in steps, those that matter most first. */
const BY_WEIGHT = ["end", "gap", "low_meter", "affordance", "unsure"];

/** A note is cut to so many letters where it stands beside other things. */
const LONGEST_LABEL = 80;

const LOW_METER = 0.1;

/** The two best allowed Q-values lie closer than this share of the spread of all allowed ones. */
const UNSURE_SHARE = 0.02;

/** Finds the markers of an episode step by step. */
export class MarkerFinder {
  #names;
  #cells;
  #isLow = [];
  #usedCell = null;
  #wasUnsure = false;
  #isUse;

  /** @param {import("../source/outline.js").Outline} outline */
  constructor({ meterNames, actionNames, affordances, schema }) {
    this.#names = meterNames;
    this.#isUse = useTest(schema, actionNames);
    this.#cells = new Map(affordances.map(({ name, cell }) => [cell.join(), name]));
  }

  /**
   * The markers of the next step.
   *
   * @param {import("../decode/chunk.js").Chunk} chunk
   * @param {number} offset of the step within the chunk
   * @param {number} index
   * @returns {{index: number, kind: string, label: string}[]}
   */
  step(chunk, offset, index) {
    const labels = [
      ...this.#lowMeters(chunk.row("meters", offset)),
      ...this.#affordance(chunk, offset),
      ...this.#unsure(chunk.row("q_values", offset), chunk.row("action_masks", offset)),
      ...endOf(chunk, offset),
    ];
    return labels.map(([kind, label]) => ({ index, kind, label }));
  }

  *#lowMeters(meters) {
    for (let meter = 0; meter < (meters?.length ?? 0); meter++) {
      const wasLow = this.#isLow[meter];
      this.#isLow[meter] = meters[meter] < LOW_METER;
      if (this.#isLow[meter] && !wasLow)
        yield ["low_meter", `${this.#names[meter]} at ${Math.round(meters[meter] * 100)}%`];
    }
  }

  *#affordance(chunk, offset) {
    const cell = this.#isUse(chunk, offset) ? chunk.row("position", offset)?.join() : null;
    if (cell !== this.#usedCell && this.#cells.has(cell)) yield ["affordance", `using ${this.#cells.get(cell)}`];
    this.#usedCell = cell;
  }

  *#unsure(qValues, masks) {
    const allowed = qValues
      ? [...qValues].filter((value, action) => Number.isFinite(value) && (!masks || masks[action]))
      : [];
    const wasUnsure = this.#wasUnsure;
    allowed.sort((one, other) => other - one);
    // Of two actions the lesser one is the lowest too, and never lies close to the best.
    this.#wasUnsure = allowed.length > 2 && allowed[0] - allowed[1] < UNSURE_SHARE * (allowed[0] - allowed.at(-1));
    if (this.#wasUnsure && !wasUnsure) yield ["unsure", "two actions valued alike"];
  }
}

/**
 * At most `limit` of the markers, in order. Kinds that matter more go first; one that does not fit keeps the first
 * marker of each of as many equal stretches of the episode as there is room, as the server's do.
 *
 * @param {{index: number, kind: string}[]} markers in order
 * @param {number} limit
 */
export function thinMarkers(markers, limit = MAX_MARKERS) {
  if (markers.length <= limit) return markers;
  const nIndexes = markers.at(-1).index + 1;
  const kept = [];
  for (const kind of BY_WEIGHT) {
    const room = limit - kept.length;
    if (room === 0) break;
    const ofKind = markers.filter((marker) => marker.kind === kind);
    const stretches = new Map();
    for (const marker of ofKind) {
      const stretch = Math.floor((marker.index * room) / nIndexes);
      if (!stretches.has(stretch)) stretches.set(stretch, marker);
    }
    kept.push(...(ofKind.length > room ? stretches.values() : ofKind));
  }
  return kept.sort((one, other) => one.index - other.index);
}

/** How this episode tells that an affordance is used: by progress, by an action's name, or else by standing on it. */
function useTest(schema, actionNames) {
  if (schema.some(({ name }) => name === "interaction_progress"))
    return (chunk, offset) => chunk.scalar("interaction_progress", offset) > 0;
  const uses = new Set(actionNames.flatMap((name, action) => (/^(interact|use)/i.test(name) ? [action] : [])));
  return uses.size ? (chunk, offset) => uses.has(chunk.scalar("action", offset)) : () => true;
}

function endOf(chunk, offset) {
  if (chunk.scalar("terminated", offset)) return [["end", "terminated"]];
  if (chunk.scalar("truncated", offset)) return [["end", "truncated"]];
  return chunk.scalar("done", offset) ? [["end", "done"]] : [];
}

/**
 * Markers of the notes that people wrote on steps, each named by its label or the first line of its text.
 *
 * @param {{step: number, label: string, text: string}[]} notes in the order of their steps
 * @param {import("../source/chunk_table.js").ChunkTable} table
 * @returns {{index: number, kind: "note", label: string}[]}
 */
export function noteMarkers(notes, table) {
  return notes.map(({ step, label, text }) => {
    const [line] = (label || text).split("\n");
    const short = line.length > LONGEST_LABEL ? `${line.slice(0, LONGEST_LABEL - 1)}…` : line;
    return { index: table.indexOf(step), kind: "note", label: short };
  });
}

/**
 * The nearest marker before or behind an index.
 *
 * @param {{index: number}[]} markers in order
 * @param {number} index
 * @param {-1|1} direction
 * @returns {?{index: number}}
 */
export function neighbourMarker(markers, index, direction) {
  const candidates = markers.filter((marker) => (marker.index - index) * direction > 0);
  return (direction > 0 ? candidates[0] : candidates.at(-1)) ?? null;
}
