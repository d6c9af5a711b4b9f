/** Written by replay_server/page_looks.py from recorder/outline/looks.py: change that. */

/** Shares of a meter's range below which it is low, or critical. */
export const LEVEL_SHARES = {
  low: 0.25,
  critical: 0.1,
};

/** What each kind of marker is called; `sign` tells it apart without colour. */
export const MARKER_WORDS = {
  low_meter: {"name": "Meter near empty", "sign": "▼"},
  affordance: {"name": "Affordance used", "sign": "◆"},
  unsure: {"name": "Policy unsure", "sign": "?"},
  best_reward: {"name": "Greatest reward", "sign": "★"},
  gap: {"name": "Steps missing", "sign": "╱"},
  end: {"name": "End", "sign": "■"},
  note: {"name": "Note", "sign": "✎"},
};

/** Colours that the style sheet has for affordances. */
export const N_AFFORDANCE_COLOURS = 12;

/** Corners of the marks of affordances, within the unit circle, y down. */
export const AFFORDANCE_SHAPES = [
  [[0.7071, -0.7071], [0.7071, 0.7071], [-0.7071, 0.7071], [-0.7071, -0.7071]],
  [[0.0, -1.0], [0.866, 0.5], [-0.866, 0.5]],
  [[0.0, -1.0], [1.0, -0.0], [0.0, 1.0], [-1.0, 0.0]],
  [[0.0, -1.0], [0.866, -0.5], [0.866, 0.5], [0.0, 1.0], [-0.866, 0.5], [-0.866, -0.5]],
  [[0.0, -1.0], [0.2939, -0.4045], [0.9511, -0.309], [0.4755, 0.1545], [0.5878, 0.809], [0.0, 0.5], [-0.5878, 0.809], [-0.4755, 0.1545], [-0.9511, -0.309], [-0.2939, -0.4045]],
  [[0.3827, -0.9239], [0.9239, -0.3827], [0.9239, 0.3827], [0.3827, 0.9239], [-0.3827, 0.9239], [-0.9239, 0.3827], [-0.9239, -0.3827], [-0.3827, -0.9239]],
  [[0.0, -1.0], [0.9511, -0.309], [0.5878, 0.809], [-0.5878, 0.809], [-0.9511, -0.309]],
  [[0.0, -1.0], [0.297, -0.297], [1.0, -0.0], [0.297, 0.297], [0.0, 1.0], [-0.297, 0.297], [-1.0, 0.0], [-0.297, -0.297]],
  [[0.866, -0.5], [0.0, 1.0], [-0.866, -0.5]],
  [[0.0, -1.0], [0.3, -0.5196], [0.866, -0.5], [0.6, -0.0], [0.866, 0.5], [0.3, 0.5196], [0.0, 1.0], [-0.3, 0.5196], [-0.866, 0.5], [-0.6, 0.0], [-0.866, -0.5], [-0.3, -0.5196]],
  [[0.0, -1.0], [0.2598, -0.15], [0.866, 0.5], [0.0, 0.3], [-0.866, 0.5], [-0.2598, -0.15]],
  [[0.7071, -0.7071], [0.75, -0.0], [0.7071, 0.7071], [0.0, 0.75], [-0.7071, 0.7071], [-0.75, 0.0], [-0.7071, -0.7071], [-0.0, -0.75]],
];
