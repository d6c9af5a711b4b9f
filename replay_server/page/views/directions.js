/** The direction of an action, from its name or its effect. */

/** @type {Map<string, [number, number]>} */
const BY_NAME = new Map(
  Object.entries({
    up: [0, -1],
    north: [0, -1],
    forward: [0, -1],
    "↑": [0, -1],
    down: [0, 1],
    south: [0, 1],
    backward: [0, 1],
    "↓": [0, 1],
    left: [-1, 0],
    west: [-1, 0],
    "←": [-1, 0],
    right: [1, 0],
    east: [1, 0],
    "→": [1, 0],
  }),
);

const ARROWS = new Map([
  ["0,-1", "↑"],
  ["0,1", "↓"],
  ["-1,0", "←"],
  ["1,0", "→"],
]);

/**
 * The direction of a move.
 *
 * @param {string|undefined} actionName
 * @param {?ArrayLike<number>|undefined} from position before the action
 * @param {?ArrayLike<number>} to position after it
 * @returns {?[number, number]} null if nothing moved
 */
export function directionOf(actionName, from, to) {
  if (from && to && from.length === to.length) {
    const across = to[0] - from[0];
    const down = to.length > 1 ? to[1] - from[1] : 0;
    if (across || down) return [across, down];
  }
  return namedDirection(actionName);
}

/** @param {?string|undefined} actionName */
export function arrowOf(actionName) {
  return ARROWS.get(String(namedDirection(actionName))) ?? "";
}

/** @param {?string|undefined} actionName */
function namedDirection(actionName) {
  const word = String(actionName ?? "")
    .toLowerCase()
    .replace(/^(move|go)[_ -]?/, "");
  return BY_NAME.get(word) ?? null;
}
