/** The page's icons, 24 by 24, in the colour of the text around them. */

import { graphic } from "./dom.js";

/** @typedef {keyof typeof PATHS} IconName */

const PATHS = {
  restart: "M6 5v14M19 5.5v13L9 12z",
  back: "M15.5 5.5v13L6 12zM18.5 5.5v13",
  play: "M7.5 4.8v14.4L19.5 12z",
  pause: "M8 5v14M16 5v14",
  forward: "M8.5 5.5v13L18 12zM5.5 5.5v13",
  loop: "M4.5 12V9.5a3 3 0 0 1 3-3h11m0 0-3-3m3 3-3 3M19.5 12v2.5a3 3 0 0 1-3 3h-11m0 0 3-3m-3 3 3 3",
  skip: "M4 6.5v11L11.5 12zM12.5 6.5v11L20 12z",
  link: "M10 14a4 4 0 0 0 5.7 0l3-3a4 4 0 0 0-5.7-5.7L12 6.3M14 10a4 4 0 0 0-5.7 0l-3 3a4 4 0 0 0 5.7 5.7l1-1",
  open: "M13 4h7v7M20 4l-9 9M18 14v5.5H4.5V6H10",
  compare: "M4 5h7v14H4zM13 5h7v14h-7z",
  annotation: "M5 19.5h14M6.5 16.5l1-4L16 4l3 3-8.5 8.5z",
  video: "M3.5 6.5h11v11h-11zM14.5 10.5l6-3.5v10l-6-3.5",
  fullscreen: "M9 4H4v5M15 4h5v5M9 20H4v-5M15 20h5v-5",
  help: "M9 9.2a3 3 0 1 1 4.6 2.6c-1 .7-1.6 1.2-1.6 2.4M12 17.6v.1",
  theme: "M12 3.5v17a8.5 8.5 0 0 0 0-17zM12 3.5a8.5 8.5 0 0 0 0 17",
  previous: "M14.5 6 8.5 12l6 6",
  next: "M9.5 6l6 6-6 6",
  close: "M6 6l12 12M18 6 6 18",
  home: "M4 11.5 12 5l8 6.5M6.5 10v9h11v-9",
};

/** Icons that are filled, not outlined. */
/** @type {Set<IconName>} */
const FILLED = new Set(["play", "skip"]);

/**
 * @param {IconName} name
 * @returns {SVGElement} hidden from screen readers, because the control around it has the name
 */
export function icon(name) {
  return graphic(
    "svg",
    {
      viewBox: "0 0 24 24",
      class: FILLED.has(name) ? "icon icon-filled" : "icon",
      "aria-hidden": "true",
      focusable: "false",
    },
    graphic("path", { d: PATHS[name] }),
  );
}
