import { problem, type ProblemCode } from '@earshot/protocol'

/** A request that ends in one of the protocol's problems; thrown anywhere, answered in one place. */
export class Failure extends Error {
  override readonly name = 'Failure'
  readonly code: ProblemCode
  /** What happened this time and what to do about it; the caller sees it. */
  readonly detail: string
  readonly headers: Readonly<Record<string, string>>

  constructor(code: ProblemCode, detail: string, headers: Record<string, string> = {}) {
    super(`${code}: ${detail}`)
    this.code = code
    this.detail = detail
    this.headers = headers
  }
}

/** The RFC 9457 response for `failure`. */
export function problemResponse(failure: Failure): Response {
  const body = problem(failure.code, failure.detail)
  return new Response(JSON.stringify(body), {
    status: body.status,
    headers: {
      'Content-Type': 'application/problem+json',
      'Cache-Control': 'no-store',
      ...failure.headers,
    },
  })
}
