/**
 * TURN REST credentials (draft-uberti-behave-turn-rest-00): what coturn's `use-auth-secret`
 * recomputes. Web Crypto only, so that Node and the Workers runtime both run this file as it is.
 */

export interface TurnCredentials {
  /** `<expiry, Unix seconds>:<id>`. It crosses the wire in clear: the id must say nothing of a person. */
  readonly username: string
  /** Base64 of HMAC-SHA1 over the username. coturn takes no other hash. */
  readonly credential: string
}

/**
 * Credentials that may start new relays until `ttlSeconds` after `nowMs` (Unix ms); a relay that
 * has begun outlives them. coturn counts `user-quota` by `id`.
 */
export async function turnCredentials(
  secret: string,
  id: string,
  ttlSeconds: number,
  nowMs: number,
): Promise<TurnCredentials> {
  const username = `${Math.floor(nowMs / 1000) + ttlSeconds}:${id}`
  const mac = await hmacSha1(secret, username)
  return { username, credential: btoa(String.fromCharCode(...mac)) }
}

/** HMAC-SHA1 (RFC 2104) of `message`, both as UTF-8: 20 bytes. */
export async function hmacSha1(key: string, message: string): Promise<Uint8Array> {
  const encoder = new TextEncoder()
  const hmac = { name: 'HMAC', hash: 'SHA-1' }
  const imported = await crypto.subtle.importKey('raw', encoder.encode(key), hmac, false, ['sign'])
  return new Uint8Array(await crypto.subtle.sign('HMAC', imported, encoder.encode(message)))
}
