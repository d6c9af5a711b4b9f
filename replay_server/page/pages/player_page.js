/** The page of one episode or of two compared ones: header, player, and the address that follows playback. */

import { messageOf } from "../decode/errors.js";
import { usualSpeed } from "../playback/clock.js";
import { Player } from "../player/player.js";
import { playerKeys } from "../player/player_keys.js";
import { copyText, showHelp, showMessage } from "../shell/dialogs.js";
import { afterPaint, element } from "../shell/dom.js";
import { bindKeys } from "../shell/keys.js";
import { linkTo, replaceLink, visit } from "../shell/share.js";
import { chosenTheme } from "../shell/theme.js";
import { fetchOther, fetchNeighbour } from "../source/api.js";
import { EpisodeStore } from "../source/episode_store.js";
import { SocketSource } from "../source/socket_source.js";
import { EpisodeHeader } from "../views/episode_header.js";
import { MissingEpisode } from "../views/missing_episode.js";
import { Comparison } from "./comparison.js";
import { EpisodeAnnotations } from "./episode_annotations.js";
import { shareEpisode } from "./share_episode.js";

/** @import { Binding } from "../shell/keys.js" */
/** @import { Place } from "../shell/share.js" */
/** @import { PageActions } from "../player/player_keys.js" */
/** @import { Annotation } from "../source/annotations.js" */
/** @import { Alignment } from "../shell/share.js" */

/** Minimum time between changes of the address, because browsers refuse a hundred in half a minute. */
const LINK_MILLIS = 400;

/** Parts of the address that a link to another episode does not take over. */
const ELSEWHERE = { step: null, selection: null, live: false };

export class PlayerPage {
  node = element("main", { class: "player-page" });

  /** Resolved when there is a step to show, or an error. */
  whenKnown;

  #place;
  #player;
  /**
   * Null if another page embeds the player.
   *
   * @type {?EpisodeHeader}
   */
  #header = null;
  #annotations;
  /** @type {Binding[]} */
  #keys;
  #missing = new MissingEpisode();
  #unbind = () => {};
  #stopState;
  #isEntered = false;
  #linkTimer = 0;
  #comparison;

  /**
   * Requests the episode at once; touches only its own node until it is entered.
   *
   * @param {import("../shell/share.js").Place} place
   * @param {import("../source/socket.js").ReplaySocket} socket
   */
  constructor(place, socket) {
    this.#place = place;
    const wanted = [{ runId: place.runId, episodeId: place.episodeId, follow: place.live, lane: place.lane }];
    if (place.compared) wanted.push({ ...place.compared, follow: false, lane: null });
    const stores = wanted.map((each) => new EpisodeStore(new SocketSource(socket, each)));
    const help = () => showHelp(this.#keys);
    /** @type {Omit<PageActions, "help">} */
    const actions = place.embed ? { openPage: () => this.#openPage() } : this.#wholePage();
    this.#player = new Player(stores, place, { help, ...actions });
    this.#annotations = new EpisodeAnnotations(this.#player);
    if (!place.embed) this.#addHeader();
    this.#comparison = new Comparison(this.#player, this.#header);
    this.node.append(this.#missing.node);
    this.#keys = playerKeys(this.#player, { help, ...actions });
    this.node.append(this.#player.node);
    this.#stopState = socket.onState((isOpen) =>
      this.#player.say(isOpen ? "" : "The connection to the server is lost. Reconnecting…"),
    );
    this.#listen(stores);
    const [first] = stores;
    this.whenKnown = first
      .whenOpened()
      .then(() => (first.nSteps ? first.load(this.#player.clock.index) : null))
      .catch(() => {});
  }

  /** Called when the page is on the screen: bind keys, set title and address. */
  enter() {
    this.#isEntered = true;
    this.#unbind = bindKeys(this.#keys);
    this.#player.enter();
    if (this.#player.store.outline) this.#present();
  }

  /** Tell people with a screen reader where they are after a navigation. */
  focusHeading() {
    if (document.activeElement === document.body) this.#header?.focusHeading();
  }
  close() {
    clearTimeout(this.#linkTimer);
    this.#unbind();
    this.#stopState();
    this.#header?.close();
    this.#player.close();
  }

  /**
   * The place for a link to the current moment.
   *
   * @returns {Place}
   */
  get #here() {
    const { clock } = this.#player;
    const { outline } = this.#player.store;
    return {
      ...this.#place,
      autoplay: false,
      page: "player",
      runId: outline?.runId ?? this.#place.runId,
      episodeId: this.#place.episodeId === null ? null : (outline?.episodeId ?? this.#place.episodeId),
      live: this.#place.live && Boolean(outline?.live),
      lane: this.#place.lane === null ? null : (outline?.metadata.lane ?? this.#place.lane),
      step: this.#player.controls.isFollowing ? null : this.#player.stepNumber,
      speed: clock.speed === usualSpeed(this.#place) ? null : clock.speed,
      selection: this.#player.controls.selection,
      skipsDull: clock.dullSpans !== null,
      agent: this.#player.agents.pickedId || null,
      theme: chosenTheme(),
    };
  }

  /** What the page offers unless it is embedded: changes, and links to elsewhere. */
  #wholePage() {
    return {
      toEpisode: (/** @type {number} */ direction) => this.#toEpisode(direction),
      compare: () => this.#header?.askForOther(),
      compareWithBest: () => this.#chooseOther("best"),
      toWall: () => this.#toWall(),
      copyLink: () => this.#copyLink(),
      annotate: () => this.#annotations.write(),
      editAnnotation: (/** @type {Annotation} */ annotation) => this.#annotations.edit(annotation),
      leave: () => this.#leave(),
    };
  }

  #addHeader() {
    this.#header = new EpisodeHeader({
      toEpisode: (direction) => this.#toEpisode(direction),
      toNumber: (episodeId) => this.#visit({ ...ELSEWHERE, episodeId }),
      compareWith: (episodeId, runId) => this.#compareWith(episodeId, runId),
      chooseOther: (choice) => this.#chooseOther(choice),
      align: (align) => this.#align(align),
      share: () => this.#share(),
      toWall: () => this.#toWall(),
      stopComparing: () => this.#visit({ compared: null }),
      agentId: () => this.#player.agents.id,
    });
    this.#header.showPlace(this.#place);
    this.node.append(this.#header.node);
  }

  /** @param {EpisodeStore[]} stores */
  #listen(stores) {
    this.#player.addEventListener("opened", () => {
      this.#player.node.hidden = false;
      this.#missing.hide();
      this.#header?.show(this.#player.store.opened);
      if (this.#isEntered) this.#present();
    });
    this.#player.addEventListener("ended", () => this.#header?.show(this.#player.store.opened));
    this.#player.addEventListener("rest", () => {
      clearTimeout(this.#linkTimer);
      this.#linkTimer = setTimeout(() => this.#writeLink(), LINK_MILLIS);
    });
    stores[0].addEventListener("failure", (event) => this.#explain(/** @type {CustomEvent} */ (event).detail));
    if (stores.length > 1)
      Promise.all(stores.map((store) => store.whenOpened())).then(
        () => this.#comparison.begin(() => this.#place.align, this.#place.step === null),
        () => {},
      );
  }

  /**
   * Say why there is no episode, and where to go.
   *
   * @param {{code?: string}} error
   */
  #explain(error) {
    const { runId, episodeId } = this.#place;
    if (error.code !== "not_found" || episodeId === null || this.#player.store.outline) return;
    this.#player.node.hidden = true;
    this.#missing.show(runId, episodeId, messageOf(error));
  }

  /** Update the address, if there is an episode that it can lead to. */
  #writeLink() {
    if (this.#isEntered && this.#player.store.outline) replaceLink(this.#here);
  }

  /** Show which episode the page plays, and request what can wait until then. */
  #present() {
    const { episodeId, runId } = this.#player.store.opened;
    document.title = `Episode ${episodeId} · ${runId}`;
    afterPaint(() => this.#annotations.load());
  }

  /** @param {Alignment} align */
  #align(align) {
    this.#place = { ...this.#place, align };
    this.#comparison.align(align, true);
  }

  /**
   * Choose the other episode of a comparison.
   *
   * @param {import("../views/compare_dialog.js").OtherChoice} choice
   */
  async #chooseOther(choice) {
    const { outline } = this.#player.store;
    if (!outline) return;
    try {
      const episodeId = await fetchOther(outline.runId, outline.episodeId, choice);
      if (episodeId === null) showMessage("The run has no such episode.");
      else this.#compareWith(episodeId);
    } catch (error) {
      showMessage(messageOf(error));
    }
  }

  /**
   * @param {number} episodeId
   * @param {?string} [otherRunId] null for the run of this one
   */
  #compareWith(episodeId, otherRunId = null) {
    const runId = otherRunId ?? (this.#player.store.outline ?? this.#place).runId;
    this.#visit({ compared: { runId, episodeId }, align: "divergence", step: null });
  }

  #share() {
    const { outline } = this.#player.store;
    if (!outline || outline.live) {
      this.#copyLink();
      return;
    }
    shareEpisode(this.#player, this.#here);
  }

  #copyLink() {
    const step = this.#player.stepNumber;
    const { episodeId, live } = this.#player.store.outline ?? this.#place; // stay with this episode instead of following the run
    copyText(
      new URL(linkTo({ ...this.#here, episodeId, live, step }), location.href).href,
      `Link to step ${step} copied`,
    );
  }

  #openPage() {
    const place = { ...this.#here, step: this.#player.stepNumber, embed: false, panels: null };
    window.open(linkTo(place), "_blank", "noopener");
  }

  /** @param {number} direction */
  async #toEpisode(direction) {
    const { outline } = this.#player.store;
    if (!outline) return;
    try {
      const episodeId = await fetchNeighbour(outline.runId, outline.episodeId, direction);
      if (episodeId === null)
        showMessage(direction > 0 ? "This is the last kept episode." : "This is the first kept episode.");
      else this.#visit({ ...ELSEWHERE, episodeId });
    } catch (error) {
      showMessage(messageOf(error));
    }
  }

  /** Show all lanes of the run, if it is being recorded. */
  #toWall() {
    if (this.#player.store.outline?.live || this.#place.episodeId === null)
      visit({ page: "wall", runId: this.#player.store.outline?.runId ?? this.#place.runId, theme: chosenTheme() });
    else showMessage("This episode is not live: only a live run has a wall of lanes.");
  }

  #leave() {
    if (document.fullscreenElement) document.exitFullscreen();
    else
      visit({ page: "browser", runId: this.#player.store.outline?.runId ?? this.#place.runId, theme: chosenTheme() });
  }

  /** @param {Partial<Place>} changes */
  #visit(changes) {
    clearTimeout(this.#linkTimer);
    visit({ ...this.#here, ...changes });
  }
}
