/** The player's keys: what each does, for the page and for the help. */

/** @import { Binding } from "../shell/keys.js" */

/**
 * What the player leaves to the page around it, as far as that page has it.
 *
 * @typedef {object} PageActions
 * @property {() => void} help
 * @property {() => void} [copyLink]
 * @property {() => void} [writeNote]
 * @property {(note: import("../source/api.js").Note) => void} [editNote]
 * @property {() => void} [openPage]
 * @property {(direction: -1|1) => void} [toEpisode]
 * @property {() => void} [compare]
 * @property {() => void} [leave]
 */

/**
 * @param {import("./player.js").Player} player
 * @param {PageActions} page keys of what it lacks do nothing
 * @returns {Binding[]}
 */
export function playerKeys(player, page) {
  const { controls } = player;
  const { toEpisode } = page;
  /** @type {(Omit<Binding, "run"> & {run?: Binding["run"]})[]} */
  const keys = [
    { keys: [" ", "k"], does: "play or pause", run: () => controls.togglePlay() },
    { keys: ["ArrowLeft"], does: "one step back; 5 seconds while playing", run: () => controls.arrow(-1) },
    { keys: ["ArrowRight"], does: "one step on; 5 seconds while playing", run: () => controls.arrow(1) },
    { keys: [","], does: "pause, one step back", run: () => controls.step(-1) },
    { keys: ["."], does: "pause, one step on", run: () => controls.step(1) },
    { keys: ["Shift+ArrowLeft"], does: "a tenth of the episode back", run: () => controls.seekShare(-0.1) },
    { keys: ["Shift+ArrowRight"], does: "a tenth of the episode on", run: () => controls.seekShare(0.1) },
    { keys: ["j", "<"], does: "slower", run: () => controls.changeSpeed(-1) },
    { keys: ["l", ">"], does: "faster", run: () => controls.changeSpeed(1) },
    {
      keys: [..."0123456789"],
      does: "to 0 % … 90 %",
      run: (key) => controls.seek((Number(key) / 10) * controls.clock.nSteps),
    },
    { keys: ["Home"], does: "to the start", run: () => controls.seek(0) },
    { keys: ["End"], does: "to the end; once more: go live", run: () => controls.toEnd() },
    { keys: ["[", "b"], does: "previous marker", run: () => controls.toMarker(-1) },
    { keys: ["]", "m"], does: "next marker", run: () => controls.toMarker(1) },
    { keys: ["ArrowUp", "p"], does: "previous episode", run: toEpisode && (() => toEpisode(-1)) },
    { keys: ["ArrowDown", "n"], does: "next episode", run: toEpisode && (() => toEpisode(1)) },
    { keys: ["i"], does: "loop from here", run: () => controls.loopFrom() },
    { keys: ["o"], does: "loop to here", run: () => controls.loopTo() },
    { keys: ["\\", "x"], does: "no loop", run: () => controls.setLoop(null) },
    { keys: ["s"], does: "skip dull stretches", run: () => controls.toggleSkip() },
    { keys: ["a"], does: "write a note at this step", run: page.writeNote },
    { keys: ["c"], does: "compare with another episode", run: page.compare },
    { keys: ["f"], does: "full screen", run: () => player.toggleFullscreen() },
    { keys: ["?"], does: "this help", run: page.help },
    { keys: ["Escape"], does: "close; back to the episodes", run: page.leave },
  ];
  return keys.flatMap(({ run, ...key }) => (run ? [{ ...key, run }] : []));
}
