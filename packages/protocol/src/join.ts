import * as v from 'valibot'
import { iceConfigurationSchema } from './ice.ts'

/**
 * A call id names its region and is otherwise 128 random bits: `<region>-<22 base64url characters>`.
 * It is the capability to end the call, so it must not be guessable.
 */
export const CALL_ID = /^(?<region>[a-z0-9]{1,16})-[A-Za-z0-9_-]{22}$/
export const callIdSchema = v.pipe(v.string(), v.regex(CALL_ID, 'is not a call id'))

/** A region is one fleet: lower-case letters and digits, at most 16. */
export const regionSchema = v.pipe(
  v.string(),
  v.regex(/^[a-z0-9]{1,16}$/, 'must be 1-16 lower-case letters or digits'),
)

/** The region that a call id carries, or `undefined` when it is not a call id. */
export function regionOf(callId: string): string | undefined {
  return CALL_ID.exec(callId)?.groups?.region
}

/** Offers and answers above this are refused: a browser's audio + data offer is 2-6 KB. */
export const MAX_SDP_BYTES = 64 * 1024

/**
 * The body of `201 Created` for `POST /v1/calls` with `Accept: application/json`.
 * With any other `Accept` the body is the SDP answer alone and the ICE servers are in `Link`.
 */
export const joinedSchema = v.object({
  call: callIdSchema,
  /** The SDP answer. */
  answer: v.string(),
  /** For `setConfiguration()`, with credentials made for this call. */
  configuration: iceConfigurationSchema,
})

export type Joined = v.InferOutput<typeof joinedSchema>
