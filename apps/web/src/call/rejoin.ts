/** Waits before each attempt to rejoin, in ms. */
const DELAYS_MS = [0, 500, 1_000, 2_000, 4_000] as const
/** Share of a delay that chance adds, so that the callers of a dead node do not return as one. */
const JITTER = 0.25

export const REJOIN_ATTEMPTS: number = DELAYS_MS.length

/**
 * A connection that lived this long, in ms, has earned a fresh count of attempts: one that comes
 * up and falls at once must not be tried for ever.
 */
export const STABLE_MS = 10_000

/** Wait before `attempt` (from 1), or `undefined` when there are no more. `chance`: 0-1. */
export function rejoinDelay(attempt: number, chance: number): number | undefined {
  const delay = DELAYS_MS[attempt - 1]
  return delay === undefined ? undefined : delay * (1 + JITTER * chance)
}
