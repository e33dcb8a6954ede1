/**
 * Which of its packets a caller may have sent again. Not more than were sent, or a small NACK would make a
 * node send much; and none that is old: it would come too late to be heard, and the library keeps count of
 * the 16-bit numbers' wraps (they are in the cipher's nonce) only among packets less than 100 apart.
 */

/** One second. */
const MAX_AGE_PACKETS = 50
/** Packets in hand, so that a burst can be answered whole. */
const MAX_IN_HAND = 50

export class Resends {
  #newest: number | undefined
  #inHand = MAX_IN_HAND

  /** A packet has been sent for the first time; its 16-bit sequence number. */
  sent(sequence: number): void {
    this.#newest = sequence
    this.#inHand = Math.min(MAX_IN_HAND, this.#inHand + 1)
  }

  /** The packets to send again out of those that a NACK names. */
  take(sequences: readonly number[]): number[] {
    const newest = this.#newest
    if (newest === undefined) return []
    // The library does not wrap the numbers that it reads out of a bit mask.
    const wrapped = new Set(sequences.map((sequence) => sequence & 0xffff))
    const taken = [...wrapped]
      .filter((sequence) => ((newest - sequence) & 0xffff) < MAX_AGE_PACKETS)
      .slice(0, this.#inHand)
    this.#inHand -= taken.length
    return taken
  }
}
