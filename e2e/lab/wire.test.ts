import { describe, expect, it } from 'vitest'
import { flow, readCapture, roundTrips, type Packet } from './wire.ts'

const HOST = '10.0.0.2'
const EDGE = { address: '198.51.100.10', port: 80 }
const RELAY = { address: '203.0.113.10', port: 3478 }

function udp(at: number, way: 'out' | 'in', payload = 1): Packet {
  const here = { address: HOST, port: 40_000 }
  const [from, to] = way === 'out' ? [here, RELAY] : [RELAY, here]
  return { at, protocol: 'udp', from, to, payload: new Uint8Array(payload), control: false }
}

describe('the round trips of an event', () => {
  it('are the questions that waited for an answer before', () => {
    const packets = [udp(0, 'out'), udp(101, 'in'), udp(102, 'out'), udp(203, 'in')]
    expect(roundTrips(packets, HOST, 100, 300)).toBe(2)
  })

  it('are one for questions that were asked at once', () => {
    const packets = [udp(0, 'out'), udp(1, 'out'), udp(101, 'in'), udp(103, 'in')]
    expect(roundTrips(packets, HOST, 100, 300)).toBe(1)
  })

  it('leave out what came after the event, and what nothing asked for', () => {
    const packets = [udp(0, 'out'), udp(40, 'in'), udp(101, 'in'), udp(102, 'out'), udp(203, 'in')]
    expect(roundTrips(packets, HOST, 100, 150)).toBe(1)
  })

  it('do not count bare acknowledgements', () => {
    const packets = [udp(0, 'out'), udp(101, 'in', 0), udp(102, 'out', 0), udp(203, 'in')]
    expect(roundTrips(packets, HOST, 100, 300)).toBe(1)
  })
})

describe('a capture', () => {
  it('is read with its times, ends and payloads', () => {
    const frames = [
      frame('0800', ipv4(17, '9c400d96000b0000616263')),
      frame('0800', ipv4(6, '9c40005000000001000000005002000000000000')),
      frame('86dd', ipv6(17, '9c400d9600090000ff')),
      frame('0806', '00'.repeat(28)),
    ]
    const packets = readCapture(capture(frames))
    expect(packets).toEqual([
      {
        at: 1_700_000_000_000.25,
        protocol: 'udp',
        from: { address: HOST, port: 40_000 },
        to: RELAY,
        payload: Uint8Array.of(0x61, 0x62, 0x63),
        control: false,
      },
      expect.objectContaining({ protocol: 'tcp', control: true, payload: new Uint8Array(0) }),
      expect.objectContaining({
        from: { address: '2001:db8::2', port: 40_000 },
        to: { address: '2001:db8:0:1::10', port: 3478 },
        payload: Uint8Array.of(0xff),
      }),
    ])
    expect(flow(packets, 'udp', RELAY)).toHaveLength(1)
    expect(flow(packets, 'tcp', EDGE)).toHaveLength(0)
  })

  it('that was cut short is read as far as it goes', () => {
    const whole = capture([frame('0800', ipv4(17, '9c400d960009000061'))])
    expect(readCapture(whole.subarray(0, -1))).toEqual([])
    expect(() => readCapture(whole.subarray(0, 10))).toThrow('no header')
    expect(() => readCapture(new Uint8Array(24))).toThrow('not a pcap file')
  })
})

function capture(frames: readonly Buffer[]): Uint8Array {
  const header = Buffer.alloc(24)
  header.writeUInt32LE(0xa1b2c3d4, 0)
  header.writeUInt32LE(1, 20)
  const records = frames.flatMap((bytes) => {
    const record = Buffer.alloc(16)
    record.writeUInt32LE(1_700_000_000, 0)
    record.writeUInt32LE(250, 4)
    record.writeUInt32LE(bytes.length, 8)
    record.writeUInt32LE(bytes.length, 12)
    return [record, bytes]
  })
  return new Uint8Array(Buffer.concat([header, ...records]))
}

/** Ethernet pads short frames; the padding belongs to no packet. */
function frame(type: string, packet: string): Buffer {
  return Buffer.from(`${'00'.repeat(12)}${type}${packet}${'00'.repeat(6)}`, 'hex')
}

function ipv4(protocol: number, body: string): string {
  const total = (20 + body.length / 2).toString(16).padStart(4, '0')
  const kind = protocol.toString(16).padStart(2, '0')
  const [from, to] = ['0a000002', 'cb00710a']
  return `4500${total}0000000040${kind}0000${from}${to}${body}`
}

function ipv6(protocol: number, body: string): string {
  const length = (body.length / 2).toString(16).padStart(4, '0')
  const from = '20010db8000000000000000000000002'
  const to = '20010db8000000010000000000000010'
  return `60000000${length}${protocol.toString(16)}40${from}${to}${body}`
}
