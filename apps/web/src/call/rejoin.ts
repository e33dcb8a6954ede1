/**
 * How a lost call is joined again: at once, then every half second for as long as the loss may be a
 * change of network or a restart, then more slowly, for a minute in all. Each attempt is short, so
 * that one which began while the network was gone does not keep the next from using it.
 */

import { FAILURE_OF_PROBLEM, type FailureCode } from './failure.ts'
import { openingAfter } from './fresh-connection.ts'

/** After so many ms without a connection that lasted, the call is given up. */
export const REJOIN_MS = 60_000
/** A connection that lived this long, in ms, has earned a fresh minute. */
export const STABLE_MS = 10_000

const EAGER_MS = 10_000
const EAGER_DELAY_MS = 400
/** After a first attempt that failed, in ms: browsers end all requests of a network that is gone. */
const SECOND_DELAY_MS = 100
const PATIENT_DELAY_MS = 1_000
/** After the service has said no, in ms: it is there, and is not to be asked for what it has not. */
const REFUSED_DELAY_MS = 1_000
/** After it has said that it is asked too often from here, in ms: it counts by the minute. */
const LIMITED_DELAY_MS = 10_000
/** Share of a delay that chance adds, so that the callers of a dead node do not return as one. */
const JITTER = 0.25

/** How long one attempt may take. */
export interface Limits {
  /** From the offer to its answer, in ms. */
  readonly answerMs: number
  /** From the answer to the open connection, in ms. */
  readonly connectMs: number
  /** When to ask once more while there is no answer, in ms after the offer. */
  readonly repeatMs: readonly number[]
  readonly credentials?: RequestCredentials
  /** From the offer to the open connection, in ms, if that is shorter. */
  readonly wholeMs?: number
}

/**
 * Wait before `attempt` (from 1), `lostMs` after the loss, or `undefined` when it is time to give up.
 * `chance`: 0-1. `failed`: how the attempt before has ended.
 */
export function rejoinDelay(
  attempt: number,
  lostMs: number,
  chance: number,
  failed?: FailureCode,
): number | undefined {
  if (lostMs >= REJOIN_MS) return undefined
  if (attempt === 1) return 0
  return delayAfter(attempt, lostMs, failed) * (1 + JITTER * chance)
}

function delayAfter(attempt: number, lostMs: number, failed: FailureCode | undefined): number {
  const isEager = lostMs < EAGER_MS
  if (failed === 'rate-limited') return LIMITED_DELAY_MS
  if (failed !== undefined && REFUSALS.has(failed)) return (isEager ? 1 : 2) * REFUSED_DELAY_MS
  if (attempt === 2 && isEager) return SECOND_DELAY_MS
  return isEager ? EAGER_DELAY_MS : PATIENT_DELAY_MS
}

/** What the service says when it is there and does not take the call. */
const REFUSALS: ReadonlySet<FailureCode> = new Set(Object.values(FAILURE_OF_PROBLEM))

/**
 * What `attempt` (from 1) is given, `lostMs` after the loss, on a path whose round trip was `rttMs` when last
 * seen: a join takes some seven of them, and two more to open a connection to the service. `isCutOff`: the
 * attempt before has heard nothing of the service.
 */
export function rejoinLimits(
  attempt: number,
  lostMs: number,
  rttMs: number | undefined,
  isCutOff: boolean,
): Limits {
  const rtt = Math.min(rttMs ?? 150, 500)
  // The first goes out by whatever connection to the service is open, which may be as dead as the call:
  // the same at once by another. A rejoin is too rare for the one request to matter. Chromium goes on
  // gathering on a network that is gone for up to two seconds, and then by itself on the new one.
  if (attempt === 1) {
    const connectMs = Math.max(2_500, 12 * rtt)
    return { answerMs: Math.max(700, 6 * rtt), connectMs, repeatMs: [0, Math.max(150, 2 * rtt)] }
  }
  const patience = lostMs < EAGER_MS ? 1 : 2
  const { requests, credentials } = openingAfter(lostMs)
  return {
    answerMs: patience * Math.max(1_500, 10 * rtt),
    connectMs: patience * Math.max(1_500, 12 * rtt),
    // A service that answers, though it be with a refusal, is not asked twice.
    ...(isCutOff
      ? { repeatMs: Array.from({ length: requests - 1 }, () => 0), credentials }
      : { repeatMs: [] }),
  }
}
