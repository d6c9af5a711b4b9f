/** What the timeline shows of several agents: when each takes part, and the return of each, or of each team. */

import { agentColour } from "./agent_marks.js";
import { ranked } from "./agents_view.js";

/** @import { Colours } from "../shell/theme.js" */
/** @import { Agent } from "../source/messages.js" */
/** @import { Outline } from "../source/outline.js" */

/** Height of an agent's bar with its margin, in CSS pixels; of more agents, the bars are thinner, down to those of `MOST_BARS`. */
const BAR_HEIGHT = 7;
const MOST_HEIGHT = 56;
const MOST_BARS = 28;
const MARGIN = 3;

/** Of more agents, only the selected one has a curve beside those of the teams. */
const MOST_CURVES = 6;

/** @typedef {{name: string, number: number, returns: (?number)[], isSelected: boolean}} AgentCurve */

/**
 * The room that the bars of presence need.
 *
 * @param {Pick<Outline, "agents">} outline
 */
export function presenceHeight({ agents }) {
  return agents.length ? Math.min(MOST_HEIGHT, agents.length * BAR_HEIGHT) + 2 * MARGIN : 0;
}

/**
 * The style sheet's colour of the episode's return: none that an agent has.
 *
 * @param {Pick<Outline, "agents">} outline
 */
export const totalColour = ({ agents }) => (agents.length ? "muted" : "reward");

/**
 * Draw a bar for each agent, or of many for those with the highest returns, where it takes part.
 *
 * @param {CanvasRenderingContext2D} pen
 * @param {{outline: Outline, selected: ?Agent, xOfIndex: (index: number) => number, top: number, colour: Colours}} shown
 */
export function drawPresence(pen, { outline, selected, xOfIndex, top, colour }) {
  const { table } = outline;
  const agents = ranked(outline.agents, MOST_BARS, selected);
  if (!agents.length) return;
  const height = (presenceHeight(outline) - 2 * MARGIN) / agents.length;
  const last = Math.max(0, table.nSteps - 1);
  agents.forEach((agent, row) => {
    const isSelected = agent.id === selected?.id;
    const thickness = Math.max(1, height - (isSelected ? 1 : 3));
    pen.fillStyle = colour[agentColour(agent.number)];
    pen.globalAlpha = isSelected ? 1 : 0.6;
    for (const [from, to] of agent.spans) {
      const x = xOfIndex(from);
      const end = xOfIndex(Math.min(to, last));
      pen.fillRect(x, top + MARGIN + row * height + (height - thickness) / 2, Math.max(2, end - x), thickness);
    }
  });
  pen.globalAlpha = 1;
}

/**
 * The curves to draw: of each team if there are some, otherwise of each agent; and that of the selected one.
 *
 * @param {Outline} outline
 * @param {?Agent} selected
 * @returns {AgentCurve[]}
 */
export function agentCurves({ agents, teams, overview }, selected) {
  const ofTeams = teams
    .map(({ name, number }, at) => ({ name, number, returns: overview.teams[at], isSelected: false }))
    .filter(({ returns }) => returns);
  const ofAgents = agents
    .map(({ id, number }, at) => ({ name: id, number, returns: overview.agents[at], isSelected: id === selected?.id }))
    .filter(({ returns }) => returns);
  const isFew = agents.length <= MOST_CURVES && !ofTeams.length;
  return [...ofTeams.slice(0, MOST_CURVES), ...ofAgents.filter(({ isSelected }) => isFew || isSelected)];
}
