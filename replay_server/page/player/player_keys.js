/** The player's keys, for the page and the help. */

/** @import { Binding } from "../shell/keys.js" */

/**
 * Actions of the page around the player, if it has them.
 *
 * @typedef {object} PageActions
 * @property {() => void} help
 * @property {() => void} [copyLink]
 * @property {() => void} [annotate]
 * @property {(annotation: import("../source/api.js").Annotation) => void} [editAnnotation]
 * @property {() => void} [openPage]
 * @property {(direction: -1|1) => void} [toEpisode]
 * @property {() => void} [compare]
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
    { keys: [" ", "k"], does: "play or pause", run: () => controls.togglePlay() },
    { keys: ["ArrowLeft"], does: "one step back; 5 seconds back while playing", run: () => controls.arrow(-1) },
    { keys: ["ArrowRight"], does: "one step forward; 5 seconds forward while playing", run: () => controls.arrow(1) },
    { keys: [","], does: "pause and step back", run: () => controls.step(-1) },
    { keys: ["."], does: "pause and step forward", run: () => controls.step(1) },
    { keys: ["Shift+ArrowLeft"], does: "10 % back", run: () => controls.seekShare(-0.1) },
    { keys: ["Shift+ArrowRight"], does: "10 % forward", run: () => controls.seekShare(0.1) },
    { keys: ["j", "<"], does: "slower", run: () => controls.changeSpeed(-1) },
    { keys: ["l", ">"], does: "faster", run: () => controls.changeSpeed(1) },
    {
      keys: [..."0123456789"],
      does: "to 0 % … 90 %",
      run: (key) => controls.seek((Number(key) / 10) * controls.clock.nSteps),
    },
    { keys: ["Home"], does: "go to the start", run: () => controls.seek(0) },
    { keys: ["End"], does: "go to the end; again: go live", run: () => controls.toEnd() },
    { keys: ["[", "b"], does: "previous marker", run: () => controls.toMarker(-1) },
    { keys: ["]", "m"], does: "next marker", run: () => controls.toMarker(1) },
    { keys: ["ArrowUp", "p"], does: "previous episode", run: toEpisode && (() => toEpisode(-1)) },
    { keys: ["ArrowDown", "n"], does: "next episode", run: toEpisode && (() => toEpisode(1)) },
    { keys: ["i"], does: "start the loop here", run: () => controls.loopFrom() },
    { keys: ["o"], does: "end the loop here", run: () => controls.loopTo() },
    { keys: ["\\", "x"], does: "clear the loop", run: () => controls.setLoop(null) },
    { keys: ["s"], does: "skip dull spans", run: () => controls.toggleSkip() },
    { keys: ["a"], does: "annotate this step", run: page.annotate },
    { keys: ["c"], does: "compare with another episode", run: page.compare },
    { keys: ["f"], does: "full screen", run: () => player.toggleFullscreen() },
    { keys: ["?"], does: "this help", run: page.help },
    { keys: ["Escape"], does: "close; go back to the episodes", run: page.leave },
  ];
  return keys.flatMap(({ run, ...key }) => (run ? [{ ...key, run }] : []));
}
