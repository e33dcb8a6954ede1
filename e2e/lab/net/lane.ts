/** One direction of a shaped path: what becomes of each frame. Pure: time and chance are given. */

export interface LaneShape {
  readonly delayMs: number
  readonly lossShare: number
  /** Mean length of a burst of losses, in packets of 20 ms; 1: each frame is lost by itself. */
  readonly burstPackets: number
  /** 0: unlimited. The same number as kbit/s. */
  readonly bitsPerMs: number
  /** Frames that would wait longer for their turn are lost. */
  readonly queueMs: number
  readonly reorderShare: number
  readonly reorderMs: number
  readonly duplicateShare: number
}

const PACKET_MS = 20

export class Lane {
  shape: LaneShape
  readonly #random: () => number
  #isLosing = false
  #judgedAt = 0
  #busyUntil = 0

  /** `random`: 0 to 1, without 1. */
  constructor(shape: LaneShape, random: () => number) {
    this.shape = shape
    this.#random = random
  }

  /** The times (ms, as `nowMs`) at which a frame comes out: none if lost, two if duplicated. */
  admit(nowMs: number, bytes: number): number[] {
    const { delayMs, bitsPerMs, queueMs, reorderShare, reorderMs, duplicateShare } = this.shape
    if (this.#isLost(nowMs)) return []
    let sent = nowMs
    if (bitsPerMs > 0) {
      const start = Math.max(nowMs, this.#busyUntil)
      if (start - nowMs > queueMs) return []
      sent = start + (bytes * 8) / bitsPerMs
      this.#busyUntil = sent
    }
    const late = this.#happens(reorderShare) ? reorderMs : 0
    const at = sent + delayMs + late
    return this.#happens(duplicateShare) ? [at, at] : [at]
  }

  /**
   * Gilbert's model, in time: a losing state that lasts `burstPackets` times 20 ms on average, and is
   * entered as often as the share of lost time asks for. Counted in frames instead, a burst would
   * wait for a lone TCP connection to try again, again and again, and no burst on a real path does.
   */
  #isLost(nowMs: number): boolean {
    const { lossShare, burstPackets } = this.shape
    if (lossShare >= 1) return true
    if (burstPackets <= 1) return this.#happens(lossShare)
    const burstMs = burstPackets * PACKET_MS
    const elapsed = nowMs - this.#judgedAt
    this.#judgedAt = nowMs
    // What is left of the last state decays; a state drawn anew is the losing one in `lossShare`.
    const kept = Math.exp((-elapsed / burstMs) * (1 / (1 - lossShare)))
    if (!this.#happens(kept)) this.#isLosing = this.#happens(lossShare)
    return this.#isLosing
  }

  #happens(share: number): boolean {
    return share > 0 && this.#random() < share
  }
}

/** Repeatable chance (mulberry32): the same seed loses the same frames. */
export function randomFrom(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
