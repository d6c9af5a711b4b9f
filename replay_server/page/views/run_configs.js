/** The configuration of a run, or of several side by side: what differs comes first. */

import { element } from "../shell/dom.js";
import { cutName } from "../shell/names.js";

/** @typedef {{run_id: string, config: ?object}} ConfiguredRun */

export class RunConfigs {
  node = element("details", { class: "panel configs", hidden: true });

  #title = element("summary");
  #body = element("div", { class: "configs-body" });

  constructor() {
    this.node.append(this.#title, this.#body);
  }

  /** @param {ConfiguredRun[]} runs */
  show(runs) {
    const columns = runs.map(({ config }) => new Map(flattened(config)));
    const keys = [...new Set(columns.flatMap((column) => [...column.keys()]))].sort();
    const differs = (/** @type {string} */ key) => new Set(columns.map((column) => column.get(key))).size > 1;
    const different = keys.filter(differs);
    const same = keys.filter((key) => !differs(key));
    this.node.hidden = keys.length === 0;
    this.#title.textContent =
      runs.length === 1
        ? `Configuration (${keys.length})`
        : different.length
          ? `Configurations: ${different.length} of ${keys.length} values differ`
          : `Configurations: all ${keys.length} values are equal`;
    if (runs.length > 1) this.node.open = true;
    this.#body.replaceChildren(
      element(
        "table",
        { class: "configs-table" },
        element(
          "thead",
          {},
          element(
            "tr",
            {},
            element("th", { scope: "col" }, "Key"),
            ...runs.map(({ run_id: runId }) => element("th", { scope: "col" }, cutName(runId || "(no run)"))),
          ),
        ),
        element("tbody", {}, ...[...different, ...same].map((key) => row(key, columns, different.includes(key)))),
      ),
    );
  }
}

/**
 * @param {string} key
 * @param {Map<string, string>[]} columns
 * @param {boolean} differs
 */
function row(key, columns, differs) {
  return element(
    "tr",
    { class: differs && columns.length > 1 ? "different" : "" },
    element("th", { scope: "row" }, key),
    ...columns.map((column) => element("td", { class: "number" }, column.get(key) ?? "—")),
  );
}

/**
 * Each value with its path, such as `env.size`.
 *
 * @param {unknown} config
 * @returns {[string, string][]}
 */
function flattened(config, path = "") {
  if (config === null || typeof config !== "object" || Array.isArray(config))
    return path ? [[path, typeof config === "string" ? config : JSON.stringify(config)]] : [];
  return Object.entries(config).flatMap(([key, value]) => flattened(value, path ? `${path}.${key}` : key));
}
