import type { ProblemCode } from '@earshot/protocol'

/** Every way a call can fail. The words for them are the page's: `ui/words.ts`. */
export const FAILURE_CODES = [
  'unsupported-browser',
  'insecure-page',
  'mic-refused',
  'mic-missing',
  'mic-busy',
  'offline',
  'wrong-origin',
  'rate-limited',
  'no-node',
  'fleet-full',
  'node-timeout',
  'node-failed',
  'offer-refused',
  'misconfigured',
  'service-failed',
  'credentials-refused',
  'relay-unreachable',
  'direct-unreachable',
  'ended-by-node',
  'lost',
] as const

export type FailureCode = (typeof FAILURE_CODES)[number]

/** A failure of the call. `detail` is the technical cause, for support: it holds no secret. */
export class CallFailure extends Error {
  override name = 'CallFailure'
  readonly code: FailureCode
  readonly detail: string

  constructor(code: FailureCode, detail: string, options?: ErrorOptions) {
    super(`${code}: ${detail}`, options)
    this.code = code
    this.detail = detail
  }
}

/** The failure for anything thrown: itself when it is one, else a fault of ours. */
export function asFailure(error: unknown): CallFailure {
  if (error instanceof CallFailure) return error
  return new CallFailure('service-failed', describe(error), { cause: error })
}

/** No way for the sound was found, be it by a relay or directly: another try may find one. */
export function isUnreachable(error: unknown): boolean {
  const code = error instanceof CallFailure ? error.code : undefined
  return code === 'relay-unreachable' || code === 'direct-unreachable'
}

/** What the service's problem code means to the caller. */
export const FAILURE_OF_PROBLEM: Record<ProblemCode, FailureCode> = {
  'malformed-offer': 'offer-refused',
  'offer-too-large': 'offer-refused',
  'unsupported-media-type': 'offer-refused',
  unauthorized: 'misconfigured',
  misconfigured: 'misconfigured',
  'wrong-origin': 'wrong-origin',
  'rate-limited': 'rate-limited',
  'no-node': 'no-node',
  'fleet-full': 'fleet-full',
  'node-timeout': 'node-timeout',
  'node-failed': 'node-failed',
  'not-found': 'service-failed',
  'call-not-found': 'service-failed',
  'method-not-allowed': 'service-failed',
  'upgrade-required': 'service-failed',
  internal: 'service-failed',
}

/** `Name: message` of anything thrown. */
export function describe(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error)
}
