/** The path under which a proxy publishes this server, which only the browser knows. */

const [, base = "/"] = /^(.*\/)static\/(?:shell\/address|bundle)\.js$/.exec(new URL(import.meta.url).pathname) ?? [];

/** The path of the page, with a slash at its end. */
export const BASE = base;
