/** Starts the page: theme, header, and the page for the address. */

import { BrowserPage } from "./pages/browser_page.js";
import { PlayerPage } from "./pages/player_page.js";
import { WallPage } from "./pages/wall_page.js";
import { BASE } from "./shell/address.js";
import { afterPaint, element } from "./shell/dom.js";
import { icon } from "./shell/icons.js";
import { followLink, linkTo, readPlace } from "./shell/share.js";
import { chosenTheme, startTheme, toggleTheme } from "./shell/theme.js";
import { ReplaySocket } from "./source/socket.js";

/** @import { Place } from "./shell/share.js" */

/** Time after which a player without an episode is shown as it is. */
const LONGEST_HOLD_MILLIS = 150;

/** Time after which a press without a click counts as cancelled. */
const LONGEST_PRESS_MILLIS = 1000;

const socket = new ReplaySocket(
  Object.assign(new URL(`${BASE}ws`, location.href), { protocol: location.protocol.replace("http", "ws") }).href,
);
const outlet = element("div", { class: "outlet" });
/** @type {?(BrowserPage | PlayerPage | WallPage)} */
let page = null;

/**
 * The player of a link that is being pressed, created before the click.
 *
 * @type {?{link: string, page: PlayerPage}}
 */

let prepared = null;
let preparedTimer = 0;

function header() {
  const home = element(
    "a",
    {
      class: "brand",
      href: BASE,
      on: { click: (event) => followLink(event, { page: "browser", runId: null, theme: chosenTheme() }) },
    },
    element("span", { class: "brand-mark", "aria-hidden": "true" }),
    "Hamlet",
    element("span", { class: "muted brand-more" }, "flight recorder"),
  );
  const theme = element(
    "button",
    {
      type: "button",
      class: "button icon-button",
      title: "Switch between dark and light",
      "aria-label": "Switch between dark and light",
      on: { click: toggleTheme },
    },
    icon("theme"),
  );
  return element("header", { class: "page-header" }, home, theme);
}

/**
 * Create the player before the click, because a press takes a tenth of a second.
 *
 * @param {Partial<Place>} place
 */
function prepare(place) {
  const link = linkTo(place);
  forget();
  prepared = { link, page: new PlayerPage(readPlace(new URL(link, location.href)), socket) };
  preparedTimer = setTimeout(forget, LONGEST_PRESS_MILLIS);
}

function forget() {
  clearTimeout(preparedTimer);
  prepared?.page.close();
  prepared = null;
}

function pageOfAddress() {
  if (prepared && prepared.link === location.pathname + location.search) {
    const { page: ready } = prepared;
    prepared = null;
    return ready;
  }
  const place = readPlace(new URL(location.href));
  if (place.page === "wall") return new WallPage(place, socket);
  return place.page === "player" ? new PlayerPage(place, socket) : new BrowserPage(place, prepare);
}

function show() {
  page?.close();
  const isFromTable = page instanceof BrowserPage;
  const isNavigation = page !== null;
  const next = pageOfAddress();
  forget();
  page = next;
  const put = () => {
    if (page !== next || next.node.isConnected) return;
    window.scrollTo(0, 0); // before the new page is in the document, because it would be laid out again
    outlet.replaceChildren(next.node);
    next.enter();
    if (isNavigation && !(next instanceof BrowserPage)) afterPaint(() => next.focusHeading());
  };
  if (isFromTable && next instanceof PlayerPage) {
    // Laying out an empty player would delay the full one, so the table stays until there is something to show.
    setTimeout(put, LONGEST_HOLD_MILLIS);
    next.whenKnown.then(put);
  } else put();
}

startTheme(new URL(location.href).searchParams.get("theme"));
const isEmbedded = readPlace(new URL(location.href)).embed;
document.body.classList.toggle("embedded", isEmbedded);
document.querySelector(".loading")?.remove();
document.body.append(...(isEmbedded ? [] : [header()]), outlet);
window.addEventListener("popstate", show);
socket.connect();
show();
