/**
 * A relay on loopback between a caller and a node: it writes down the DTLS records that pass, and loses
 * what it is told to lose of DTLS and RTP.
 */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'

export type End = 'caller' | 'node'

/** The head of a DTLS record, in the terms of RFC 6347. */
export interface DtlsRecord {
  readonly type: number
  readonly epoch: number
  /** 48 bits. */
  readonly sequence: number
}

/** A datagram with DTLS in it. */
export interface DtlsDatagram {
  readonly from: End
  readonly records: readonly DtlsRecord[]
  /** Length of the datagram in bytes. */
  readonly bytes: number
  readonly lost: boolean
}

export interface UdpRelay {
  /** All DTLS so far, in the order in which it was sent. */
  readonly datagrams: readonly DtlsDatagram[]
  /** Turns the answer of a node on `127.0.0.0/8` into one whose only candidate is the relay. */
  through(answer: string): string
  close(): Promise<void>
}

const ADDRESS = '127.0.0.1'
const CANDIDATE = /^(a=candidate:\S+ \d+ udp \d+) (127\.\S+) (\d+)/im
const HEADER = 13

/** `lose` is asked once about each datagram with DTLS, `loseRtp` about each RTP packet, by its sequence number. */
export async function startUdpRelay(
  lose: (from: End, records: readonly DtlsRecord[]) => boolean = () => false,
  loseRtp: (from: End, sequence: number) => boolean = () => false,
): Promise<UdpRelay> {
  const socket = createSocket('udp4')
  socket.bind(0, ADDRESS)
  await once(socket, 'listening')
  const datagrams: DtlsDatagram[] = []
  let node: { readonly address: string; readonly port: number } | undefined
  let caller: typeof node

  socket.on('message', (data, source) => {
    const from = source.address === node?.address && source.port === node.port ? 'node' : 'caller'
    if (from === 'caller') caller = source
    const records = recordsOf(data)
    const sequence = rtpSequence(data)
    const lost =
      (records.length > 0 && lose(from, records)) ||
      (sequence !== undefined && loseRtp(from, sequence))
    if (records.length > 0) datagrams.push({ from, records, bytes: data.length, lost })
    const to = from === 'node' ? caller : node
    if (!lost && to) socket.send(data, to.port, to.address)
  })
  return {
    datagrams,
    through(answer) {
      const [, , address, port] = CANDIDATE.exec(answer) ?? []
      if (address === undefined) throw new Error(`no loopback candidate in ${answer}`)
      node = { address, port: Number(port) }
      return answer.replace(CANDIDATE, `$1 ${ADDRESS} ${socket.address().port}`)
    },
    async close() {
      const closed = once(socket, 'close')
      socket.close()
      await closed
    },
  }
}

/** The records in a datagram; none when it is STUN or SRTP (RFC 7983). */
function recordsOf(datagram: Buffer): DtlsRecord[] {
  const first = datagram[0] ?? 0
  if (first < 20 || first > 63) return []
  const records: DtlsRecord[] = []
  for (let at = 0; at + HEADER <= datagram.length; at += HEADER + datagram.readUInt16BE(at + 11)) {
    records.push({
      type: datagram.readUInt8(at),
      epoch: datagram.readUInt16BE(at + 3),
      sequence: datagram.readUIntBE(at + 5, 6),
    })
  }
  return records
}

/** The sequence number of an RTP packet, which SRTP leaves in clear; `undefined` for RTCP and all else (RFC 5761). */
function rtpSequence(datagram: Buffer): number | undefined {
  const [first = 0, second = 0] = datagram
  const isRtcp = (second & 0x7f) >= 64 && (second & 0x7f) < 96
  return first >> 6 === 2 && !isRtcp ? datagram.readUInt16BE(2) : undefined
}
