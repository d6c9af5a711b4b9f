/** The menu of what can be taken away from an episode: links, code, pictures and files. */

import { copyText, openDialog } from "../shell/dialogs.js";
import { element } from "../shell/dom.js";
import { linkTo } from "../shell/share.js";
import { episodeFileUrl, stillUrl } from "../source/api.js";

/** @import { Player } from "../player/player.js" */
/** @import { Place } from "../shell/share.js" */

/** Size of the frame in the embed code, in CSS pixels. */
const FRAME = { width: 640, height: 420 };

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
  const { selection } = player.controls;
  const link = (/** @type {object} */ more) =>
    new URL(linkTo({ ...here, step, compared: null, ...more }), location.href).href;
  const frame = link({ embed: true, panels: ["grid"], theme: null }).replaceAll("&", "&amp;");
  const code = `<iframe width="${FRAME.width}" height="${FRAME.height}" src="${frame}"></iframe>`;
  const file = (/** @type {Parameters<typeof episodeFileUrl>[2]} */ name) => episodeFileUrl(runId, episodeId, name);
  const still = nSteps ? stillUrl(runId, episodeId, player.clock.index) : null;
  const dialog = openDialog(
    "share",
    `Share episode ${episodeId}`,
    element(
      "ul",
      {},
      copy(`Copy link to step ${step}`, link({}), `Link to step ${step} copied`),
      copy("Copy link that loops", link({ loops: true, autoplay: true, selection }), "Link that loops copied"),
      copy("Copy embed code", code, "Embed code copied"),
      still !== null && save("Picture of this step (PNG)", still, `step-${step}.png`),
      save("Player in one HTML file", file("player.html")),
      save("Steps as a table (CSV)", file("steps.csv")),
      save("Steps as arrays (npz)", file("steps.npz")),
      save("Recording", file("file")),
    ),
  );

  /**
   * @param {string} label
   * @param {string} text
   * @param {string} message
   */
  function copy(label, text, message) {
    const press = () => {
      dialog.close();
      copyText(text, message);
    };
    return element("li", {}, element("button", { type: "button", class: "button", on: { click: press } }, label));
  }

  /**
   * @param {string} label
   * @param {string} address
   */
  function save(label, address, name = "") {
    const press = () => dialog.close();
    return element(
      "li",
      {},
      element("a", { class: "button", href: address, download: name, on: { click: press } }, label),
    );
  }
}
