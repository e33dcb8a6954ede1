/**
 * How an attempt gets a fresh connection to the service out of a browser that would rather wait for an old
 * one. While nothing gets through, a browser (Chromium) keeps every connection that it has begun to open,
 * also when nobody waits for it any more, and gives it to the next request instead of opening another. TCP
 * asks at 1, 3, 7, 15, 31 and 63 s: after a silence of 40 s that next request would wait for 23 more.
 * Another connection is opened for more requests at once than there are such connections, six at most,
 * and apart from those for requests with and without credentials. The service takes requests that are
 * alike for one. Pure.
 */

/** The browser's limit of connections to one service. */
const MOST = 6
/** A fresh connection so often, in ms, for as long as nothing gets through. */
const EVERY_MS = 6_000
/** Those of the first attempts. */
const BEGUN = { 'same-origin': 3, omit: 1 } as const

export interface Opening {
  /** How many alike requests to send at once. */
  readonly requests: number
  /** The calls need none; it says which of the browser's two lots of connections is used. */
  readonly credentials: 'omit' | 'same-origin'
}

/** For an attempt `lostMs` after the loss, when none has got through since. */
export function openingAfter(lostMs: number): Opening {
  const step = Math.floor(lostMs / EVERY_MS)
  const credentials = step % 2 === 0 ? 'omit' : 'same-origin'
  const requests = BEGUN[credentials] + Math.floor(step / 2) + (step > 0 ? 1 : 0)
  return { requests: Math.min(MOST, requests), credentials }
}
