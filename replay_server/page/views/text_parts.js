/** Texts in parts to mark: where words of a search stand, and which words another text lacks. */

/** @typedef {{text: string, isMarked: boolean}} Part */

/** Pairs of words to compare; beyond, the whole middle of the text counts as different. */
const MOST_PAIRS = 250_000;

/**
 * Mark every place of a query, whatever its case.
 *
 * @param {string} text
 * @param {string} query not empty
 * @returns {Part[]}
 */
export function foundParts(text, query) {
  const [low, wanted] = [text.toLowerCase(), query.toLowerCase()];
  // In some languages lower case has another length; then no place is known.
  if (low.length !== text.length) return [{ text, isMarked: false }];
  const parts = [];
  let end = 0;
  for (let at = low.indexOf(wanted); at >= 0; at = low.indexOf(wanted, end)) {
    parts.push({ text: text.slice(end, at), isMarked: false });
    end = at + wanted.length;
    parts.push({ text: text.slice(at, end), isMarked: true });
  }
  parts.push({ text: text.slice(end), isMarked: false });
  return parts.filter((part) => part.text);
}

/**
 * Mark the words of a text that another one lacks at this place.
 *
 * @param {string} text
 * @param {string} other
 * @returns {Part[]}
 */
export function differentParts(text, other) {
  const [words, others] = [wordsOf(text), wordsOf(other)];
  let before = 0;
  while (before < words.length && words[before] === others[before]) before++;
  let after = 0;
  const most = Math.min(words.length, others.length) - before;
  while (after < most && words[words.length - 1 - after] === others[others.length - 1 - after]) after++;
  const middle = words.slice(before, words.length - after);
  const shared = sharedWords(middle, others.slice(before, others.length - after));
  return joined([
    ...words.slice(0, before).map((word) => ({ text: word, isMarked: false })),
    ...middle.map((word, place) => ({ text: word, isMarked: !shared.has(place) })),
    ...words.slice(words.length - after).map((word) => ({ text: word, isMarked: false })),
  ]);
}

/**
 * Words, and what stands between them.
 *
 * @param {string} text
 */
const wordsOf = (text) => text.match(/\s+|[^\s]+/gu) ?? [];

/**
 * Places of the words that belong to a longest common sequence.
 *
 * @param {string[]} words
 * @param {string[]} others
 */
function sharedWords(words, others) {
  /** @type {Set<number>} */
  const shared = new Set();
  if (words.length * others.length > MOST_PAIRS) return shared;
  const width = others.length + 1;
  const lengths = new Uint16Array((words.length + 1) * width);
  for (let row = words.length - 1; row >= 0; row--)
    for (let column = others.length - 1; column >= 0; column--)
      lengths[row * width + column] =
        words[row] === others[column]
          ? lengths[(row + 1) * width + column + 1] + 1
          : Math.max(lengths[(row + 1) * width + column], lengths[row * width + column + 1]);
  for (let row = 0, column = 0; row < words.length && column < others.length;) {
    if (words[row] === others[column]) {
      shared.add(row++);
      column++;
    } else if (lengths[(row + 1) * width + column] >= lengths[row * width + column + 1]) row++;
    else column++;
  }
  return shared;
}

/** @param {Part[]} parts */
function joined(parts) {
  /** @type {Part[]} */
  const found = [];
  for (const part of parts) {
    const last = found.at(-1);
    if (last?.isMarked === part.isMarked) last.text += part.text;
    else found.push({ ...part });
  }
  return found;
}
