/** Resume tokens: the caller has the token, the fleet its hash alone. */
import { base64url } from './base64url.ts'

export interface ResumeToken {
  /** For the caller alone. */
  readonly token: string
  /** For the fleet; see `hashToken`. */
  readonly hash: string
}

/** A new token for a conversation that `region` keeps. */
export async function mintResumeToken(region: string): Promise<ResumeToken> {
  const token = `${region}.${base64url(crypto.getRandomValues(new Uint8Array(32)))}`
  return { token, hash: await hashToken(token) }
}

/**
 * SHA-256 of a token, base64url. No salt and no stretching: a token is 256 random bits, so there is
 * nothing to guess, and a plain hash can be looked up.
 */
export async function hashToken(token: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(token))
  return base64url(new Uint8Array(digest))
}
