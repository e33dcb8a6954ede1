/**
 * What a capture says of the wire: packets with their flow, and the round trips that one event took.
 * Reads the classic pcap format as tcpdump writes it, Ethernet frames of IPv4 and IPv6.
 */
import { SocketAddress } from 'node:net'

export interface Packet {
  /** Unix ms, with fractions. */
  readonly at: number
  readonly protocol: 'udp' | 'tcp'
  readonly from: Endpoint
  readonly to: Endpoint
  /** What the transport carries; empty for a bare acknowledgement. */
  readonly payload: Uint8Array
  /** TCP alone: it opens or closes the connection, which is answered without a payload. */
  readonly control: boolean
}

export interface Endpoint {
  readonly address: string
  readonly port: number
}

const ETHERNET = 1
const MAGIC = { microseconds: 0xa1b2c3d4, nanoseconds: 0xa1b23c4d } as const
const HEADER_BYTES = 24
const RECORD_BYTES = 16

/** The UDP and TCP packets of a capture, in its order. Throws when it is no capture of Ethernet. */
export function readCapture(bytes: Uint8Array): Packet[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (view.byteLength < HEADER_BYTES) throw new Error('the capture has no header: is it finished?')
  const magic = view.getUint32(0, true)
  const little = magic === MAGIC.microseconds || magic === MAGIC.nanoseconds
  const inOrder = little ? magic : view.getUint32(0)
  if (inOrder !== MAGIC.microseconds && inOrder !== MAGIC.nanoseconds) {
    throw new Error('not a pcap file (tcpdump -w writes one)')
  }
  const link = view.getUint32(20, little)
  if (link !== ETHERNET) throw new Error(`frames of link type ${link}; Ethernet (1) is read`)
  const perMs = inOrder === MAGIC.nanoseconds ? 1e6 : 1e3

  const packets: Packet[] = []
  let offset = HEADER_BYTES
  // The last record may be half written when tcpdump was ended.
  while (offset + RECORD_BYTES <= view.byteLength) {
    const at = view.getUint32(offset, little) * 1000 + view.getUint32(offset + 4, little) / perMs
    const length = view.getUint32(offset + 8, little)
    const start = offset + RECORD_BYTES
    if (start + length > view.byteLength) break
    const packet = readFrame(bytes.subarray(start, start + length), at)
    if (packet) packets.push(packet)
    offset = start + length
  }
  return packets
}

/**
 * How many round trips lie between the first packet of `packets` and `until`: the length of the
 * longest chain in which each packet that was received can have been caused by one sent at least
 * `rttMs` before it, and each that was sent by one received before it.
 *
 * `packets` are those of the flows in question, as captured at `host`, the caller. Acknowledgements
 * alone cause nothing and are left out. Meaningful where the round trip is much longer than what
 * the two ends take to think (50 ms and more); a tenth of it is allowed for jitter.
 */
export function roundTrips(
  packets: readonly Packet[],
  host: string,
  rttMs: number,
  until: number,
): number {
  const sent: { at: number; depth: number }[] = []
  let deepest = 0
  for (const packet of packets) {
    if (packet.at > until) break
    if (packet.payload.length === 0 && !packet.control) continue
    if (packet.from.address === host) {
      sent.push({ at: packet.at, depth: deepest })
    } else {
      const cause = sent.findLast(({ at }) => at <= packet.at - 0.9 * rttMs)
      if (cause) deepest = Math.max(deepest, cause.depth + 1)
    }
  }
  return deepest
}

/** The packets between `host` and one far end, both directions. */
export function flow(
  packets: readonly Packet[],
  protocol: Packet['protocol'],
  far: Endpoint,
): Packet[] {
  const is = (end: Endpoint): boolean => end.address === far.address && end.port === far.port
  return packets.filter(
    (packet) => packet.protocol === protocol && (is(packet.from) || is(packet.to)),
  )
}

// --- the layers ---

const ETHERTYPE = { ipv4: 0x0800, ipv6: 0x86dd } as const
const TCP = 6
const UDP = 17

function readFrame(frame: Uint8Array, at: number): Packet | undefined {
  if (frame.length < 14) return undefined
  const type = (byte(frame, 12) << 8) | byte(frame, 13)
  const packet = frame.subarray(14)
  if (type === ETHERTYPE.ipv4) return readIpv4(packet, at)
  if (type === ETHERTYPE.ipv6) return readIpv6(packet, at)
  return undefined
}

function readIpv4(packet: Uint8Array, at: number): Packet | undefined {
  if (packet.length < 20) return undefined
  const header = (byte(packet, 0) & 0x0f) * 4
  const total = (byte(packet, 2) << 8) | byte(packet, 3)
  const fragment = ((byte(packet, 6) & 0x1f) << 8) | byte(packet, 7)
  if (fragment !== 0) return undefined
  const body = packet.subarray(header, total)
  const from = ipv4(packet.subarray(12, 16))
  return readTransport(byte(packet, 9), body, from, ipv4(packet.subarray(16, 20)), at)
}

function readIpv6(packet: Uint8Array, at: number): Packet | undefined {
  if (packet.length < 40) return undefined
  const length = (byte(packet, 4) << 8) | byte(packet, 5)
  const body = packet.subarray(40, 40 + length)
  const from = ipv6(packet.subarray(8, 24))
  // Extension headers are not expected on these paths: such a packet is neither UDP nor TCP here.
  return readTransport(byte(packet, 6), body, from, ipv6(packet.subarray(24, 40)), at)
}

function readTransport(
  protocol: number,
  body: Uint8Array,
  from: string,
  to: string,
  at: number,
): Packet | undefined {
  if (protocol !== TCP && protocol !== UDP) return undefined
  if (body.length < (protocol === UDP ? 8 : 20)) return undefined
  const ends = {
    from: { address: from, port: (byte(body, 0) << 8) | byte(body, 1) },
    to: { address: to, port: (byte(body, 2) << 8) | byte(body, 3) },
  }
  if (protocol === UDP) {
    return { at, protocol: 'udp', ...ends, payload: body.subarray(8), control: false }
  }
  const payload = body.subarray((byte(body, 12) >> 4) * 4)
  const control = (byte(body, 13) & 0b111) !== 0
  return { at, protocol: 'tcp', ...ends, payload, control }
}

function ipv4(bytes: Uint8Array): string {
  return bytes.join('.')
}

function ipv6(bytes: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, i) =>
    ((byte(bytes, 2 * i) << 8) | byte(bytes, 2 * i + 1)).toString(16),
  )
  // It writes the address in its one canonical form.
  return new SocketAddress({ address: groups.join(':'), family: 'ipv6' }).address
}

function byte(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0
}
