import {
  ATTEMPT_HEADER,
  type Joined,
  joinedSchema,
  MAX_SDP_BYTES,
  parseJson,
  problemSchema,
  RESUME_HEADER,
} from '@earshot/protocol'
import type { Clock } from './clock.ts'
import { CallFailure, describe, FAILURE_OF_PROBLEM } from './failure.ts'

export type Fetch = (input: string, init?: RequestInit) => Promise<Response>

/** An answered call. `location` is the address to end it at. */
export interface Answered extends Joined {
  location: string
}

/** How a caller says which conversation to go on with. */
export interface ComingBack {
  /** The resume token of the newest answer; it is in one header and in no error. */
  token: string
  /** Counts the attempts of a call to come back, from 1. */
  attempt: number
}

/**
 * The one round trip of a call: posts the offer, resolves with the answer and the ICE servers.
 *
 * Rejects with a `CallFailure`, or with the signal's reason when it aborts.
 */
export async function postOffer(
  fetch: Fetch,
  offer: string,
  back: ComingBack | undefined,
  signal: AbortSignal,
  credentials: RequestCredentials = 'same-origin',
): Promise<Answered> {
  let response: Response
  let body: string
  try {
    response = await fetch('/v1/calls', {
      method: 'POST',
      credentials,
      headers: {
        'Content-Type': 'application/sdp',
        Accept: 'application/json',
        ...(back && { [RESUME_HEADER]: back.token, [ATTEMPT_HEADER]: String(back.attempt) }),
      },
      body: offer,
      signal,
    })
    body = await response.text()
  } catch (error) {
    signal.throwIfAborted()
    throw new CallFailure('offline', `POST /v1/calls: ${describe(error)}`, { cause: error })
  }
  if (response.status !== 201) throw refused(response.status, body)
  const joined = parseJson(joinedSchema, body, 2 * MAX_SDP_BYTES)
  if (!joined) {
    throw new CallFailure('service-failed', 'POST /v1/calls: 201 without a usable answer')
  }
  return { ...joined, location: response.headers.get('Location') ?? `/v1/calls/${joined.call}` }
}

/** How long a connection is kept for the service to take note of a hang-up, in ms. */
const GOODBYE_MS = 1_000

/** Gives a call's seat back; resolves when the service has taken note, or after a second. */
export async function giveBack(
  { fetch, clock }: { fetch: Fetch; clock: Clock },
  { location }: Answered,
): Promise<void> {
  const noted = deleteCall(fetch, location)
  await Promise.race([noted, clock.wait(GOODBYE_MS, new AbortController().signal)])
}

/** Tells the service that the call is over. Outlives the page; a failure is the node's to notice. */
async function deleteCall(fetch: Fetch, location: string): Promise<void> {
  try {
    const response = await fetch(location, { method: 'DELETE', keepalive: true })
    // Read to its end: a body that is left lying counts as an aborted request.
    await response.text()
  } catch {
    // The node notices by itself that nobody is there.
  }
}

function refused(status: number, body: string): CallFailure {
  const problem = parseJson(problemSchema, body, MAX_SDP_BYTES)
  if (!problem) return new CallFailure('service-failed', `POST /v1/calls: HTTP ${status}`)
  const detail = `${status} ${problem.code}: ${problem.detail ?? problem.title}`
  return new CallFailure(FAILURE_OF_PROBLEM[problem.code], detail)
}
