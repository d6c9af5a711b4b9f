/** The player's keys, by what they do. The bindings, the help and the labels of buttons read them here. */

/**
 * Keys as in `Binding`; the first one is shown on a button.
 *
 * @satisfies {{[action: string]: readonly string[]}}
 */
export const KEYS = {
  play: [" ", "k"],
  arrowBack: ["ArrowLeft"],
  arrowForward: ["ArrowRight"],
  back: [","],
  forward: ["."],
  shareBack: ["Shift+ArrowLeft"],
  shareForward: ["Shift+ArrowRight"],
  slower: ["j", "<"],
  faster: ["l", ">"],
  share: [..."0123456789"],
  start: ["Home"],
  end: ["End"],
  previousMarker: ["b"],
  nextMarker: ["m"],
  previousAgent: ["["],
  nextAgent: ["]"],
  previousEpisode: ["ArrowUp", "p"],
  nextEpisode: ["ArrowDown", "n"],
  zoomIn: ["+", "="],
  zoomOut: ["-"],
  loopFrom: ["i"],
  loopTo: ["o"],
  clearLoop: ["\\", "x"],
  skip: ["s"],
  annotate: ["a"],
  compare: ["c"],
  wall: ["w"],
  fullscreen: ["f"],
  help: ["?"],
  leave: ["Escape"],
};
