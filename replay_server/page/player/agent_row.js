/** Reads one of several agents from the columns that it shares with others; `FORMAT.md` describes them. */

/** @import { Chunk } from "../decode/chunk.js" */
/** @import { ColumnSpec, Numbers } from "../decode/columns.js" */
/** @import { EpisodeStore } from "../source/episode_store.js" */
/** @import { Agent } from "../source/messages.js" */
/** @import { Outline } from "../source/outline.js" */

/** Columns of agents; the views show them by agent. */
export const AGENTS_PREFIX = "extras.agents.";

/** Texts of agents, each in a column for itself. */
const TEXTS_PREFIX = `${AGENTS_PREFIX}texts.`;

/**
 * @param {Agent} agent
 * @param {string} field such as `position`
 */
const columnOf = ({ group }, field) => `${AGENTS_PREFIX}${group}.${field}`;

/**
 * The numbers of one step of an agent, as a view; null if there are none.
 *
 * @param {Chunk} chunk
 * @param {Agent} agent
 * @param {string} field
 * @param {number} offset
 */
export function agentRow(chunk, agent, field, offset) {
  const name = columnOf(agent, field);
  const shape = chunk.column(name)?.shape;
  return shape ? placeOf(agent, shape, chunk.row(name, offset)) : null;
}

/**
 * The numbers of an agent among those of its group; null if it has none.
 *
 * @param {Agent} agent
 * @param {number[]} shape of the group's column
 * @param {?Numbers} row
 */
export function placeOf({ slot }, [nSlots], row) {
  if (!row || !(slot < nSlots)) return null;
  const width = row.length / nSlots;
  return row.subarray(slot * width, (slot + 1) * width);
}

/**
 * Whether people read a text column: any but the table of agents.
 *
 * @param {string} name of the column
 */
export const isForPeople = (name) => !name.startsWith(AGENTS_PREFIX) || name.startsWith(TEXTS_PREFIX);

/**
 * What a text column is called, such as `mission`, or `alice: says` for one of an agent.
 *
 * @param {string} name of the column
 * @param {Agent[]} agents
 */
export function textTitle(name, agents) {
  if (!name.startsWith(TEXTS_PREFIX)) return name.slice("extras.".length);
  const [group, slot, ...extra] = name.slice(TEXTS_PREFIX.length).split(".");
  const agent = agents.find((it) => it.group === Number(group) && it.slot === Number(slot));
  return `${agent?.id ?? "agent"}: ${extra.join(".")}`;
}

/**
 * Whether an agent takes part in a step.
 *
 * @param {Chunk} chunk
 * @param {Agent} agent
 * @param {number} offset
 */
export function isPresent(chunk, agent, offset) {
  return Boolean(agentRow(chunk, agent, "present", offset)?.[0]);
}

/**
 * The fields of an agent that are recorded: names and shapes as in an episode that has no other, and where they are.
 *
 * @param {Pick<ColumnSpec, "name" | "shape" | "nValues">[]} columns
 * @param {Agent} agent
 * @returns {{name: string, shape: number[], nValues: number, source: string, first: number}[]}
 */
export function fieldsOf(columns, agent) {
  const prefix = columnOf(agent, "");
  return columns
    .filter(({ name, shape }) => name.startsWith(prefix) && shape.length > 0 && agent.slot < shape[0])
    .map(({ name, shape: [nSlots, ...shape], nValues }) => ({
      name: name.slice(prefix.length),
      shape,
      nValues: nValues / nSlots,
      source: name,
      first: (agent.slot * nValues) / nSlots,
    }));
}

/**
 * The return of an agent up to and including a step: a sample of the outline, and the rewards between it and the step.
 *
 * @param {EpisodeStore} store
 * @param {Agent} agent
 * @param {number} index
 * @returns {?number} null if nobody knows
 */
export function agentReturn(store, agent, index) {
  const { opened, table } = store;
  const { index: samples, agents: curves } = opened.overview;
  const curve = curves[opened.agents.indexOf(agent)];
  const chunk = store.chunkAt(index);
  if (!curve || !chunk) return null;
  const { firstIndex } = table.chunks[table.positionOf(index)];
  const after = samples.findIndex((sample) => sample >= index);
  const weight = opened.metadata.intrinsic_weight ?? 0;
  const earned = (/** @type {number} */ from, /** @type {number} */ to) => {
    let sum = 0;
    for (let offset = from - firstIndex; offset <= to - firstIndex; offset++)
      for (const [field, factor] of /** @type {[string, number][]} */ ([
        ["reward", 1],
        ["intrinsic_reward", weight],
      ])) {
        const value = factor && isPresent(chunk, agent, offset) ? (agentRow(chunk, agent, field, offset)?.[0] ?? 0) : 0;
        sum += Number.isFinite(value) ? factor * value : 0;
      }
    return sum;
  };
  const before = after < 0 ? samples.length - 1 : samples[after] === index ? after : after - 1;
  if (before >= 0 && samples[before] >= firstIndex - 1)
    return (curve[before] ?? 0) + earned(samples[before] + 1, index);
  if (after >= 0 && samples[after] < firstIndex + chunk.nSteps)
    return (curve[after] ?? 0) - earned(index + 1, samples[after]);
  return null;
}

/**
 * What the actions of the selected agent are called, and the same for narrow places.
 *
 * @param {Pick<Outline, "actionNames" | "actionLabels">} outline
 * @param {?Agent} agent
 */
export function actionsOf({ actionNames, actionLabels }, agent) {
  return agent?.action_names.length
    ? { names: agent.action_names, labels: agent.action_labels }
    : { names: actionNames, labels: actionLabels };
}
