/** The dialog that asks what a video should be like. The server's description of its routes has the choices. */

import { element } from "../shell/dom.js";
import { openDialog } from "../shell/dialogs.js";
import { VideoStill } from "./video_still.js";
import { fetchVideoChoices } from "../source/videos.js";

/** @typedef {Record<string, string | boolean>} VideoChoices */

/** Of all choices, those that a viewer wants: name, label, and what leaving it out means. */
const FIELDS = /** @type {const} */ ([
  ["profile", "Profile", "Standard"],
  ["pace", "Pace", "As the profile has it"],
  ["style", "Theme", "Dark"],
  ["source", "Picture", "What was recorded"],
  ["effects", "Sound effects", "None"],
  ["narrate", "Narration", "None"],
  ["captions", "Captions", "As the profile has it"],
]);

/** @param {string} value a choice's name, such as `youtube-1080p` */
const printed = (value) => value.charAt(0).toUpperCase() + value.slice(1);

/**
 * Ask; resolves to the chosen values, without those that were left as they are, or to null.
 *
 * @param {string} runId
 * @param {number} episodeId
 * @param {?string} agentId whose numbers the video shows, of several agents
 * @returns {Promise<?VideoChoices>}
 */
export async function askForVideo(runId, episodeId, agentId) {
  const offered = await fetchVideoChoices();
  const selects = FIELDS.filter(([name]) => offered[name]?.length).map(([name, label, unset]) =>
    element(
      "label",
      {},
      element("span", {}, label),
      element(
        "select",
        { name, class: "select", "aria-label": label },
        element("option", { value: "" }, unset),
        ...offered[name].map((value) => element("option", { value }, printed(value))),
      ),
    ),
  );
  const emphasis = element("input", { type: "checkbox", name: "emphasis" });
  /** @type {HTMLFormElement} */
  const form = element(
    "form",
    { method: "dialog" },
    agentId !== null && element("input", { type: "hidden", name: "agent", value: agentId }),
    agentId !== null && element("p", { class: "muted" }, `With the numbers of ${agentId}`),
    ...selects,
    element("label", { class: "check" }, emphasis, " Zoom to crises, caption events, show the outcome"),
    element("button", { class: "button primary", value: "make" }, "Make this video"),
  );
  const still = new VideoStill(runId, episodeId);
  still.show(chosen(form));
  form.addEventListener("change", () => still.show(chosen(form)));
  const dialog = openDialog("ask video", "Make a video", still.node, form);
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      still.close();
      resolve(dialog.returnValue === "make" ? chosen(form) : null);
    });
  });
}

/**
 * @param {HTMLFormElement} form
 * @returns {VideoChoices}
 */
function chosen(form) {
  /** @type {VideoChoices} */
  const choices = {};
  for (const [name, value] of new FormData(form)) {
    if (name === "emphasis") choices[name] = true;
    else if (value !== "") choices[name] = String(value);
  }
  return choices;
}
