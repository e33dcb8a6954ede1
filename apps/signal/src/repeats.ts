/**
 * Requests that are sent again because no answer came in time: on a network that has just changed, the
 * first may be lost, or its answer. Whoever asks the same twice is told the same twice.
 */

/** How long an answer is kept for a repeat of its request, in ms. */
const KEPT_MS = 5_000

export class Repeats<T> {
  readonly #answers = new Map<string, { readonly answer: Promise<T>; readonly until: number }>()

  /**
   * `key`: a hash, so that what is kept of a request is small. What `ask` comes to, or, when `key` is known from the last five seconds, what it came to then. What
   * `isGood` says no to is not kept: the next request is a new one. `now` in ms.
   */
  ask(key: string, now: number, ask: () => Promise<T>, isGood: (answer: T) => boolean): Promise<T> {
    for (const [old, { until }] of this.#answers) if (until <= now) this.#answers.delete(old)
    const known = this.#answers.get(key)
    if (known) return known.answer
    const answer = ask()
    this.#answers.set(key, { answer, until: now + KEPT_MS })
    void this.#keepIfGood(key, answer, isGood)
    return answer
  }

  async #keepIfGood(
    key: string,
    answer: Promise<T>,
    isGood: (answer: T) => boolean,
  ): Promise<void> {
    const kept = await answer.then(isGood, () => false)
    if (!kept) this.#answers.delete(key)
  }
}
