/**
 * Which packets of the caller are missing, and when to ask for them again: at once when a later one shows
 * the gap, then every round trip for as long as an answer can be in time. What a caller is asked is the
 * generic NACK of RFC 4585, 6.2.1. Pure; sequence numbers are unwrapped, times are in ms.
 */

/** Less than the 320 ms of silence that the page's end mark follows, so that the turn has what was held. */
const MAX_ANSWER_MS = 300
/** At 20 % loss one packet in 3000 is lost so many times over. */
const MAX_ASKS = 5
/** Before the first answer: a path through a relay nearby. */
const FIRST_GUESS_MS = 100
/** Over the round trip before asking again, for what differs from packet to packet. */
const MARGIN_MS = 20
/** A longer gap, one second of audio, is a break or a sender that has started over. */
const MAX_GAP_PACKETS = 50
/** At 50 % loss there are so many to remember. */
const MAX_REMEMBERED = 100
/** For so long an answer may still be on its way, or a second one. */
const REMEMBERED_MS = 2_000
/** A caller that so many requests in a row got nothing out of does not answer any. */
const MAX_UNANSWERED = 12

interface Lost {
  readonly since: number
  askedAt: number
  asks: number
  /** It has come; what comes now is a second answer. */
  here: boolean
}

export class LostPackets {
  readonly #ask: (sequences: readonly number[]) => void
  readonly #lost = new Map<number, Lost>()
  #highest: number | undefined
  #rttMs: number | undefined
  #unanswered = 0
  #asked = 0

  /** `ask` sends one NACK for these packets, named by their 16-bit sequence numbers. */
  constructor(ask: (sequences: readonly number[]) => void) {
    this.#ask = ask
  }

  /** How many packets were asked for, each counted once. */
  get asked(): number {
    return this.#asked
  }

  /** Has this packet been asked for, lately? */
  has(sequence: number): boolean {
    return this.#lost.has(sequence)
  }

  /** Takes note of a packet, and asks for those that it shows to be missing. */
  arrived(sequence: number, now: number): void {
    const lost = this.#lost.get(sequence)
    if (lost && !lost.here) {
      lost.here = true
      this.#unanswered = 0
      this.#measure(now - lost.since)
    }
    const from = (this.#highest ?? sequence) + 1
    this.#highest = Math.max(sequence, from - 1)
    const missing = sequence - from
    const room = Math.min(MAX_GAP_PACKETS, MAX_REMEMBERED - this.#lost.size)
    if (missing <= 0 || missing > room) return
    const sequences = Array.from({ length: missing }, (_, i) => from + i)
    for (const each of sequences) {
      this.#lost.set(each, { since: now, askedAt: now, asks: 0, here: false })
    }
    this.#asked += missing
    this.#send(sequences, now)
  }

  /** Asks again for what is due. To be called every frame; what is before `next` is of no use any more. */
  tick(next: number, now: number): void {
    const due: number[] = []
    for (const [sequence, lost] of this.#lost) {
      if (now - lost.since > REMEMBERED_MS) this.#lost.delete(sequence)
      else if (sequence >= next && this.#isDue(lost, now)) due.push(sequence)
    }
    if (due.length > 0) this.#send(due, now)
  }

  /** Can this packet still come in answer to us? */
  canCome(sequence: number, now: number): boolean {
    const lost = this.#lost.get(sequence)
    if (!lost || this.#unanswered >= MAX_UNANSWERED) return false
    const isLast = lost.asks === MAX_ASKS
    const overdue = isLast && now - lost.askedAt >= this.#answerMs
    return !overdue && this.#answerMs <= MAX_ANSWER_MS && now - lost.since < MAX_ANSWER_MS
  }

  /** The sender has started over. */
  clear(): void {
    this.#lost.clear()
    this.#highest = undefined
  }

  /** How long an answer takes. */
  get #answerMs(): number {
    return (this.#rttMs ?? FIRST_GUESS_MS) + MARGIN_MS
  }

  #isDue({ here, asks, askedAt, since }: Lost, now: number): boolean {
    const inTime = now - since + this.#answerMs <= MAX_ANSWER_MS
    return !here && asks < MAX_ASKS && inTime && now - askedAt >= this.#answerMs
  }

  /**
   * Follows at once when the round trip gets shorter, slowly when longer: what answers a repeated request
   * looks late by as much as was waited before it.
   */
  #measure(ms: number): void {
    this.#rttMs ??= ms
    this.#rttMs += (ms - this.#rttMs) * (ms < this.#rttMs ? 0.5 : 0.125)
  }

  #send(sequences: readonly number[], now: number): void {
    for (const sequence of sequences) {
      const lost = this.#lost.get(sequence)
      if (!lost) continue
      lost.askedAt = now
      lost.asks++
    }
    this.#unanswered++
    this.#ask(sequences.map((sequence) => sequence & 0xffff))
  }
}
