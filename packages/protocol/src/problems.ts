import * as v from 'valibot'

/**
 * Every way a request can fail: its HTTP status and a title that a person can read.
 * The body is RFC 9457 problem details; `code` is the key here, `type` is `urn:earshot:problem:<code>`.
 */
export const PROBLEMS = {
  'malformed-offer': { status: 400, title: 'The body is not a usable SDP offer' },
  unauthorized: { status: 401, title: 'The token is missing or wrong' },
  'wrong-origin': { status: 403, title: 'Pages of this origin may not place calls here' },
  'not-found': { status: 404, title: 'There is nothing at this address' },
  'call-not-found': { status: 404, title: 'There is no such call' },
  'method-not-allowed': { status: 405, title: 'This address does not take that method' },
  'offer-too-large': { status: 413, title: 'The offer is too large' },
  'unsupported-media-type': { status: 415, title: 'The offer must be sent as application/sdp' },
  'upgrade-required': { status: 426, title: 'This address speaks WebSocket only' },
  'rate-limited': { status: 429, title: 'Too many requests from this address' },
  misconfigured: { status: 500, title: 'The service is not configured correctly' },
  internal: { status: 500, title: 'Something failed on our side' },
  'node-failed': { status: 502, title: 'The media node could not take the call' },
  'no-node': { status: 503, title: 'No media node is connected' },
  'fleet-full': { status: 503, title: 'Every seat is taken' },
  'node-timeout': { status: 504, title: 'The media node did not answer in time' },
} as const satisfies Record<string, { status: number; title: string }>

export type ProblemCode = keyof typeof PROBLEMS

export const problemSchema = v.object({
  type: v.string(),
  title: v.string(),
  status: v.number(),
  code: v.picklist(Object.keys(PROBLEMS) as [ProblemCode, ...ProblemCode[]]),
  /** What happened this time and what to do about it. */
  detail: v.optional(v.string()),
})

export type Problem = v.InferOutput<typeof problemSchema>

/** The problem-details body for `code`; `detail` says what happened this time and the remedy. */
export function problem(code: ProblemCode, detail?: string): Problem {
  const { status, title } = PROBLEMS[code]
  const base = { type: `urn:earshot:problem:${code}`, title, status, code }
  return detail === undefined ? base : { ...base, detail }
}
