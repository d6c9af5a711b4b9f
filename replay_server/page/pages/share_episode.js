/** What the menu offers for sharing an episode: links, pictures and files. */

import { showShareMenu } from "../shell/share_menu.js";
import { linkTo } from "../shell/share.js";
import { episodeFileUrl, stillUrl } from "../source/api.js";

/** @import { Player } from "../player/player.js" */
/** @import { Place } from "../shell/share.js" */

/**
 * Show the menu for the episode that a player has opened.
 *
 * @param {Player} player
 * @param {Place} here the place of the current moment
 */
export function shareEpisode(player, here) {
  const { opened, nSteps } = player.store;
  const { runId, episodeId } = opened;
  const step = player.stepNumber;
  const there = { ...here, step, compared: null };
  showShareMenu({
    title: `Share episode ${episodeId}`,
    link: linkTo(there),
    loop: linkTo({ ...there, loops: true, autoplay: true, selection: player.controls.selection }),
    embed: linkTo({ ...there, embed: true, panels: ["grid"], theme: null }),
    step,
    picture: nSteps ? stillUrl(runId, episodeId, player.clock.index) : null,
    html: episodeFileUrl(runId, episodeId, "player.html"),
    table: episodeFileUrl(runId, episodeId, "steps.csv"),
    arrays: episodeFileUrl(runId, episodeId, "steps.npz"),
    file: episodeFileUrl(runId, episodeId, "file"),
  });
}
