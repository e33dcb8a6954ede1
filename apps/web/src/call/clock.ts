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

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new DOMException('aborted', 'AbortError')
}
