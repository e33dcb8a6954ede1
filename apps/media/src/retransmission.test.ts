/** Packets that are lost on the way and asked for again, over real connections. */
import { afterEach, describe, expect, it, vi } from 'vitest'
import { startCaller } from '../testing/caller.ts'
import { startUdpRelay, type End } from '../testing/udp-relay.ts'
import { FRAME_MS, FRAME_SAMPLES } from './clock.ts'
import { createOpusDecoder } from './opus.ts'
import { answerOffer, type Peer } from './peer.ts'
import { Receiver } from './receiver.ts'

/** 20 ms of silence in Opus. */
const SILENCE = Uint8Array.of(0xf8, 0xff, 0xfe)
const NACK = /^a=rtcp-fb:\d+ nack\r$/m

const closers: (() => void | Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
})

describe('a caller that offers to send again', () => {
  it('is told that it will be asked, and loses nothing', async () => {
    const lost = new Set([5, 12, 13, 14, 15, 16, 29, 31])
    const { caller, peer, receiver, decoded } = await call({ nack: true, lost: { caller: lost } })
    expect(peer.answer).toMatch(NACK)
    for (let i = 0; i < 40; i++) {
      caller.speak(SILENCE)
      await frame()
    }
    await vi.waitFor(() => expect(decoded()).toBe(40 * FRAME_SAMPLES), 2_000)
    expect(receiver.stats).toMatchObject({
      received: 40,
      asked: lost.size,
      regained: lost.size,
      recovered: 0,
      concealed: 0,
    })
  })

  it('has of the node what it asks for, once', async () => {
    const { caller, peer, heard } = await call({ nack: true, lost: { node: new Set([65_535, 1]) } })
    for (const sequence of [65_533, 65_534, 65_535, 0, 1, 2]) play(peer, sequence)
    await vi.waitFor(() => expect(heard).toEqual([65_533, 65_534, 0, 2]), 2_000)
    caller.askAgain(Array.from({ length: 50 }, () => [65_535, 1]).flat())
    await vi.waitFor(() => expect(heard).toHaveLength(6), 2_000)
    // What comes after is still in the right key stream.
    play(peer, 3)
    await vi.waitFor(() => expect(heard.at(-1)).toBe(3), 2_000)
    expect(heard.slice(4)).toEqual([65_535, 1, 3])
  })
})

describe('a caller that does not', () => {
  it('is not asked, and its losses are filled', async () => {
    const { caller, peer, receiver, decoded } = await call({ lost: { caller: new Set([5]) } })
    expect(peer.answer).not.toMatch(NACK)
    expect(peer.askAgain).toBeUndefined()
    for (let i = 0; i < 20; i++) {
      caller.speak(SILENCE)
      await frame()
    }
    await vi.waitFor(() => expect(decoded()).toBe(20 * FRAME_SAMPLES), 2_000)
    expect(receiver.stats).toMatchObject({ received: 19, asked: 0, regained: 0, recovered: 1 })
  })

  it('gets nothing again', async () => {
    const { caller, peer, heard } = await call({})
    for (const sequence of [7, 8]) play(peer, sequence)
    await vi.waitFor(() => expect(heard).toEqual([7, 8]), 2_000)
    caller.askAgain([7, 8])
    // Behind the request on the same path, so that it has been read.
    const until = Date.now() + 200
    for (let sequence = 9; Date.now() < until; sequence++) {
      play(peer, sequence)
      await frame()
    }
    expect(heard.filter((sequence) => sequence < 9)).toEqual([7, 8])
  })
})

interface Path {
  readonly nack?: boolean
  /** Sequence numbers that are lost the first time. */
  readonly lost?: Partial<Record<End, Set<number>>>
}

/** A connected call whose audio is decoded at the node; what the caller hears is only counted. */
async function call({ nack = false, lost = {} }: Path) {
  const relay = await startUdpRelay(undefined, (from, sequence) => {
    return copies[from].delete(sequence)
  })
  const copies = { caller: new Set(lost.caller), node: new Set(lost.node) }
  closers.push(() => relay.close())
  const decoder = createOpusDecoder()
  closers.push(() => decoder.close())
  const heard: number[] = []
  let samples = 0
  let peer: Peer | undefined
  let receiver: Receiver | undefined
  const connected = vi.fn<() => void>()
  const caller = await startCaller({
    address: '127.0.0.1',
    nack,
    async exchange(offer) {
      peer = await answerOffer({
        offer,
        addresses: ['127.77.0.60'],
        ports: [45_100, 45_199],
        events: {
          connected,
          channelOpen: () => undefined,
          lost: () => undefined,
          audio: (packet) => receiver?.push(packet, performance.now()),
          message: () => undefined,
          bytes: () => undefined,
        },
      })
      return relay.through(peer.answer)
    },
    onAudio: (_payload, header) => heard.push(header.sequenceNumber),
  })
  closers.push(() => caller.close())
  if (!peer) throw new Error('the offer was not answered')
  const answered = peer
  closers.push(() => answered.close())
  const output = {
    sound: (sound: Int16Array) => void (samples += sound.length),
    silence: (length: number) => void (samples += length),
  }
  const node = new Receiver(decoder, output, answered.askAgain)
  receiver = node
  const clock = setInterval(() => node.tick(performance.now()), FRAME_MS)
  closers.push(() => clearInterval(clock))
  await caller.connected
  await vi.waitFor(() => expect(connected).toHaveBeenCalled(), 5_000)
  return { caller, peer: answered, receiver: node, decoded: () => samples, heard }
}

function play(peer: Peer, sequence: number): void {
  const timestamp = (sequence * FRAME_SAMPLES) % 2 ** 32
  peer.play({ sequence, timestamp, payload: SILENCE }, false)
}

function frame(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, FRAME_MS))
}
