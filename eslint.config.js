/** Rules for the page's modules, which run in a browser, and for their tests, which run under Node. */

import js from "@eslint/js";
import globals from "globals";

const rules = {
  eqeqeq: "error",
  "no-var": "error",
  "prefer-const": "error",
  "object-shorthand": "error",
  "no-shadow": "error",
  "no-throw-literal": "error",
  "no-implicit-coercion": "error",
  "no-unused-vars": ["error", { ignoreRestSiblings: true }],
  "no-unused-private-class-members": "error",
  "no-useless-return": "error",
  "consistent-return": "error",
  "array-callback-return": "error",
  "no-eval": "error",
  "no-console": "error",
};

export default [
  { ignores: ["node_modules/", ".venv/", "site/", "demo-data/"] },
  js.configs.recommended,
  { rules },
  { files: ["replay_server/page/**/*.js"], languageOptions: { globals: globals.browser } },
  { files: ["tests/page/*.mjs"], languageOptions: { globals: globals.node } },
];
