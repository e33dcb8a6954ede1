/** Calls that are lost and joined again, over real connections. The cases one by one: conversation.test.ts. */
import { concat, encodeMuLaw, toneShare } from '@earshot/audio'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { closeNodes, sine, startNode } from '../testing/node.ts'
import { FRAME_MS, FRAME_SAMPLES, SAMPLE_RATE } from './clock.ts'
import { replyOnPause, type HandlerDefinition } from './handler.ts'
import { echo } from './handlers/echo.ts'

const [FIRST, SECOND, THIRD, OTHER] = ['A', 'B', 'C', 'D'].map(
  (letter) => `global-${letter.repeat(22)}`,
) as [string, string, string, string]
const AGAIN = { conversation: FIRST, resume: { turn: 0 } }
const STEP_MS = 300
const hzOfStep = (step: number) => 400 + 150 * step

afterEach(closeNodes)

/** Answers with ten tones, each of its own pitch, so that every place in the reply can be told. */
const steps = replyOnPause(
  () =>
    async function* () {
      for (let step = 0; step < 10; step++) yield sine(hzOfStep(step), STEP_MS)
    },
)

let signals: AbortSignal[] = []
/** Never answers; what ends its conversations is seen in `signals`. */
const listening: HandlerDefinition = replyOnPause(() => {
  signals = []
  return async function* (_turn, { signal }) {
    signals.push(signal)
    yield sine(1_000, 60)
  }
})

describe('a call that is lost in the middle of a reply', () => {
  it('goes on from what was heard, on the node that has it', async () => {
    const { node, connect, fleet } = startNode({ handler: steps })
    const first = await connect(FIRST)
    await first.say(440)
    await first.until('reply.start')
    await vi.waitFor(() => expect(first.heard(200).length).toBeGreaterThan(SAMPLE_RATE), 5_000)
    first.caller.cut()

    const second = await connect(SECOND, AGAIN)
    second.caller.catchUp({ turn: 1, heard: { turn: 1, ms: 750 } })
    const start = await second.until('reply.start')
    expect(start).toMatchObject({ turn: 1, fromMs: 740 })
    const end = await second.until('reply.end')
    expect(end).toMatchObject({ turn: 1, reason: 'complete', playedMs: 3_000 })

    // The rest, and nothing but the rest, from the very packet that was named.
    const rest = second.from(start.rtp)
    expect(rest.packets).toBe((3_000 - 740) / FRAME_MS)
    for (const step of [3, 5, 9]) {
      const at = ((step * STEP_MS - 740 + 100) * SAMPLE_RATE) / 1000
      const middle = rest.samples.slice(at, at + SAMPLE_RATE / 10)
      expect(toneShare(middle, SAMPLE_RATE, hzOfStep(step))).toBeGreaterThan(0.9)
    }
    expect(second.before(start.rtp).every((sample) => sample === 0)).toBe(true)

    expect(fleet.frames.filter(({ type }) => type !== 'keep')).toEqual([
      expect.objectContaining({ type: 'answer', call: FIRST, resumed: 'no' }),
      { type: 'connected', call: FIRST },
      expect.objectContaining({ type: 'answer', call: SECOND, resumed: 'here' }),
      { type: 'ended', call: FIRST, final: false },
      { type: 'connected', call: SECOND },
    ])
    expect(fleet.frames.at(-1)).toEqual({ type: 'keep', call: SECOND, kept: { turn: 1 } })
    expect(node.calls()).toEqual([SECOND])
  })

  it('names the first packet of a reply, whatever left before it', async () => {
    const { connect } = startNode({ handler: steps })
    const call = await connect(FIRST)
    await call.say(440)
    const start = await call.until('reply.start')
    expect(start.fromMs).toBe(0)
    await vi.waitFor(() => expect(call.from(start.rtp).packets).toBeGreaterThan(14), 5_000)
    const { samples } = call.from(start.rtp)
    expect(call.before(start.rtp).every((sample) => sample === 0)).toBe(true)
    // It is heard within that packet.
    expect(Math.max(...samples.slice(0, FRAME_SAMPLES).map(Math.abs))).toBeGreaterThan(1_000)
  })
})

describe('speech that a lost connection swallowed', () => {
  it('is heard whole and in order, with what is said after it', async () => {
    const { connect } = startNode({ handler: echo })
    const first = await connect(FIRST)
    first.caller.mark('speech.start')
    first.caller.cut()

    const second = await connect(SECOND, AGAIN)
    const samples = concat([600, 900, 1_200].map((hz) => sine(hz, 400, 16_000).samples))
    const missed = { samples: samples.length, speaking: true, again: false }
    second.caller.catchUp({ turn: 0, missed }, encodeMuLaw(samples))
    await second.speak(1_500, 20)
    second.caller.mark('speech.end')

    const turn = await second.until('turn')
    expect(turn.turn).toBe(1)
    expect(turn.ms).toBeGreaterThan(1_500)
    const start = await second.until('reply.start')
    await second.until('reply.end')
    const { samples: heard } = second.from(start.rtp)
    for (const [i, hz] of [600, 900, 1_200, 1_500].entries()) {
      const at = ((i * 400 + 100) * SAMPLE_RATE) / 1000
      expect(toneShare(heard.slice(at, at + 9_600), SAMPLE_RATE, hz)).toBeGreaterThan(0.8)
    }
  })

  it('cannot be more than was announced, nor come twice, nor unannounced', async () => {
    const { connect } = startNode({ handler: echo })
    const call = await connect(FIRST)
    const samples = sine(600, 200, 16_000).samples
    const missed = { samples: samples.length, speaking: false, again: false }
    const bytes = encodeMuLaw(samples)
    call.caller.catchUp({ turn: 0, missed }, concatBytes(bytes, new Uint8Array(40_000)))
    call.caller.catchUp({ turn: 0, missed }, bytes)
    const turn = await call.until('turn')
    expect(Math.round(turn.ms)).toBe(201)
    await call.until('reply.end')
    await call.say(440)
    await vi.waitFor(() => expect(call.told('turn')).toHaveLength(2), 5_000)
    expect(call.told('turn').map((event) => event.turn)).toEqual([1, 2])
  })

  it('that breaks off is what has come of it', async () => {
    const { connect } = startNode({ handler: echo })
    const call = await connect(FIRST)
    const missed = { samples: 16_000, speaking: false, again: false }
    call.caller.catchUp({ turn: 0, missed }, encodeMuLaw(sine(600, 200, 16_000).samples))
    call.caller.mark('speech.start')
    expect(Math.round((await call.until('turn')).ms)).toBe(201)
  })
})

describe('a conversation whose node is gone', () => {
  it('goes on elsewhere with what its handler kept', async () => {
    const handler = replyOnPause(
      () =>
        async function* (turn, { kept, keep, send }) {
          const said = Array.isArray(kept) ? kept : []
          send(said)
          keep([...said, turn.number])
          yield sine(1_000, 200)
        },
    )
    const old = startNode({ handler })
    const first = await old.connect(FIRST)
    for (const turn of [1, 2]) {
      await first.say(440)
      await vi.waitFor(() => expect(first.told('reply.end')).toHaveLength(turn), 5_000)
    }
    await old.node.drain(0)
    await first.until('call.end')
    expect(old.fleet.frames.slice(-2)).toEqual([
      { type: 'keep', call: FIRST, kept: { turn: 2, state: '[1,2]' } },
      { type: 'ended', call: FIRST, final: false },
    ])

    const { connect, fleet, rejoins } = startNode({ handler, address: '127.77.0.41' })
    const second = await connect(SECOND, {
      conversation: FIRST,
      resume: { turn: 2, state: '[1,2]' },
    })
    expect(fleet.frames[0]).toMatchObject({ type: 'answer', resumed: 'moved' })
    expect(await rejoins()).toEqual({ moved: 1 })
    expect(second.told('call.ready')).toMatchObject([{ turn: 2 }])
    await second.say(440)
    expect(await second.until('turn')).toMatchObject({ turn: 3 })
    expect(await second.until('output')).toMatchObject({ data: [1, 2] })
  })
})

describe('seats', () => {
  it('are not taken twice by a call that is joined again, nor is the old call ended before its time', async () => {
    const { node, connect, offer, fleet } = startNode({ handler: echo, seats: 1 })
    const first = await connect(FIRST)
    // Two answers that never reach their caller: the connection that works goes on working.
    await offer(SECOND, AGAIN)
    await offer(THIRD, AGAIN)
    expect(node.calls()).toEqual([THIRD])
    expect(fleet.frames.at(-2)).toEqual({ type: 'ended', call: SECOND, final: false })
    await expect(offer(OTHER)).rejects.toThrow('refused: full')
    await first.say(440)
    await first.until('turn')

    const last = await connect(OTHER, AGAIN)
    expect(node.calls()).toEqual([OTHER])
    expect(await first.until('call.end')).toMatchObject({ reason: 'moved' })
    expect(last.told('call.ready')).toMatchObject([{ turn: 1 }])
    const ended = fleet.frames.filter(({ type }) => type === 'ended')
    expect(ended).toEqual(
      [SECOND, THIRD, FIRST].map((call) => ({ type: 'ended', call, final: false })),
    )
  })

  it('are free when a caller falls silent, and the conversation waits for it', async () => {
    const { node, connect, fleet } = startNode({ handler: echo, silentMs: 1_500, seats: 1 })
    const first = await connect(FIRST)
    first.caller.cut()
    await vi.waitFor(() => expect(node.calls()).toEqual([]), 5_000)
    expect(fleet.frames.at(-1)).toEqual({ type: 'ended', call: FIRST, final: false })
    await connect(SECOND, AGAIN)
    expect(fleet.frames).toContainEqual(
      expect.objectContaining({ type: 'answer', call: SECOND, resumed: 'here' }),
    )
  })

  it('of calls without a data channel are told to be connected all the same', async () => {
    const { connect, fleet } = startNode({ handler: echo })
    await connect(FIRST, { channel: false })
    await vi.waitFor(
      () => expect(fleet.frames.at(-1)).toEqual({ type: 'connected', call: FIRST }),
      5_000,
    )
  })
})

describe('the conversation of a call that is gone', () => {
  it('waits its time, and is begun anew from what was kept after it', async () => {
    const { connect, fleet, ended } = startNode({ handler: listening, resumeMs: 50 })
    const first = await connect(FIRST)
    await first.say(440)
    await first.until('turn')
    await first.caller.close()
    await vi.waitFor(() => expect(ended()).toEqual([{ call: FIRST, final: false }]), 5_000)
    await vi.waitFor(() => expect(signals.at(-1)?.aborted).toBe(true), 5_000)
    await connect(SECOND, AGAIN)
    expect(fleet.frames).toContainEqual(
      expect.objectContaining({ type: 'answer', call: SECOND, resumed: 'moved' }),
    )
  })

  it.each(['deleted', 'moved'] as const)(
    'is over when it is %s, late though it is',
    async (reason) => {
      const { node, connect, ended } = startNode({ handler: listening })
      const first = await connect(FIRST)
      await first.say(440)
      await first.until('turn')
      await first.caller.close()
      await vi.waitFor(() => expect(ended()).toHaveLength(1), 5_000)
      expect(signals.at(-1)?.aborted).toBe(false)
      node.hangUp({ type: 'hangup', call: FIRST, reason })
      expect(signals.at(-1)?.aborted).toBe(true)
    },
  )
})

describe('a hang-up', () => {
  it.each(['deleted', 'moved'] as const)(
    'because it is %s ends the conversation',
    async (reason) => {
      const { node, connect, ended } = startNode({ handler: listening })
      const first = await connect(FIRST)
      await first.say(440)
      await first.until('turn')
      node.hangUp({ type: 'hangup', call: FIRST, reason })
      expect(signals.at(-1)?.aborted).toBe(true)
      expect(ended()).toEqual([{ call: FIRST, final: reason === 'deleted' }])
      if (reason === 'moved') await first.until('call.end')
      expect(first.told('call.end').map((event) => event.reason)).toEqual(
        reason === 'moved' ? ['moved'] : [],
      )
    },
  )

  it('of the call before the newest ends that call alone', async () => {
    const { node, connect, offer, ended } = startNode({ handler: listening })
    const first = await connect(FIRST)
    await first.say(440)
    await first.until('turn')
    await offer(SECOND, AGAIN)
    node.hangUp({ type: 'hangup', call: FIRST, reason: 'moved' })
    expect(ended()).toEqual([{ call: FIRST, final: false }])
    expect(signals.at(-1)?.aborted).toBe(false)
    expect(node.calls()).toEqual([SECOND])
  })

  it('before the answer of a rejoin leaves the conversation to the next one', async () => {
    const { node, connect, offer, ended } = startNode({ handler: listening })
    const first = await connect(FIRST)
    await first.say(440)
    await first.until('turn')
    void offer(SECOND, AGAIN, () =>
      node.hangUp({ type: 'hangup', call: SECOND, reason: 'deleted' }),
    )
    await vi.waitFor(() => expect(ended()).toEqual([{ call: SECOND, final: false }]), 5_000)
    expect(signals.at(-1)?.aborted).toBe(false)
    await connect(THIRD, AGAIN)
    expect(signals.at(-1)?.aborted).toBe(false)
  })
})

it('tells a fleet that was away what it has missed', async () => {
  const { node, connect, fleet } = startNode({ handler: echo })
  const call = await connect(FIRST)
  await call.say(440)
  await call.until('reply.end')
  fleet.frames.length = 0
  node.linked()
  expect(fleet.frames).toEqual([
    { type: 'connected', call: FIRST },
    { type: 'keep', call: FIRST, kept: { turn: 1 } },
  ])
})

function concatBytes(a: Uint8Array, b: Uint8Array): Uint8Array {
  return Uint8Array.from([...a, ...b])
}
