/** Where this server's addresses begin: a proxy may publish the page under a prefix, which only the browser knows. */

const [, base = "/"] = /^(.*\/)static\/shell\/address\.js$/.exec(new URL(import.meta.url).pathname) ?? [];

/** The path of the page itself, with a slash at its end. */
export const BASE = base;
