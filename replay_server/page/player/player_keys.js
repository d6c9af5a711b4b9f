/** The player's keys, for the page and the help. */

import { KEYS } from "../playback/keys.js";

/** @import { Binding } from "../shell/keys.js" */

/**
 * Actions of the page around the player, if it has them.
 *
 * @typedef {object} PageActions
 * @property {() => void} help
 * @property {() => void} [copyLink]
 * @property {() => void} [annotate]
 * @property {(annotation: import("../source/annotations.js").Annotation) => void} [editAnnotation]
 * @property {() => void} [openPage]
 * @property {(direction: -1|1) => void} [toEpisode]
 * @property {() => void} [compare]
 * @property {() => void} [compareWithBest]
 * @property {() => void} [toWall]
 * @property {() => void} [leave]
 */

/**
 * @param {import("./player.js").Player} player
 * @param {PageActions} page keys of missing actions do nothing
 * @returns {Binding[]}
 */
export function playerKeys(player, page) {
  const { controls } = player;
  const { toEpisode } = page;
  /** @type {(Omit<Binding, "run"> & {run?: Binding["run"]})[]} */
  const keys = [
    { keys: KEYS.play, does: "play or pause", run: () => controls.togglePlay() },
    { keys: KEYS.arrowBack, does: "one step back; 5 seconds back while playing", run: () => controls.arrow(-1) },
    {
      keys: KEYS.arrowForward,
      does: "one step forward; 5 seconds forward while playing",
      run: () => controls.arrow(1),
    },
    { keys: KEYS.back, does: "pause and step back", run: () => controls.step(-1) },
    { keys: KEYS.forward, does: "pause and step forward", run: () => controls.step(1) },
    { keys: KEYS.shareBack, does: "10% back", run: () => controls.seekShare(-0.1) },
    { keys: KEYS.shareForward, does: "10% forward", run: () => controls.seekShare(0.1) },
    { keys: KEYS.slower, does: "slower", run: () => controls.changeSpeed(-1) },
    { keys: KEYS.faster, does: "faster", run: () => controls.changeSpeed(1) },
    {
      keys: KEYS.share,
      does: "go to 0% … 90%",
      run: (key) => controls.seek((Number(key) / 10) * controls.clock.nSteps),
    },
    { keys: KEYS.start, does: "go to the start", run: () => controls.seek(0) },
    { keys: KEYS.end, does: "go to the end; again: go live", run: () => controls.toEnd() },
    { keys: KEYS.previousMarker, does: "previous marker", run: () => controls.toMarker(-1) },
    { keys: KEYS.nextMarker, does: "next marker", run: () => controls.toMarker(1) },
    {
      keys: KEYS.previousAgent,
      does: "of several agents the previous one; else the previous marker",
      run: () => player.toAgent(-1),
    },
    {
      keys: KEYS.nextAgent,
      does: "of several agents the next one; else the next marker",
      run: () => player.toAgent(1),
    },
    { keys: KEYS.previousEpisode, does: "previous episode", run: toEpisode && (() => toEpisode(-1)) },
    { keys: KEYS.nextEpisode, does: "next episode", run: toEpisode && (() => toEpisode(1)) },
    { keys: KEYS.zoomIn, does: "zoom the timeline in", run: () => player.timeline.zoom(1) },
    { keys: KEYS.zoomOut, does: "zoom the timeline out", run: () => player.timeline.zoom(-1) },
    { keys: KEYS.loopFrom, does: "start the loop here", run: () => controls.loopFrom() },
    { keys: KEYS.loopTo, does: "end the loop here", run: () => controls.loopTo() },
    { keys: KEYS.clearLoop, does: "clear the loop", run: () => controls.setLoop(null) },
    { keys: KEYS.skip, does: "skip dull spans", run: () => controls.toggleSkip() },
    { keys: KEYS.annotate, does: "annotate this step", run: page.annotate },
    { keys: KEYS.compare, does: "compare with another episode", run: page.compare },
    { keys: KEYS.wall, does: "watch all lanes of a live run", run: page.toWall },
    { keys: KEYS.fullscreen, does: "full screen", run: () => player.toggleFullscreen() },
    { keys: KEYS.help, does: "this help", run: page.help },
    { keys: KEYS.leave, does: "close; go back to the episodes", run: page.leave },
  ];
  return keys.flatMap(({ run, ...key }) => (run ? [{ ...key, run }] : []));
}
