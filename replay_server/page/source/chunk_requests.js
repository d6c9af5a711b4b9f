/**
 * Decides which messages fetch the wanted chunks of one stream. Pure.
 *
 * The server sends chunks in order from its position, one per credit. `seek` moves the position and replaces the
 * outstanding credit. Urgent chunks go first; prefetching continues after them.
 */

/** Chunks in flight: enough to hide a round trip, few enough that a seek is not delayed. */
const WINDOW = 4;

export class ChunkRequests {
  /**
   * Positions that are wanted but not in flight, in the order of fetching.
   *
   * @type {number[]}
   */
  #wanted = [];
  /**
   * Positions in flight, in the order in which the server sends them.
   *
   * @type {number[]}
   */
  #underWay = [];

  /** All requested positions that have not arrived. */
  get outstanding() {
    return [...this.#underWay, ...this.#wanted];
  }

  /**
   * Request a chunk; an urgent one goes before all others.
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
   * A chunk has arrived, perhaps after it was cancelled.
   *
   * @param {number} position
   */
  arrived(position) {
    this.#wanted = this.#wanted.filter((other) => other !== position);
    this.#underWay = this.#underWay.filter((other) => other !== position);
  }

  /**
   * The stream was opened: `credit` chunks from `position` on are in flight, and no others.
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
   * The next message to send.
   *
   * @returns {?{seek: ?number, credit: number}} `seek` is a position to move to, null to continue in order; null if
   *   there is nothing to send.
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
