// Parts of texts: what a search finds, and what another text lacks.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { lineOf } from "../../replay_server/page/views/text_log.js";
import { differentParts, foundParts } from "../../replay_server/page/views/text_parts.js";

/** @param {{text: string, isMarked: boolean}[]} parts */
const shown = (parts) => parts.map(({ text, isMarked }) => (isMarked ? `[${text}]` : text)).join("");

describe("a search", () => {
  test("marks every place, whatever its case", () => {
    assert.equal(shown(foundParts("Door, a door; indoors", "door")), "[Door], a [door]; in[door]s");
    assert.equal(shown(foundParts("nothing", "door")), "nothing");
    assert.equal(shown(foundParts("", "door")), "");
  });

  test("marks nothing where lower case has another length", () => {
    assert.equal(shown(foundParts("\u0130 door", "door")), "\u0130 door");
  });
});

describe("a comparison", () => {
  test("marks the words that the other text lacks at this place", () => {
    assert.equal(shown(differentParts("go to the blue door", "go to the red door")), "go to the [blue] door");
    assert.equal(shown(differentParts("a b c d", "b d")), "[a ]b[ c] d");
    assert.equal(shown(differentParts("same", "same")), "same");
    assert.equal(shown(differentParts("new text", "")), "[new text]");
    assert.equal(shown(differentParts("", "gone")), "");
    assert.equal(shown(differentParts("one two", "one two three")), "one two");
  });

  test("marks the whole middle of texts that are too long to compare word by word", () => {
    const words = (/** @type {string} */ prefix) => Array.from({ length: 600 }, (_, n) => `${prefix}${n}`).join(" ");
    const text = `same ${words("a")} same`;
    assert.equal(shown(differentParts(text, `same ${words("b")} same`)), `same [${words("a")}] same`);
  });
});

describe("a line of a log", () => {
  test("says who says what in a chat, and is one line of any other text", () => {
    const turn = [
      { role: "user", content: "Higher.\nPlease." },
      { role: "assistant", content: "64?" },
    ];
    assert.equal(lineOf(JSON.stringify(turn, null, 1)), "user: Higher. Please. · assistant: 64?");
    assert.equal(lineOf("  a screen\n  of lines "), "a screen of lines");
    for (const other of ["[1, 2]", "[not json", "[]", '[{"role":"user"}]', "[null]"])
      assert.equal(lineOf(other), other);
  });
});
