/** The player for a recording in memory, without a server or an address, as in an exported HTML file. */

import { Player } from "../player/player.js";
import { playerKeys } from "../player/player_keys.js";
import { showHelp } from "../shell/dialogs.js";
import { bindKeys } from "../shell/keys.js";
import { startTheme } from "../shell/theme.js";
import { BytesSource } from "../source/bytes_source.js";
import { EpisodeStore } from "../source/episode_store.js";

/** @import { OutlineMessage } from "../source/messages.js" */

/**
 * Play a recording.
 *
 * @param {Uint8Array} bytes a file of version 2
 * @param {OutlineMessage} outline
 * @param {Element} parent gets the player; the document must have the style sheets `looks.css`, `theme.css`,
 *   `shell.css`, `numbers.css` and `player.css`
 * @param {?number} [step] number of the step to show first
 * @returns {Player}
 */
export function playBytes(bytes, outline, parent, step = null) {
  startTheme(null);
  const help = () => showHelp(keys);
  const start = {
    episodeId: 0,
    step,
    marker: null,
    autoplay: false,
    speed: null,
    selection: null,
    loops: false,
    skipsDull: false,
    agent: null,
    live: false,
    panels: null,
  };
  const player = new Player([new EpisodeStore(new BytesSource(bytes, outline))], start, { help });
  const keys = playerKeys(player, { help });
  bindKeys(keys);
  parent.append(player.node);
  return player;
}
