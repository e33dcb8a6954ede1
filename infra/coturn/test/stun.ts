/** STUN messages (RFC 8489), as much of them as a TURN client needs. Attributes keep their order. */
import { createHash, createHmac, randomBytes } from 'node:crypto'

/** Request types: a success response is the type with 0x100, an error response with 0x110. */
export const METHOD = {
  binding: 0x0001,
  allocate: 0x0003,
  refresh: 0x0004,
  sendIndication: 0x0016,
  dataIndication: 0x0017,
  createPermission: 0x0008,
  channelBind: 0x0009,
} as const

export const ATTRIBUTE = {
  username: 0x0006,
  integrity: 0x0008,
  errorCode: 0x0009,
  channelNumber: 0x000c,
  lifetime: 0x000d,
  peerAddress: 0x0012,
  data: 0x0013,
  realm: 0x0014,
  nonce: 0x0015,
  relayedAddress: 0x0016,
  requestedFamily: 0x0017,
  requestedTransport: 0x0019,
} as const

export interface StunMessage {
  readonly type: number
  /** 12 bytes. */
  readonly transaction: Buffer
  readonly attributes: ReadonlyMap<number, Buffer>
}

export interface Endpoint {
  readonly address: string
  readonly port: number
}

const MAGIC_COOKIE = 0x2112a442

/** A message of a fresh transaction, which addresses in it are masked with; signed when `key` is given. */
export function encode(
  type: number,
  attributes: (transaction: Buffer) => readonly (readonly [number, Buffer])[],
  key?: Buffer,
): { readonly transaction: Buffer; readonly bytes: Buffer } {
  const transaction = randomBytes(12)
  const body = Buffer.concat(attributes(transaction).map(([name, value]) => attribute(name, value)))
  if (key === undefined) {
    return { transaction, bytes: Buffer.concat([header(type, body.length, transaction), body]) }
  }
  // The length that is signed already counts the signature: 4 + 20 bytes.
  const signed = Buffer.concat([header(type, body.length + 24, transaction), body])
  const mac = createHmac('sha1', key).update(signed).digest()
  return { transaction, bytes: Buffer.concat([signed, attribute(ATTRIBUTE.integrity, mac)]) }
}

/** `undefined` for what is not a STUN message (channel data, for one). */
export function decode(bytes: Buffer): StunMessage | undefined {
  if (bytes.length < 20 || bytes.readUInt32BE(4) !== MAGIC_COOKIE) return undefined
  const attributes = new Map<number, Buffer>()
  for (let at = 20; at + 4 <= bytes.length;) {
    const length = bytes.readUInt16BE(at + 2)
    attributes.set(bytes.readUInt16BE(at), bytes.subarray(at + 4, at + 4 + length))
    at += 4 + length + padding(length)
  }
  return { type: bytes.readUInt16BE(0), transaction: bytes.subarray(8, 20), attributes }
}

/** The code of an error response, such as 401; `undefined` for a success. */
export function errorCode(message: StunMessage): number | undefined {
  if ((message.type & 0x0110) !== 0x0110) return undefined
  const value = message.attributes.get(ATTRIBUTE.errorCode)
  return value === undefined ? 0 : (value[2] ?? 0) * 100 + (value[3] ?? 0)
}

/** The key of the long-term credential mechanism (RFC 8489, 9.2.2). */
export function longTermKey(username: string, realm: string, password: string): Buffer {
  return createHash('md5').update(`${username}:${realm}:${password}`).digest()
}

/** XOR-PEER-ADDRESS. An IPv6 address has no dotted part: `::ffff:7f00:1`. */
export function xorAddress({ address, port }: Endpoint, transaction: Buffer): Buffer {
  const bytes = address.includes(':') ? ipv6Bytes(address) : Buffer.from(ipv4Bytes(address))
  const head = Buffer.from([0, bytes.length === 4 ? 1 : 2, 0, 0])
  head.writeUInt16BE(port ^ (MAGIC_COOKIE >>> 16), 2)
  return Buffer.concat([head, xor(bytes, transaction)])
}

/** XOR-RELAYED-ADDRESS and its like, IPv4. */
export function readXorAddress(value: Buffer): Endpoint {
  const bytes = xor(value.subarray(4, 8), Buffer.alloc(12))
  return { address: [...bytes].join('.'), port: value.readUInt16BE(2) ^ (MAGIC_COOKIE >>> 16) }
}

// --- the parts ---

function header(type: number, length: number, transaction: Buffer): Buffer {
  const head = Buffer.alloc(8)
  head.writeUInt16BE(type, 0)
  head.writeUInt16BE(length, 2)
  head.writeUInt32BE(MAGIC_COOKIE, 4)
  return Buffer.concat([head, transaction])
}

function attribute(name: number, value: Buffer): Buffer {
  const head = Buffer.alloc(4)
  head.writeUInt16BE(name, 0)
  head.writeUInt16BE(value.length, 2)
  return Buffer.concat([head, value, Buffer.alloc(padding(value.length))])
}

function padding(length: number): number {
  return (4 - (length % 4)) % 4
}

function xor(bytes: Buffer, transaction: Buffer): Buffer {
  const mask = Buffer.alloc(16)
  mask.writeUInt32BE(MAGIC_COOKIE, 0)
  transaction.copy(mask, 4)
  return Buffer.from(bytes.map((byte, at) => byte ^ (mask[at] ?? 0)))
}

function ipv4Bytes(address: string): number[] {
  return address.split('.').map(Number)
}

function ipv6Bytes(address: string): Buffer {
  const [head = '', tail = ''] = address.split('::')
  const before = head === '' ? [] : head.split(':')
  const after = tail === '' ? [] : tail.split(':')
  const gap = Array.from({ length: 8 - before.length - after.length }, () => '0')
  const groups = address.includes('::') ? [...before, ...gap, ...after] : before
  return Buffer.concat(groups.map((group) => Buffer.from(group.padStart(4, '0'), 'hex')))
}
