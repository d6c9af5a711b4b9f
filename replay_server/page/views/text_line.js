/** A text in one line, for lists: of a chat's messages, who says what. */

/**
 * @param {string} text
 * @returns {string}
 */
export function lineOf(text) {
  return (messagesIn(text) ?? text).replace(/\s+/gu, " ").trim();
}

/**
 * The messages of a turn, or null if the text is something else.
 *
 * @param {string} text
 */
function messagesIn(text) {
  if (!text.startsWith("[")) return null;
  /** @type {any} */
  let messages;
  try {
    messages = JSON.parse(text);
  } catch {
    return null;
  }
  const isChat =
    Array.isArray(messages) && messages.length > 0 && messages.every((one) => typeof one?.content === "string");
  if (!isChat) return null;
  return messages
    .map((/** @type {{role?: string, content: string}} */ { role, content }) =>
      role ? `${role}: ${content}` : content,
    )
    .join(" · ");
}
