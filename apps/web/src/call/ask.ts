/** Asks the service to take a call, and asks again while nothing comes back. */
import { after, type Clock } from './clock.ts'
import { asFailure, CallFailure } from './failure.ts'
import { type Answered, type ComingBack, type Fetch, postOffer } from './join.ts'
import type { Limits } from './rejoin.ts'

/**
 * Posts the offer, and the same again after each of `limits.repeatMs`: on a network that has just changed
 * the browser may have sent the first into a connection that is dead and does not know it; the next goes
 * out by another (`fresh-connection.ts`). The service takes them for one. Resolves with whichever answer comes first.
 *
 * Rejects with a `CallFailure`: what the service said, or that nothing came within `limits.answerMs`, or
 * that no request got through.
 */
export async function askForAnswer(
  { fetch, clock }: { fetch: Fetch; clock: Clock },
  offer: string,
  back: ComingBack | undefined,
  { answerMs, repeatMs, credentials = 'same-origin' }: Limits,
): Promise<Answered> {
  const over = new AbortController()
  const until = over.signal
  try {
    return await new Promise((resolve, reject) => {
      let underWay = 0
      const post = async (): Promise<void> => {
        underWay += 1
        try {
          resolve(await postOffer(fetch, offer, back, until, credentials))
        } catch (error) {
          underWay -= 1
          // Another one may still get through to a service that this one did not reach.
          if (asFailure(error).code !== 'offline' || underWay === 0) reject(asFailure(error))
        }
      }
      after(clock, answerMs, until, () => {
        reject(new CallFailure('offline', `POST /v1/calls: no answer within ${answerMs} ms`))
      })
      void post()
      for (const ms of repeatMs) {
        if (ms === 0) void post()
        else after(clock, ms, until, () => void post())
      }
    })
  } finally {
    over.abort(new DOMException('answered', 'AbortError'))
  }
}
