/** What a request must pass before it reaches a fleet. Each guard throws a `Failure` or returns. */
import { MAX_SDP_BYTES, regionOfResume, RESUME_HEADER } from '@earshot/protocol'
import { Failure } from './failure.ts'
import { leadingGroups, parseIp } from './ip-address.ts'

/** The rate limit's period, and so the longest that a refused caller need wait, in seconds. */
const RATE_LIMIT_SECONDS = 60

/**
 * Refuses pages of other origins. A request without `Origin` is not a page's: ordinary WHIP clients
 * send none.
 */
export function checkOrigin(request: Request, allowedOrigins: readonly string[]): void {
  const origin = request.headers.get('Origin')
  if (origin === null || allowedOrigins.includes(origin)) return
  if (URL.parse(origin)?.host === new URL(request.url).host) return
  throw new Failure('wrong-origin', 'Add the origin of the page to ALLOWED_ORIGINS to let it in.')
}

/**
 * Refuses a caller who asks too often, by address. Those who come back are counted apart: when a node
 * dies, all callers of one address ask at once, and must not be kept out by those who call anew.
 */
export async function checkRate(request: Request, limit: RateLimit): Promise<void> {
  const isBack = regionOfResume(request.headers.get(RESUME_HEADER) ?? '') !== undefined
  const key = rateKey(callerAddress(request) ?? 'unknown')
  const { success } = await limit.limit({ key: isBack ? `${key} back` : key })
  if (success) return
  throw new Failure('rate-limited', `Wait ${RATE_LIMIT_SECONDS} seconds and try again.`, {
    'Retry-After': String(RATE_LIMIT_SECONDS),
  })
}

/** The caller's address, as the network's edge tells it. */
export function callerAddress(request: Request): string | undefined {
  return request.headers.get('CF-Connecting-IP') ?? undefined
}

/** The address itself, or the /64 of an IPv6 one: a single customer holds all 2^64 of those. */
export function rateKey(address: string): string {
  const ip = parseIp(address)
  return ip?.family === 6 ? `${leadingGroups(ip.groups, 4)}::/64` : address
}

/** Reads the offer of a `POST`, checked; it stops reading at `MAX_SDP_BYTES`. */
export async function readOffer(request: Request): Promise<string> {
  const mediaType = request.headers.get('Content-Type')?.split(';')[0]?.trim().toLowerCase()
  if (mediaType !== 'application/sdp') {
    throw new Failure('unsupported-media-type', 'Set Content-Type to application/sdp.', {
      'Accept-Post': 'application/sdp',
    })
  }
  const sdp = await readText(request, MAX_SDP_BYTES)
  const faults = offerFaults(sdp)
  if (faults.length > 0) throw new Failure('malformed-offer', `The offer ${faults.join('; ')}.`)
  return dropUnresolvable(sdp)
}

/** What an SDP lacks to be an offer that a node could answer; empty when nothing. */
export function offerFaults(sdp: string): string[] {
  const lines = sdp.split(/\r\n|\n|\r/)
  const faults = lines[0] === 'v=0' ? [] : ['does not start with a v=0 line']
  for (const start of ['m=audio', 'a=ice-ufrag:', 'a=ice-pwd:', 'a=fingerprint:']) {
    if (!lines.some((line) => line.startsWith(start))) {
      faults.push(`has no ${start.replace(/:$/, '')} line`)
    }
  }
  // oxlint-disable-next-line no-control-regex -- they are what is looked for
  if (/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/.test(sdp)) faults.push('has control characters')
  return faults
}

/**
 * The offer without candidates that have an mDNS name (RFC 8828): they mean something in the
 * browser's own network alone, and a server that tries to resolve one waits ten seconds for nothing.
 */
export function dropUnresolvable(sdp: string): string {
  return sdp.replace(/^a=candidate:(?:\S+ ){4}\S+\.local .*(?:\r\n|\n|\r|$)/gim, '')
}

/** True when `token` is the one expected; the time it takes tells nothing of where they differ. */
export async function isToken(token: string, expected: string): Promise<boolean> {
  const digests = [token, expected].map((text) =>
    crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)),
  )
  const [given, right] = await Promise.all(digests)
  return given !== undefined && right !== undefined && crypto.subtle.timingSafeEqual(given, right)
}

async function readText(request: Request, limit: number): Promise<string> {
  const tooLarge = new Failure('offer-too-large', `An offer may have ${limit} bytes at most.`)
  if (Number(request.headers.get('Content-Length')) > limit) throw tooLarge
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false })
  let text = ''
  let size = 0
  try {
    for await (const chunk of request.body ?? []) {
      size += chunk.byteLength
      if (size > limit) throw tooLarge
      text += decoder.decode(chunk, { stream: true })
    }
    return text + decoder.decode()
  } catch (thrown) {
    if (thrown instanceof Failure) throw thrown
    throw new Failure('malformed-offer', 'The body broke off or is not UTF-8 text.')
  }
}
