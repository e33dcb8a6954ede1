/**
 * An opaque name of the network that a caller is on, so that a page can remember what worked there.
 * It tells two networks apart and says nothing of either; like an address, it is never logged.
 */
import { base64url } from './base64url.ts'
import { leadingGroups, parseIp } from './ip-address.ts'

/** 96 bits: networks do not get the same name by chance. */
const NAME_LENGTH = 16

/**
 * The name of the network of `address`; `undefined` when that is not an IP address. Keyed, since all
 * 2^24 IPv4 prefixes could be tried against a bare hash. `secret` is the TURN secret: the `network:`
 * before the prefix (TURN usernames begin with digits) and the other hash keep the two uses apart.
 */
export async function networkName(
  secret: string,
  address: string | undefined,
): Promise<string | undefined> {
  const prefix = address === undefined ? undefined : networkPrefix(address)
  if (prefix === undefined) return undefined
  const encoder = new TextEncoder()
  const hmac = { name: 'HMAC', hash: 'SHA-256' }
  const key = await crypto.subtle.importKey('raw', encoder.encode(secret), hmac, false, ['sign'])
  const mac = await crypto.subtle.sign('HMAC', key, encoder.encode(`network:${prefix}`))
  return base64url(new Uint8Array(mac)).slice(0, NAME_LENGTH)
}

/** The IPv4 /24 or the IPv6 /48: about what one site has; `undefined` when it is no IP address. */
export function networkPrefix(address: string): string | undefined {
  const ip = parseIp(address)
  if (ip === undefined) return undefined
  return ip.family === 4
    ? `${ip.octets.slice(0, 3).join('.')}.0/24`
    : `${leadingGroups(ip.groups, 3)}::/48`
}
