/** IP addresses as text, taken apart. Pure. */

export type IpAddress =
  | { readonly family: 4; readonly octets: readonly number[] }
  /** Eight numbers of 16 bits. */
  | { readonly family: 6; readonly groups: readonly number[] }

/**
 * Reads an address in any of the forms of RFC 4291, section 2.2; `undefined` when it is none. An
 * IPv4 address mapped into IPv6 (`::ffff:192.0.2.7`) is the IPv4 address.
 */
export function parseIp(text: string): IpAddress | undefined {
  if (!text.includes(':')) {
    const octets = parseOctets(text)
    return octets && { family: 4, octets }
  }
  const groups = parseGroups(text)
  if (groups === undefined) return undefined
  const [high = 0, low = 0] = groups.slice(6)
  const mapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff
  if (!mapped) return { family: 6, groups }
  return { family: 4, octets: [high >> 8, high & 0xff, low >> 8, low & 0xff] }
}

/** The first `count` groups of an IPv6 address, as text: `2001:db8:0`. */
export function leadingGroups(groups: readonly number[], count: number): string {
  return groups
    .slice(0, count)
    .map((group) => group.toString(16))
    .join(':')
}

function parseOctets(text: string): number[] | undefined {
  const words = text.split('.')
  const octets = words.map(Number)
  const fits = words.every((word) => /^\d{1,3}$/.test(word)) && octets.every((octet) => octet < 256)
  return fits && octets.length === 4 ? octets : undefined
}

function parseGroups(text: string): number[] | undefined {
  const [head = '', tail, ...more] = text.split('::')
  if (more.length > 0) return undefined
  const before = parseRun(head)
  const after = tail === undefined ? [] : parseRun(tail)
  if (before === undefined || after === undefined) return undefined
  const missing = 8 - before.length - after.length
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined
  return [...before, ...Array.from({ length: missing }, () => 0), ...after]
}

/** Groups between colons, of which the last may be an IPv4 address, which makes two. */
function parseRun(text: string): number[] | undefined {
  if (text === '') return []
  const words = text.split(':')
  const last = parseOctets(words.at(-1) ?? '')
  const plain = last === undefined ? words : words.slice(0, -1)
  if (!plain.every((word) => /^[0-9a-f]{1,4}$/i.test(word))) return undefined
  const groups = plain.map((word) => Number.parseInt(word, 16))
  if (last === undefined) return groups
  const [a = 0, b = 0, c = 0, d = 0] = last
  return [...groups, a * 256 + b, c * 256 + d]
}
