import { describe, expect, it } from 'vitest'
import { FRAME_SAMPLES } from './clock.ts'
import { Outgoing } from './outgoing.ts'

const PAYLOAD = Uint8Array.of(1, 2, 3)

describe('the numbers of outgoing packets', () => {
  it('go up by one, and by one frame, while sound is sent at every tick', () => {
    const outgoing = new Outgoing()
    const sent = Array.from({ length: 50 }, () => {
      outgoing.tick()
      const { timestamp } = outgoing
      const next = outgoing.next(PAYLOAD)
      expect(timestamp).toBe(next.packet.timestamp)
      return next
    })
    for (const [i, { packet, marker }] of sent.entries()) {
      const before = sent[i - 1]
      expect(packet.payload).toBe(PAYLOAD)
      expect(marker).toBe(i === 0)
      if (!before) continue
      expect(since(before.packet.sequence, packet.sequence, 16)).toBe(1)
      expect(since(before.packet.timestamp, packet.timestamp, 32)).toBe(FRAME_SAMPLES)
    }
  })

  it('show a pause as a pause: the timestamp runs on, the sequence does not, the marker is set', () => {
    const outgoing = new Outgoing()
    outgoing.tick()
    const before = outgoing.next(PAYLOAD)
    for (let i = 0; i < 100; i++) outgoing.tick()
    const after = outgoing.next(PAYLOAD)
    expect(since(before.packet.sequence, after.packet.sequence, 16)).toBe(1)
    expect(since(before.packet.timestamp, after.packet.timestamp, 32)).toBe(100 * FRAME_SAMPLES)
    expect(after.marker).toBe(true)
  })

  it('never name one moment twice, though two frames leave in one tick', () => {
    const outgoing = new Outgoing()
    outgoing.tick()
    const [one, two] = [outgoing.next(PAYLOAD), outgoing.next(PAYLOAD)]
    outgoing.tick()
    const third = outgoing.next(PAYLOAD)
    expect(since(one.packet.timestamp, two.packet.timestamp, 32)).toBe(FRAME_SAMPLES)
    expect(since(two.packet.timestamp, third.packet.timestamp, 32)).toBe(FRAME_SAMPLES)
    expect([two.marker, third.marker]).toEqual([false, false])
  })

  it('wrap at 16 and 32 bits', () => {
    const outgoing = new Outgoing()
    const first = outgoing.next(PAYLOAD).packet
    let last = first
    for (let i = 0; i < 0x1_0000; i++) {
      for (let pause = 0; pause < 70; pause++) outgoing.tick()
      last = outgoing.next(PAYLOAD).packet
      const valid = last.sequence <= 0xffff && last.timestamp < 2 ** 32
      if (!valid || !Number.isInteger(last.timestamp)) expect.fail(JSON.stringify(last))
    }
    expect(last.sequence).toBe(first.sequence)
    expect(since(first.timestamp, last.timestamp, 32)).toBe(
      (0x1_0000 * 70 * FRAME_SAMPLES) % 2 ** 32,
    )
  })

  it('start somewhere else for every call', () => {
    const starts = new Set(
      Array.from({ length: 20 }, () => new Outgoing().next(PAYLOAD).packet.timestamp),
    )
    expect(starts.size).toBeGreaterThan(15)
  })
})

function since(from: number, to: number, bits: number): number {
  return (to - from + 2 ** bits) % 2 ** bits
}
