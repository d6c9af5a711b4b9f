/** The start of the page: theme, header, and which page the address asks for. */

import { BrowserPage } from "./pages/browser_page.js";
import { PlayerPage } from "./pages/player_page.js";
import { element } from "./shell/dom.js";
import { icon } from "./shell/icons.js";
import { followLink, readPlace } from "./shell/share.js";
import { chosenTheme, startTheme, toggleTheme } from "./shell/theme.js";
import { ReplaySocket } from "./source/socket.js";

const socket = new ReplaySocket(
  Object.assign(new URL("/ws", location.href), { protocol: location.protocol.replace("http", "ws") }).href,
);
const outlet = element("div", { class: "outlet" });
let page = null;

function header() {
  const home = element(
    "a",
    {
      class: "brand",
      href: "/",
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
      title: "Dark or light",
      "aria-label": "Dark or light",
      on: { click: toggleTheme },
    },
    icon("theme"),
  );
  return element("header", { class: "page-header" }, home, theme);
}

function show() {
  page?.close();
  const place = readPlace(new URL(location.href));
  page = place.page === "player" ? new PlayerPage(place, socket) : new BrowserPage(place);
  outlet.replaceChildren(page.node);
  window.scrollTo(0, 0);
}

startTheme(new URL(location.href).searchParams.get("theme"));
const isEmbedded = readPlace(new URL(location.href)).embed;
document.body.classList.toggle("embedded", isEmbedded);
document.body.append(...(isEmbedded ? [] : [header()]), outlet);
window.addEventListener("popstate", show);
socket.connect();
show();
