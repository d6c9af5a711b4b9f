/** The buttons below the timeline (restart, step, play, speed, loop, skip) and the position. */

import { BASE_STEPS_PER_SEC, LIVE_SPEED, SPEEDS } from "../playback/clock.js";
import { KEYS } from "../playback/keys.js";
import { element, setText } from "../shell/dom.js";
import { icon } from "../shell/icons.js";
import { withKeys } from "../shell/keys.js";
import { formatCount, formatCountOf } from "../shell/numbers.js";
import { explain } from "../shell/tips.js";
import { TERMS } from "../shell/words.js";

/** @import { PageActions } from "../player/player_keys.js" */
/** @import { IconName } from "../shell/icons.js" */

/** @param {number} speed */
export const speedName = (speed) => (speed === SPEEDS.at(-1) ? "max" : `${speed}×`);

export class TransportView {
  node;

  #play;
  /** @type {HTMLSelectElement} */
  #speed;
  #loop;
  #skip;
  #live;
  #counter = explain(element("output", { class: "counter number" }), TERMS.place.meaning);

  /**
   * @param {import("../player/controls.js").Controls} controls
   * @param {PageActions & {fullscreen: () => void}} page a button for each
   */
  constructor(controls, page) {
    this.#play = button("play", withKeys("Play", KEYS.play[0]), () => controls.togglePlay(), "primary");
    this.#loop = button(
      "loop",
      withKeys(
        "Loop: press for its start, its end, and to clear it",
        KEYS.loopFrom[0],
        KEYS.loopTo[0],
        KEYS.clearLoop[0],
      ),
      () => controls.loopOn(),
    );
    this.#skip = button("skip", withKeys("Skip dull spans", KEYS.skip[0]), () => controls.toggleSkip());
    this.#live = element(
      "button",
      { type: "button", class: "button live-button", hidden: true, on: { click: () => controls.follow() } },
      "Go live",
    );
    this.#speed = element(
      "select",
      { class: "select", "aria-label": "Speed", on: { change: () => controls.setSpeed(Number(this.#speed.value)) } },
      ...SPEEDS.map((speed) =>
        element("option", { value: String(speed), defaultSelected: speed === 1 }, speedName(speed)),
      ),
    );
    this.node = element(
      "div",
      { class: "transport", role: "toolbar", "aria-label": "Playback" },
      element(
        "div",
        { class: "group" },
        button("restart", withKeys("Go to the start", KEYS.start[0]), () => controls.seek(0)),
        button("back", withKeys("One step back", KEYS.back[0]), () => controls.step(-1)),
        this.#play,
        button("forward", withKeys("One step forward", KEYS.forward[0]), () => controls.step(1)),
      ),
      this.#speed,
      element("div", { class: "group" }, this.#loop, this.#skip),
      element("div", { class: "group counter-group" }, this.#live, this.#counter),
      element(
        "div",
        { class: "group end" },
        page.annotate && button("annotation", withKeys("Annotate this step", KEYS.annotate[0]), page.annotate),
        page.copyLink && button("link", "Copy link at this step", page.copyLink),
        page.openPage && button("open", "Open in a new page", page.openPage),
        button("fullscreen", withKeys("Full screen", KEYS.fullscreen[0]), page.fullscreen),
        button("help", withKeys("Keyboard help", KEYS.help[0]), page.help),
      ),
    );
  }

  /**
   * Show the state of playback.
   *
   * @param {{clock: import("../playback/clock.js").PlaybackClock, number: number, last: number, canGoLive: boolean,
   *   isFollowing: boolean, behind: {nEpisodes: number, nSteps: number}}} state `number` of the current and `last` of the
   *   last step; `behind` the newest step
   */
  draw({ clock, number, last, canGoLive, isFollowing, behind }) {
    const shown = clock.isPlaying || isFollowing ? "pause" : "play";
    if (this.#play.dataset.icon !== shown) {
      this.#play.dataset.icon = shown;
      this.#play.replaceChildren(icon(shown));

      const label = withKeys(shown === "pause" ? "Pause" : "Play", KEYS.play[0]);
      this.#play.setAttribute("aria-label", label);
      this.#play.title = label;
    }
    const speed = String(clock.speed);
    if (this.#speed.value !== speed) this.#chooseSpeed(speed);
    press(this.#loop, clock.loop !== null);
    press(this.#skip, clock.dullSpans !== null);
    this.#live.hidden = !canGoLive;
    const distance = distanceOf(behind);
    setText(this.#live, isFollowing && !distance ? "Live" : `${distance ? `${distance} · ` : ""}Go live`);
    press(this.#live, isFollowing && !distance);
    setText(this.#counter, `${formatCount(number)} / ${formatCount(last)}`);
  }

  /**
   * A link may have a speed that is not on the list.
   *
   * @param {string} speed
   */
  #chooseSpeed(speed) {
    if (![...this.#speed.options].some(({ value }) => value === speed)) {
      this.#speed.append(element("option", { value: speed }, speedName(Number(speed))));
    }
    this.#speed.value = speed;
  }
}

/**
 * Distance to the newest step, in words; empty if it is near.
 *
 * @param {{nEpisodes: number, nSteps: number}} behind
 */
function distanceOf({ nEpisodes, nSteps }) {
  if (nEpisodes) return `${formatCountOf(nEpisodes, "episode")} behind`;
  return nSteps > BASE_STEPS_PER_SEC * LIVE_SPEED ? `${formatCount(nSteps)} steps behind` : "";
}

/**
 * @param {IconName} name
 * @param {string} label
 * @param {() => void} run
 */
function button(name, label, run, kind = "") {
  const node = element(
    "button",
    { type: "button", class: `button icon-button ${kind}`, title: label, "aria-label": label, on: { click: run } },
    icon(name),
  );
  node.dataset.icon = name;
  return node;
}

/**
 * @param {HTMLElement} node
 * @param {boolean} isPressed
 */
function press(node, isPressed) {
  node.setAttribute("aria-pressed", String(isPressed));
}
