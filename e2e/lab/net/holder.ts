/** Holds things until their time, in order of time; at the same time, in order of arrival. */
export class Holder<T> {
  readonly #held: { readonly thing: T; readonly at: number }[] = []
  readonly #release: (thing: T) => void
  #timer: NodeJS.Timeout | undefined
  #firesAt = Number.POSITIVE_INFINITY

  constructor(release: (thing: T) => void) {
    this.#release = release
  }

  /** `atMs` and `nowMs` as performance.now() has them. What is due is released at once. */
  hold(thing: T, atMs: number, nowMs: number): void {
    if (atMs <= nowMs && this.#held.length === 0) {
      this.#release(thing)
      return
    }
    let place = this.#held.length
    while (place > 0 && (this.#held[place - 1]?.at ?? 0) > atMs) place -= 1
    this.#held.splice(place, 0, { thing, at: atMs })
    if (atMs < this.#firesAt) this.#arm(nowMs)
  }

  // Timers count whole milliseconds: half of one early is as near as late is.
  #arm(nowMs: number): void {
    clearTimeout(this.#timer)
    const first = this.#held[0]
    this.#firesAt = first?.at ?? Number.POSITIVE_INFINITY
    if (first === undefined) return
    this.#timer = setTimeout(() => this.#fire(), Math.max(0, Math.round(first.at - nowMs)))
  }

  #fire(): void {
    const now = performance.now()
    let due = 0
    while ((this.#held[due]?.at ?? Number.POSITIVE_INFINITY) <= now + 0.5) due += 1
    for (const { thing } of this.#held.splice(0, due)) this.#release(thing)
    this.#arm(now)
  }
}
