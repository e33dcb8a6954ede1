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

/** The request header that carries the resume token of a call that was lost. */
export const RESUME_HEADER = 'Earshot-Resume'

/**
 * The request header beside it that counts a caller's attempts to come back, from 1. On a network that
 * has just changed a request may arrive after the one that was sent later: it must not undo that one.
 */
export const ATTEMPT_HEADER = 'Earshot-Attempt'

/** `<region>.<43 base64url characters>`: 256 random bits, and where the conversation is kept. */
export const RESUME_TOKEN = /^(?<region>[a-z0-9]{1,16})\.[A-Za-z0-9_-]{43}$/

/** How long a conversation is kept for its caller to come back once its call is gone, in ms. */
export const RESUME_MS = 120_000

/** The region that a resume token carries, or `undefined` when it is not a resume token. */
export function regionOfResume(token: string): string | undefined {
  return RESUME_TOKEN.exec(token)?.groups?.region
}

/**
 * What became of the conversation that a join asked to go on with. `here`: the node has it, its
 * unfinished reply included. `moved`: another node has what the handler kept. `no`: it begins anew, as
 * every first join does.
 */
export const resumedSchema = v.picklist(['here', 'moved', 'no'])
export type Resumed = v.InferOutput<typeof resumedSchema>

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
  /**
   * For `RESUME_HEADER`, to join the same conversation again when this call is lost. Good for one
   * connection: the token that led to a call is worthless once that call is connected.
   */
  resume: v.pipe(v.string(), v.regex(RESUME_TOKEN, 'is not a resume token')),
  resumed: resumedSchema,
  /**
   * An opaque name of the network that the caller is on, so that a page can remember what worked
   * there; absent when the edge does not know the caller's address.
   */
  network: v.optional(v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{1,32}$/))),
})

export type Joined = v.InferOutput<typeof joinedSchema>
