import { FRAME_MS } from './clock.ts'

/** Calls are spread over this many moments of a frame, so that they do not all encode at once. */
const PHASES = 4
/** What is missed by more than this many frames is skipped: a burst would only fill buffers. */
const MAX_CATCH_UP = 5

export interface TickerClock {
  /** Monotonic ms. */
  now(): number
  /** Calls `wake` after `ms` or a little later; returns how to cancel it. */
  wakeAfter(ms: number, wake: () => void): () => void
}

/**
 * One clock for all calls of the process: each subscriber is called once every 20 ms, on a schedule
 * that does not drift. A late wake-up is caught up, up to 100 ms.
 */
export class Ticker {
  readonly #clock: TickerClock
  readonly #onLate: (ms: number) => void
  readonly #phases = Array.from({ length: PHASES }, () => ({
    due: 0,
    ticks: new Set<Subscriber>(),
  }))
  #cancel: (() => void) | undefined

  /** `onLate` is told by how many ms each tick came late; it is the node's own measure of overload. */
  constructor(onLate: (ms: number) => void = () => undefined, clock: TickerClock = systemClock) {
    this.#onLate = onLate
    this.#clock = clock
  }

  /**
   * Calls `tick` every 20 ms until the returned function is called. A `tick` that throws is not called
   * again: `failed` is told instead, and every other call keeps its time.
   */
  subscribe(tick: () => void, failed: (error: unknown) => void): () => void {
    const { ticks } = this.#phases.reduce((a, b) => (b.ticks.size < a.ticks.size ? b : a))
    const subscriber = { tick, failed }
    ticks.add(subscriber)
    if (!this.#cancel) this.#start()
    return () => {
      ticks.delete(subscriber)
      if (this.#phases.every((phase) => phase.ticks.size === 0)) this.#stop()
    }
  }

  #start(): void {
    const now = this.#clock.now()
    for (const [i, phase] of this.#phases.entries()) phase.due = now + (FRAME_MS * (i + 1)) / PHASES
    this.#arm()
  }

  #stop(): void {
    this.#cancel?.()
    this.#cancel = undefined
  }

  #arm(): void {
    // A tick may have ended the last call and begun another, which armed already.
    this.#cancel?.()
    const next = Math.min(...this.#phases.map(({ due }) => due))
    this.#cancel = this.#clock.wakeAfter(Math.max(0, next - this.#clock.now()), this.#run)
  }

  readonly #run = (): void => {
    for (const phase of this.#phases) {
      for (let caughtUp = 0; phase.due <= this.#clock.now(); caughtUp++) {
        const { due } = phase
        if (caughtUp === MAX_CATCH_UP) {
          phase.due += Math.ceil((this.#clock.now() - due) / FRAME_MS) * FRAME_MS
          break
        }
        phase.due += FRAME_MS
        for (const subscriber of phase.ticks) {
          this.#onLate(this.#clock.now() - due)
          try {
            subscriber.tick()
          } catch (error) {
            phase.ticks.delete(subscriber)
            subscriber.failed(error)
          }
        }
      }
    }
    if (this.#phases.every(({ ticks }) => ticks.size === 0)) this.#stop()
    else this.#arm()
  }
}

interface Subscriber {
  readonly tick: () => void
  readonly failed: (error: unknown) => void
}

const systemClock: TickerClock = {
  now: () => performance.now(),
  wakeAfter(ms, wake) {
    const timer = setTimeout(wake, ms)
    return () => clearTimeout(timer)
  },
}
