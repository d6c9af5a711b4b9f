/**
 * Which messages fetch the wanted chunks of one stream. Pure: it is told what is wanted and what arrived, and says what
 * to send.
 *
 * The server sends chunks in order from where it stands, one for each credit; `seek` moves it and replaces the
 * outstanding credit. What a person waits for goes first; what is only fetched ahead goes on afterwards.
 */

/** Chunks under way at once: enough to hide a round trip, few enough that a seek never waits behind many. */
const WINDOW = 4;

export class ChunkRequests {
  /**
   * Positions wanted and not under way, in the order in which they are to be fetched.
   *
   * @type {number[]}
   */
  #wanted = [];
  /**
   * Positions under way, in the order in which the server sends them.
   *
   * @type {number[]}
   */
  #underWay = [];

  /** Everything that was asked for and has not arrived. */
  get outstanding() {
    return [...this.#underWay, ...this.#wanted];
  }

  /**
   * Ask for a chunk; an urgent one goes before all others.
   *
   * @param {number} position
   * @param {{urgent?: boolean}} options
   */
  want(position, { urgent = false } = {}) {
    if (this.#underWay.includes(position)) return;
    this.#wanted = this.#wanted.filter((other) => other !== position);
    if (urgent) {
      this.#wanted = [position, ...this.#underWay, ...this.#wanted];
      this.#underWay = [];
    } else {
      this.#wanted.push(position);
    }
  }

  /**
   * A chunk is here; also one that was cancelled too late.
   *
   * @param {number} position
   */
  arrived(position) {
    this.#wanted = this.#wanted.filter((other) => other !== position);
    this.#underWay = this.#underWay.filter((other) => other !== position);
  }

  /**
   * The stream was opened: `credit` chunks from `position` on are under way, unasked, and nothing else.
   *
   * @param {number} position
   * @param {number} credit
   */
  restart(position, credit) {
    const underWay = Array.from({ length: Math.max(0, credit) }, (_, ahead) => position + ahead);
    this.#wanted = this.outstanding.filter((other) => !underWay.includes(other));
    this.#underWay = underWay;
  }

  /**
   * What to send now.
   *
   * @returns {?{seek: ?number, credit: number}} `seek` is a position to move to, null to go on in order; null when
   *   nothing is to be sent.
   */
  next() {
    if (!this.#wanted.length || this.#underWay.length >= WINDOW) return null;
    const last = this.#underWay.at(-1);
    const [first] = this.#wanted;
    if (last !== undefined && first !== last + 1) return null;
    let credit = 0;
    while (this.#underWay.length < WINDOW && this.#wanted[0] === first + credit) {
      this.#underWay.push(first + credit);
      this.#wanted.shift();
      credit++;
    }
    return { seek: last === undefined ? first : null, credit };
  }
}
