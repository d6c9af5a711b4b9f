/** The line above the player: run, episode, status and reasons; links to neighbours; compare and video buttons. */

import { KEYS } from "../playback/keys.js";
import { copyText } from "../shell/dialogs.js";
import { afterPaint, element, setText } from "../shell/dom.js";
import { icon } from "../shell/icons.js";
import { withKeys } from "../shell/keys.js";
import { ALIGNMENTS, followLink, linkTo, visit, WHOLE_LIST } from "../shell/share.js";
import { chosenTheme } from "../shell/theme.js";
import { explain } from "../shell/tips.js";
import { TERMS } from "../shell/words.js";
import { chip, reasonChip, statusChip } from "./chips.js";
import { CompareDialog } from "./compare_dialog.js";
import { VideoButton } from "./video_button.js";

/** @import { IconName } from "../shell/icons.js" */
/** @import { Alignment } from "../shell/share.js" */
/** @import { Outline } from "../source/outline.js" */

/** @type {{[name in Alignment]: string}} */
const ALIGNMENT_NAMES = { step: "at the first step", divergence: "at the first difference", end: "at their ends" };

export class EpisodeHeader {
  node = element("header", { class: "episode-header" });

  #run = element("a", { class: "run-link" });
  /** @type {?{runId: ?string}} */
  #place = null;
  /** @type {HTMLInputElement} */
  #number;
  #chips = element("div", { class: "chips" });
  #comparison = element("div", { class: "comparison", hidden: true });
  #divergence = element("span", { class: "muted" });
  #dialog;
  #video;
  #lanes;
  #on;

  /**
   * @param {{toEpisode: function(-1|1): void, toNumber: function(number): void, compareWith: function(number, ?string): void, chooseOther: function(import("./compare_dialog.js").OtherChoice): void,
   *   align: function(Alignment): void, share: function(): void, toWall: function(): void, stopComparing: function(): void, agentId: () => ?string}} on `agentId` is
   *   the selected one of several agents
   */
  constructor(on) {
    this.#on = on;
    this.#video = new VideoButton(on.agentId);
    this.#run.addEventListener("click", (event) =>
      followLink(event, { page: "browser", runId: this.#place?.runId ?? null, theme: chosenTheme() }),
    );
    this.#number = element("input", {
      class: "input episode-number number",
      inputMode: "numeric",
      size: 7,
      "aria-label": "Episode",
      on: { change: () => /^\d+$/.test(this.#number.value) && on.toNumber(Number(this.#number.value)) },
    });
    this.#dialog = new CompareDialog(on);
    this.#lanes = element(
      "button",
      {
        type: "button",
        class: "button",
        hidden: true,
        title: withKeys("Watch all lanes of this run", KEYS.wall[0]),
        on: { click: on.toWall },
      },
      "All lanes",
    );
    this.node.append(
      element(
        "h1",
        { class: "where", tabIndex: -1 },
        this.#run,
        element("span", { class: "muted", "aria-hidden": "true" }, "/"),
        element("span", {}, "Episode"),
      ),
      element(
        "div",
        { class: "group" },
        button("previous", withKeys("Previous kept episode", KEYS.previousEpisode[0]), () => on.toEpisode(-1)),
        this.#number,
        button("next", withKeys("Next kept episode", KEYS.nextEpisode[0]), () => on.toEpisode(1)),
      ),
      this.#chips,
      element(
        "div",
        { class: "group end" },
        this.#lanes,
        element(
          "button",
          {
            type: "button",
            class: "button",
            title: withKeys("Compare with another episode", KEYS.compare[0]),
            on: { click: () => this.askForOther() },
          },
          icon("compare"),
          "Compare",
        ),
        element(
          "button",
          { type: "button", class: "button", title: "Share: links, pictures and files", on: { click: on.share } },
          icon("link"),
          "Share",
        ),
        this.#video.node,
      ),
      this.#comparison,
      this.#dialog.node,
    );
  }

  /**
   * Show the requested episode before it is known to exist.
   *
   * @param {{runId: ?string, episodeId: ?number}} place
   */
  showPlace({ runId, episodeId }) {
    this.#place = { runId };
    this.#dialog.know(runId === null || episodeId === null ? null : { runId, episodeId, seed: null });
    setText(this.#run, runId || "episodes");
    this.#run.href = linkTo({ page: "browser", runId, theme: chosenTheme() });
    this.#number.value = String(episodeId ?? "");
  }

  /** @param {Outline} outline */
  show(outline) {
    const { metadata, reasons, live, runId, episodeId } = outline;
    this.showPlace(outline);
    const status = live ? "live" : metadata.status;
    const { env_id: envId, seed } = metadata.info ?? {};
    const hasSeed = seed !== undefined && seed !== null;
    this.#dialog.know({ runId, episodeId, seed: hasSeed ? String(seed) : null });
    this.#chips.replaceChildren(
      statusChip(status),
      ...(typeof envId === "string" ? [chip(envId)] : []),
      ...(metadata.curriculum_stage === null
        ? []
        : [explain(chip(`stage ${metadata.curriculum_stage}`), TERMS.stage.meaning)]),
      ...reasons.map((reason, number) =>
        reasonChip({ reason, words: outline.reasonWords[number], runId, episodeId }, () =>
          visit({ page: "browser", runId, list: { ...WHOLE_LIST, reason }, theme: chosenTheme() }),
        ),
      ),
      ...(hasSeed ? [seedChip(String(seed))] : []),
    );
    this.#lanes.hidden = !live;
    if (live) this.#video.close();
    else this.#offerVideo(outline);
  }

  /** @param {Outline} outline */
  #offerVideo({ runId, episodeId }) {
    const shown = this.#place;
    afterPaint(() => shown === this.#place && this.#video.offer(runId, episodeId));
  }

  /**
   * Show the episode that is compared with it.
   *
   * @param {Outline} outline
   * @param {Alignment} align
   */
  showOther(outline, align) {
    const choice = element(
      "select",
      { class: "select", "aria-label": "Aligned" },
      ...ALIGNMENTS.map((value) => element("option", { value }, ALIGNMENT_NAMES[value])),
    );
    choice.addEventListener("change", () => this.#on.align(ALIGNMENTS[choice.selectedIndex]));
    choice.value = align;
    this.#comparison.hidden = false;
    this.#comparison.replaceChildren(
      element(
        "span",
        {},
        `Compared with episode ${outline.episodeId}${outline.runId === this.#place?.runId ? "" : ` of ${outline.runId}`} · aligned`,
      ),
      choice,
      this.#divergence,
      button("close", "Stop comparing", () => this.#on.stopComparing()),
    );
  }

  /**
   * @param {?{step: number, what: string}} divergence
   * @param {string} explanation what each of them did; may be empty
   */
  showDivergence(divergence, explanation) {
    const more = explanation && ` (${explanation})`;
    if (!divergence) setText(this.#divergence, "no difference");
    else if (divergence.step === 0) setText(this.#divergence, `they start differently: ${divergence.what}${more}`);
    else setText(this.#divergence, `first difference: ${divergence.what} at step ${divergence.step}${more}`);
  }

  focusHeading() {
    this.node.querySelector("h1")?.focus({ preventScroll: true });
  }

  /** Ask for the episode to compare with. */
  askForOther() {
    this.#dialog.open();
  }
  close() {
    this.#video.close();
  }
}

/** @param {string} seed */
function seedChip(seed) {
  const node = element(
    "button",
    { type: "button", class: "chip", on: { click: () => copyText(seed, "Seed copied") } },
    `seed ${seed}`,
  );
  return explain(node, TERMS.seed.meaning);
}

/**
 * @param {IconName} name
 * @param {string} label
 * @param {() => void} run
 */
function button(name, label, run) {
  return element(
    "button",
    { type: "button", class: "button icon-button", title: label, "aria-label": label, on: { click: run } },
    icon(name),
  );
}
