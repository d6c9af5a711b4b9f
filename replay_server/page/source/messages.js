/** Types of the replay server's messages that the page reads; PROTOCOL.md is the specification. */

/**
 * An episode's metadata. Unknown fields are null.
 *
 * @typedef {object} Metadata
 * @property {string} status
 * @property {?number} [total_reward]
 * @property {?number} [extrinsic_reward]
 * @property {?number} [intrinsic_reward]
 * @property {?number} [intrinsic_weight]
 * @property {?number} [curriculum_stage]
 * @property {?number} [epsilon]
 * @property {?number} [lane]
 * @property {?number} [timestamp] seconds since 1970
 * @property {?number} [finished_unix_nanos]
 * @property {?{[name: string]: unknown}} [info] the trainer's free map
 */

/** @typedef {[firstStep: number, nSteps: number, nBytes: number, rewardBefore: number, intrinsicBefore: number]} ChunkRow */

/** @typedef {[firstStep: number, endStep: ?number, reason: string]} GapRow */

/** @typedef {[first: number, end: number]} Span of indexes, or of step numbers */

/**
 * @typedef {object} Overview
 * @property {number} stride steps between samples
 * @property {number[]} index
 * @property {(?number)[]} cumulative_reward
 * @property {(?number)[][]} meters samples of each meter
 * @property {(?number)[][]} agents samples of the return of each of the first agents
 * @property {(?number)[][]} teams and of each team
 */

/**
 * One of several agents.
 *
 * @typedef {object} Agent
 * @property {string} id
 * @property {string} team empty for none
 * @property {number} group of columns, in which it has the place `slot`
 * @property {number} slot
 * @property {string[]} pictures columns of its group that hold pictures, the one to show first
 * @property {number} number of its colour
 * @property {string} sign stands on it
 * @property {Span[]} spans indexes of the steps in which it takes part
 * @property {Span[]} critical the same, in which one of its meters is critical
 * @property {?number} return null if it is NaN or infinite
 * @property {number} n_steps
 * @property {string} outcome
 * @property {string[]} action_names empty where they are those of the episode
 * @property {string[]} action_labels the same for narrow places
 */

/** What has changed of an agent, or all of a new one. @typedef {Partial<Agent> & {id: string}} AgentRow */

/** @typedef {{name: string, number: number}} Team */

/**
 * What new steps have changed.
 *
 * @typedef {object} Growth
 * @property {GapRow[]} gaps
 * @property {import("./outline.js").Marker[]} markers
 * @property {Span[]} dull
 * @property {Span[]} critical
 * @property {AgentRow[]} agents those that have changed, or are new; empty in an episode of one agent
 * @property {Team[]} teams
 * @property {?string} shown_agent the one that is selected first
 * @property {boolean} has_intrinsic
 * @property {{low: number[], high: number[]}} bounds
 * @property {[low: number, high: number][]} meter_ranges
 * @property {boolean[]} meter_levels
 * @property {Overview} overview
 */

/**
 * The part of an outline that the end of a live episode replaces.
 *
 * @typedef {Growth & {
 *   affordances: {[name: string]: number[]},
 *   affordance_numbers: {[name: string]: number},
 *   affordance_kinds: {[name: string]: string},
 *   meter_names: string[],
 *   action_names: string[],
 *   meter_labels: string[],
 *   action_labels: string[],
 *   pictures: string[],
 *   substrate: import("./outline.js").Substrate,
 * }} FinalOutline
 */

/**
 * The whole outline, in a message or in an HTML file.
 *
 * @typedef {FinalOutline & {
 *   run_id: string,
 *   episode_id: number,
 *   live: boolean,
 *   metadata: Metadata,
 *   reasons: string[],
 *   reason_words: string[],
 *   schema: unknown,
 *   chunks: ChunkRow[],
 * }} OutlineMessage
 */

/**
 * @typedef {OutlineMessage & {
 *   type: "opened",
 *   id: number,
 *   next_chunk: number,
 *   content_hash: ?string,
 *   resumed?: boolean,
 *   last_seq?: ?(string | number),
 * }} OpenedMessage
 */

/** @typedef {Growth & {type: "grown", id: number, chunks: ChunkRow[], last_seq?: ?(string | number)}} GrownMessage */

/** @typedef {{type: "ended", id: number, metadata: Metadata, outline?: ?FinalOutline}} EndedMessage */

/** @typedef {{type: "waiting", id: number}} WaitingMessage */

/** @typedef {{type: "behind", id: number, n_episodes: number}} BehindMessage */

/** @typedef {{type: "error", id: number, code: string, message: string}} ErrorMessage */

/** @typedef {OpenedMessage | GrownMessage | EndedMessage | WaitingMessage | BehindMessage | ErrorMessage} StreamMessage */

export {};
