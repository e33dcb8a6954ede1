/** Time, passed in so that tests own it. */
export interface Clock {
  /** Milliseconds on a clock that never steps back (`performance.now()`). */
  now(): number
  /** Resolves after `ms`; rejects with the signal's reason when it aborts first. */
  wait(ms: number, signal: AbortSignal): Promise<void>
}

export const systemClock: Clock = {
  now: () => performance.now(),
  wait: (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(asError(signal.reason))
        return
      }
      const timer = setTimeout(() => {
        signal.removeEventListener('abort', onAbort)
        resolve()
      }, ms)
      const onAbort = () => {
        clearTimeout(timer)
        reject(asError(signal.reason))
      }
      signal.addEventListener('abort', onAbort, { once: true })
    }),
}

/** Runs `then` after `ms` unless the signal aborts first. */
export function after(clock: Clock, ms: number, signal: AbortSignal, then: () => void): void {
  clock.wait(ms, signal).then(then, () => {})
}

/** A wait that can be cut short. */
export interface Nap {
  /** Resolves after `ms`, or when woken; rejects with the signal's reason when it aborts first. */
  take(ms: number, signal: AbortSignal): Promise<void>
  wake(): void
}

export function createNap(clock: Clock): Nap {
  let wake = () => {}
  return {
    async take(ms, signal) {
      const woken = new Promise<void>((resolve) => {
        wake = resolve
      })
      const over = new AbortController()
      await Promise.race([clock.wait(ms, AbortSignal.any([signal, over.signal])), woken])
      over.abort()
      signal.throwIfAborted()
    },
    wake: () => wake(),
  }
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new DOMException('aborted', 'AbortError')
}
