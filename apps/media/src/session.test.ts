import { concat, tone, toneShare } from '@earshot/audio'
import type { NodeEvent } from '@earshot/protocol'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { startCaller, type Caller } from '../testing/caller.ts'
import { TestFleet } from '../testing/fleet.ts'
import { FRAME_MS, FRAME_SAMPLES, SAMPLE_RATE } from './clock.ts'
import { onEveryFrame, replyOnPause, type HandlerDefinition } from './handler.ts'
import { TONE_HZ, tone as toneHandler } from './handlers/tone.ts'
import { createLog } from './log.ts'
import { createMetrics } from './metrics.ts'
import { MediaNode } from './node.ts'
import { createOpusDecoder, createOpusEncoder } from './opus.ts'
import { Ticker } from './ticker.ts'

/** A node with real UDP, DTLS, SRTP, SCTP and Opus; the fleet is a function. */
const SPEECH_HZ = 440
const ADDRESS = '127.77.0.10'
const echo = replyOnPause(
  () =>
    async function* (turn) {
      yield turn.audio
    },
)

const closers: (() => void | Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
})

describe('a call', () => {
  it('says the turn back, from before its mark, and tells the page each step', async () => {
    const call = await place(echo)
    await call.say(30)
    call.caller.mark('speech.start')
    await call.say(25)
    call.caller.mark('speech.end')
    await call.until((event) => event.type === 'reply.end')

    const types = call.events.map(({ type }) => type)
    expect(types).toEqual(['call.ready', 'turn', 'reply.start', 'reply.end'])
    const turn = call.events.find((event) => event.type === 'turn')
    // 25 frames between the marks, 400 ms of pre-roll, and what came in the hangover.
    expect(turn?.ms).toBeGreaterThan(25 * FRAME_MS + 300)
    const heard = call.heard()
    expect((heard.length / SAMPLE_RATE) * 1000).toBeGreaterThan(25 * FRAME_MS + 300)
    expect(
      toneShare(heard.slice(SAMPLE_RATE * 0.4, SAMPLE_RATE * 0.7), SAMPLE_RATE, SPEECH_HZ),
    ).toBeGreaterThan(0.8)
  })

  it('is not silent for long, so that the page sees a dead path at once', async () => {
    const call = await place(echo)
    const before = call.packets()
    await call.say(50)
    const kept = call.packets() - before
    // One in 80 ms of a second in which nobody answers.
    expect(kept).toBeGreaterThanOrEqual(10)
    expect(kept).toBeLessThanOrEqual(15)
    expect(Math.max(...call.heard().map(Math.abs))).toBe(0)
    expect(call.events[0]).toMatchObject({ type: 'call.ready', keepAliveMs: 80 })
  })

  it('stops a long reply as soon as the caller is surely speaking', async () => {
    const call = await place(toneHandler)
    call.caller.mark('speech.start')
    await call.say(10)
    call.caller.mark('speech.end')
    await call.until((event) => event.type === 'reply.start')
    await call.say(20)
    expect(toneShare(call.heard().slice(-SAMPLE_RATE / 5), SAMPLE_RATE, TONE_HZ)).toBeGreaterThan(
      0.9,
    )

    call.caller.mark('speech.start')
    call.caller.mark('speech.confirm')
    const end = await call.until((event) => event.type === 'reply.end')
    expect(end).toMatchObject({ turn: 1, reason: 'interrupted' })
    const packets = call.packets()
    await call.say(15)
    // At most what was under way when the reply was cut, and the silence that keeps the path alive.
    expect(call.packets() - packets).toBeLessThanOrEqual(5)
    expect(Math.max(...call.heard().slice(-FRAME_SAMPLES).map(Math.abs))).toBeLessThan(50)
  })

  it('raises the reply again after a cough', async () => {
    const call = await place(toneHandler)
    call.caller.mark('speech.start')
    await call.say(10)
    call.caller.mark('speech.end')
    await call.until((event) => event.type === 'reply.start')
    call.caller.mark('speech.start')
    call.caller.mark('speech.cancel')
    await call.until((event) => event.type === 'unduck')
    const packets = call.packets()
    await call.say(20)
    expect(call.packets() - packets).toBeGreaterThan(10)
  })

  it('outlives a handler that throws, and says so', async () => {
    const call = await place(
      replyOnPause(() => () => {
        throw new Error('no model today')
      }),
    )
    for (const turn of [1, 2]) {
      call.caller.mark('speech.start')
      await call.say(5)
      call.caller.mark('speech.end')
      const end = await call.until((event) => event.type === 'reply.end' && event.turn === turn)
      expect(end).toMatchObject({ turn, reason: 'failed' })
    }
    expect(call.events.filter(({ type }) => type === 'handler.error')).toHaveLength(2)
    expect(JSON.stringify(call.events)).not.toContain('no model today')
  })

  it('returns frames at once to a handler that hears every frame', async () => {
    const call = await place(onEveryFrame(() => (frame) => frame))
    await call.say(40)
    await call.until(() => call.packets() >= 38)
    expect(call.events[0]).toMatchObject({ type: 'call.ready', mode: 'frames' })
    expect(toneShare(call.heard().slice(-9600), SAMPLE_RATE, SPEECH_HZ)).toBeGreaterThan(0.8)
  })
})

describe('seats', () => {
  it('are limited, and free again after a hang-up', async () => {
    const first = await place(echo, 1)
    await expect(first.again('global-BBBBBBBBBBBBBBBBBBBBBB')).rejects.toThrow('refused: full')
    first.node.hangUp({ type: 'hangup', call: first.callId, reason: 'deleted' })
    expect(first.node.calls()).toEqual([])
    expect(first.frames).toContainEqual({ type: 'ended', call: first.callId, final: true })
    await (
      await first.again('global-CCCCCCCCCCCCCCCCCCCCCC')
    ).connected
  })

  it('are refused to an offer without audio, in words', async () => {
    const { node, frames } = await place(echo)
    const call = 'global-DDDDDDDDDDDDDDDDDDDDDD'
    const sdp = 'v=0\r\ns=-\r\nt=0 0\r\n'
    await node.offer({ type: 'offer', call, sdp, conversation: call })
    expect(frames.at(-1)).toMatchObject({
      type: 'refuse',
      reason: 'bad-offer',
      detail: 'the offer has no audio section',
    })
    expect(node.calls()).toHaveLength(1)
  })

  it('are given to an ordinary WHIP client, which sends and is sent nothing', async () => {
    const { node, frames, again } = await place(echo)
    const offers = vi.spyOn(node, 'offer')
    await again('global-EEEEEEEEEEEEEEEEEEEEEE')
    const call = 'global-FFFFFFFFFFFFFFFFFFFFFF'
    const sdp = offers.mock.calls[0]?.[0].sdp.replaceAll('a=sendrecv', 'a=sendonly') ?? ''
    await node.offer({ type: 'offer', call, sdp, conversation: call })
    const last = frames.at(-1)
    expect(last?.type === 'answer' && last.sdp).toMatch(/^a=recvonly\r$/m)
  })

  it('are free when the caller closes its connection', async () => {
    const call = await place(echo)
    await call.caller.close()
    await call.until(() => call.node.calls().length === 0)
  })
})

async function place(handler: HandlerDefinition, seats = 4) {
  const fleet = new TestFleet()
  const node: MediaNode = new MediaNode({
    seats,
    addresses: [ADDRESS],
    ports: [41_000, 41_999],
    handlerName: 'test',
    handler,
    ticker: new Ticker(),
    metrics: createMetrics(seats, () => 0),
    log: createLog('silent', {}),
    tellFleet: fleet.tell,
  })
  closers.push(() => node.closeAll('draining'))

  const events: NodeEvent[] = []
  const decoder = createOpusDecoder()
  const received: Int16Array[] = []
  const connect = async (callId: string): Promise<Caller> => {
    const caller = await startCaller({
      address: '127.0.0.1',
      exchange: fleet.exchange(node, callId),
      onAudio: (payload) => received.push(decoder.decode(payload)),
      onEvent: (event) => events.push(event),
    })
    closers.push(() => caller.close())
    return caller
  }

  const callId = 'global-AAAAAAAAAAAAAAAAAAAAAA'
  const caller = await connect(callId)
  await caller.connected
  const encoder = createOpusEncoder()
  const sound = tone({ frequency: SPEECH_HZ, sampleRate: SAMPLE_RATE, ms: FRAME_MS * 50 })
  let said = 0
  const until = async (
    condition: (event: NodeEvent) => boolean,
  ): Promise<NodeEvent | undefined> => {
    for (let waited = 0; waited < 4000; waited += 5) {
      const found = events.find((event) => condition(event))
      if (found) return found
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    throw new Error(`never came; events: ${JSON.stringify(events)}`)
  }
  await until((event) => event.type === 'call.ready')
  return {
    node,
    caller,
    callId,
    frames: fleet.frames,
    events,
    until,
    again: connect,
    packets: () => received.length,
    heard: () => concat(received),
    /** Speaks a tone for so many frames, at the pace of speech. */
    async say(count: number): Promise<void> {
      for (let i = 0; i < count; i++) {
        const at = (said++ % 50) * FRAME_SAMPLES
        caller.speak(encoder.encode(sound.slice(at, at + FRAME_SAMPLES)))
        await new Promise((resolve) => setTimeout(resolve, FRAME_MS))
      }
    },
  }
}
