/** The page while nothing is recorded. It disappears when the first episode is kept. */

import { element } from "../shell/dom.js";

export class Welcome {
  node = element(
    "section",
    { class: "panel welcome", hidden: true },
    element("h1", {}, "Nothing recorded yet"),
    element(
      "p",
      {},
      "Start a training that records its episodes. They appear here as soon as the first one is kept. To try it: ",
    ),
    element("pre", {}, "hamlet-recorder demo"),
  );
}
