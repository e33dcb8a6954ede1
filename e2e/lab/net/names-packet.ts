/** The little of DNS (RFC 1035) that a name server without zones or recursion needs. Pure. */
import { isIPv6 } from 'node:net'

const HEADER_BYTES = 12
const TYPES = { v4: 1, v6: 28 }
const IN = 1
const TTL_S = 1
const NO_SUCH_NAME = 3

export type Names = Readonly<Record<string, readonly string[]>>

/** The answer to a query for one name; `undefined`: it is none, and no answer is due. */
export function answerTo(query: Uint8Array, names: Names): Uint8Array | undefined {
  const question = questionOf(Buffer.from(query))
  if (question === undefined) return undefined
  const { name, type, bytes } = question
  const known = names[name.toLowerCase()]
  const records = (known ?? [])
    .filter((address) => type === (isIPv6(address) ? TYPES.v6 : TYPES.v4))
    .map((address) => record(type, isIPv6(address) ? bytesOfV6(address) : bytesOfV4(address)))
  const header = Buffer.alloc(HEADER_BYTES)
  header.set(query.subarray(0, 2))
  // An answer, with authority, recursion wanted and to be had; then how it went.
  header.writeUInt16BE(0x8580 | (known === undefined ? NO_SUCH_NAME : 0), 2)
  header.writeUInt16BE(1, 4)
  header.writeUInt16BE(records.length, 6)
  return Buffer.concat([header, bytes, ...records])
}

// --- the parts ---

interface Question {
  readonly name: string
  readonly type: number
  /** As it was asked: an answer repeats it. */
  readonly bytes: Uint8Array
}

function questionOf(query: Buffer): Question | undefined {
  if (query.length <= HEADER_BYTES || query.readUInt16BE(4) !== 1) return undefined
  const labels: string[] = []
  let at = HEADER_BYTES
  for (let size = query[at]; size !== 0; size = query[at]) {
    if (size === undefined || size > 63) return undefined
    labels.push(query.toString('latin1', at + 1, at + 1 + size))
    at += 1 + size
  }
  const end = at + 5
  if (end > query.length) return undefined
  const type = query.readUInt16BE(at + 1)
  return { name: labels.join('.'), type, bytes: query.subarray(HEADER_BYTES, end) }
}

function record(type: number, address: Uint8Array): Buffer {
  const head = Buffer.alloc(12)
  // The name is the question's, which comes right after the header.
  head.writeUInt16BE(0xc000 | HEADER_BYTES, 0)
  head.writeUInt16BE(type, 2)
  head.writeUInt16BE(IN, 4)
  head.writeUInt32BE(TTL_S, 6)
  head.writeUInt16BE(address.length, 10)
  return Buffer.concat([head, address])
}

function bytesOfV4(address: string): Uint8Array {
  return Uint8Array.from(address.split('.').map(Number))
}

function bytesOfV6(address: string): Uint8Array {
  const [head = '', tail] = address.split('::')
  const groups = (text: string): number[] =>
    text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16))
  const first = groups(head)
  const last = tail === undefined ? [] : groups(tail)
  const gap = Array.from({ length: 8 - first.length - last.length }, () => 0)
  const bytes = Buffer.alloc(16)
  for (const [index, group] of [...first, ...gap, ...last].entries()) {
    bytes.writeUInt16BE(group, index * 2)
  }
  return bytes
}
