import { decodeMuLaw } from '@earshot/audio'
import { type Joined, MAX_CALL_EVENT_BYTES, type NodeEvent } from '@earshot/protocol'
import { describe, expect, it } from 'vitest'
import { startCall } from './call.ts'
import {
  CALL_ID,
  created,
  fakeCall,
  JOINED,
  liveCall,
  never,
  reopen,
  settle,
  token,
} from './testing.ts'

type Fake = Awaited<ReturnType<typeof liveCall>>

/** The service's second answer, and those after it, each with a token and a call of its own. */
function answering(fake: { world: Fake['world'] }, ...answers: Partial<Joined>[]): void {
  fake.world.answer = async (init) => {
    // Told the same when it asks the same, as the service does.
    const attempt = Number(new Headers(init?.headers).get('Earshot-Attempt'))
    const answer = answers[Math.min(attempt, answers.length) - 1]
    const n = attempt + 1
    return created({ ...JOINED, resume: token(n), ...answer }, `/v1/calls/${n}`)
  }
}

function tell(fake: Fake, event: NodeEvent): void {
  fake.peer().tell({ type: 'message', text: JSON.stringify(event) })
}

/** Lets the connection fall and the next one come up. */
async function comeBack(fake: Fake): Promise<void> {
  reopen(fake)
  fake.peer().tell({ type: 'closed' })
  await settle()
  await settle()
}

function speak(call: Fake['call'], frames: number): void {
  for (let i = 0; i < frames; i += 1) call.frame(new Float32Array(512).fill(0.25))
}

describe('the resume token', () => {
  it('is the newest that was answered, also by an attempt that led nowhere', async () => {
    const fake = await liveCall()
    answering(fake, { resumed: 'here' })
    fake.peer().tell({ type: 'closed' })
    // The second connection never opens.
    await fake.clock.pass(2_500)
    expect(fake.posts()).toBe(2)
    reopen(fake)
    await fake.clock.pass(500)
    expect(fake.state()?.status).toBe('live')
    await comeBack(fake)
    await fake.clock.pass(500)
    expect(fake.tokens()).toEqual([null, token(1), token(2), token(3)])
    expect(fake.deletes()).toEqual([])
  })

  it('is sent again when its answer did not come', async () => {
    const fake = await liveCall()
    fake.world.answer = never
    fake.peer().tell({ type: 'closed' })
    await fake.clock.pass(950)
    answering(fake, { resumed: 'here' })
    reopen(fake)
    await fake.clock.pass(500)
    expect(fake.state()?.status).toBe('live')
    expect(fake.tokens()).toEqual([null, token(1), token(1)])
  })

  it('goes with the call, and is in nothing that is shown', async () => {
    const fake = await liveCall()
    fake.world.answer = async () => Promise.reject(new TypeError('Failed to fetch'))
    fake.peer().tell({ type: 'closed' })
    for (let ms = 0; ms < 63_000; ms += 1_000) await fake.clock.pass(1_000)
    const last = fake.state()
    expect(last).toMatchObject({ status: 'failed', failure: { code: 'lost' } })
    const shown = last?.status === 'failed' ? `${last.failure} ${last.failure.detail}` : ''
    expect(`${JSON.stringify(fake.states)} ${shown}`).not.toContain(token(1))
    expect(fake.requests.map(({ url }) => url).join()).not.toContain(token(1))
    const before = fake.posts()
    startCall(fake.ports, fake.news)
    await settle()
    expect(fake.tokens().slice(before)).toEqual([null])
  })
})

describe('hanging up a call that is lost', () => {
  it('ends the conversation at the service, by the last call that was answered', async () => {
    const fake = await liveCall()
    fake.world.answer = never
    fake.peer().tell({ type: 'closed' })
    await settle()
    fake.call.close()
    expect(fake.deletes()).toEqual([`/v1/calls/${CALL_ID}`])
    await fake.clock.pass(60_000)
    expect(fake.deletes()).toHaveLength(1)
    expect(fake.peers.every(({ closed }) => closed === 1)).toBe(true)
  })

  it('ends the newest call when the attempt was answered and is not open yet', async () => {
    const fake = await liveCall()
    answering(fake, { resumed: 'here' })
    fake.peer().tell({ type: 'closed' })
    await settle()
    fake.call.close()
    expect(fake.deletes()).toEqual(['/v1/calls/2'])
  })

  it('is done for the person when they are given up', async () => {
    const fake = await liveCall()
    fake.world.answer = async () => Promise.reject(new TypeError('Failed to fetch'))
    fake.peer().tell({ type: 'closed' })
    for (let ms = 0; ms < 63_000; ms += 1_000) await fake.clock.pass(1_000)
    expect(fake.state()?.status).toBe('failed')
    expect(fake.deletes()).toEqual([`/v1/calls/${CALL_ID}`])
  })
})

describe('coming back', () => {
  it('says to the frame what was heard, before anything else', async () => {
    const fake = await liveCall()
    answering(fake, { resumed: 'here' })
    tell(fake, { type: 'turn', turn: 1, ms: 900 })
    tell(fake, { type: 'reply.start', turn: 1, rtp: 960, fromMs: 0 })
    fake.peer().rtp = 960 + 480 * 48
    await comeBack(fake)
    fake.call.mark('speech.start')
    expect(fake.peer().sent).toMatchObject([
      { type: 'call.catch-up', turn: 1, heard: { turn: 1, ms: 500 } },
      { type: 'speech.start' },
    ])
    expect(fake.peer().bytes).toEqual([])
    expect(fake.states.findLast(({ status }) => status === 'live')).toMatchObject({
      speaking: true,
    })
  })

  it('reads what was heard while the browser still knows it', async () => {
    const fake = await liveCall()
    answering(fake, { resumed: 'here' })
    tell(fake, {
      type: 'call.ready',
      version: 2,
      handler: 'echo',
      mode: 'turns',
      keepAliveMs: 100,
      turn: 0,
    })
    tell(fake, { type: 'turn', turn: 1, ms: 900 })
    tell(fake, { type: 'reply.start', turn: 1, rtp: 960, fromMs: 0 })
    fake.peer().rtp = 960 + 80 * 48
    await fake.clock.pass(150)
    fake.peer().rtp = undefined
    await comeBack(fake)
    expect(fake.peer().sent).toMatchObject([{ heard: { turn: 1, ms: 100 } }])
  })

  it('sends the speech that it missed, in messages of an agreed size, and stays with the speaker', async () => {
    const fake = await liveCall()
    answering(fake, { resumed: 'here' })
    speak(fake.call, 20)
    fake.call.mark('speech.start')
    fake.call.mark('speech.confirm')
    speak(fake.call, 60)
    await comeBack(fake)
    expect(fake.state()).toMatchObject({ status: 'live', floor: 'you', speaking: true })
    const { sent, bytes } = fake.peer()
    const samples = 6_912 + 60 * 512
    expect(sent).toMatchObject([
      { type: 'call.catch-up', turn: 0, missed: { samples, speaking: true, again: false } },
      { type: 'speech.confirm' },
    ])
    expect(bytes.map(({ length }) => length)).toEqual([
      MAX_CALL_EVENT_BYTES,
      MAX_CALL_EVENT_BYTES,
      samples - 2 * MAX_CALL_EVENT_BYTES,
    ])
    for (const sample of decodeMuLaw(bytes[0] ?? new Uint8Array())) {
      expect(sample / 32_768).toBeCloseTo(0.25, 2)
    }
    fake.call.mark('speech.end')
    expect(fake.peer().sent.at(-1)).toMatchObject({ type: 'speech.end' })
    expect(fake.state()).toMatchObject({ floor: 'thinking' })
  })

  it('waits for what comes of speech that ended in the gap, and no longer than of any other', async () => {
    const fake = await liveCall()
    fake.world.answer = never
    reopen(fake)
    speak(fake.call, 20)
    fake.call.mark('speech.start')
    fake.peer().tell({ type: 'closed' })
    await settle()
    speak(fake.call, 20)
    fake.call.mark('speech.end')
    answering(fake, { resumed: 'here' })
    await fake.clock.pass(1_500)
    expect(fake.peer().sent).toMatchObject([{ missed: { speaking: false } }])
    expect(fake.state()).toMatchObject({ status: 'live', floor: 'thinking' })
    await fake.clock.pass(2_000)
    expect(fake.state()).toMatchObject({ status: 'live', floor: 'nobody' })
  })

  it('tells the person when the conversation begins anew, until they speak', async () => {
    const fake = await liveCall()
    answering(fake, { resumed: 'no' })
    tell(fake, { type: 'turn', turn: 1, ms: 900 })
    tell(fake, { type: 'reply.end', turn: 1, reason: 'complete', playedMs: 0 })
    await comeBack(fake)
    expect(fake.state()).toMatchObject({ floor: 'nobody', notice: { kind: 'started-over' } })
    expect(fake.peer().sent).toEqual([])
    fake.call.mark('speech.start')
    expect(fake.state()).toMatchObject({ notice: undefined })
  })

  it.each([
    ['moved', 1],
    ['no', 0],
  ] as const)('says nothing of it to a person who lost nothing: %s', async (resumed, turns) => {
    const fake = await liveCall()
    answering(fake, { resumed })
    for (let n = 1; n <= turns; n += 1) tell(fake, { type: 'turn', turn: n, ms: 900 })
    await comeBack(fake)
    expect(fake.state()).toMatchObject({ status: 'live', notice: undefined })
  })

  it('joins again when its conversation went on elsewhere', async () => {
    const fake = await liveCall()
    answering(fake, { resumed: 'here' })
    reopen(fake)
    tell(fake, { type: 'call.end', reason: 'moved', message: 'Another call has taken over.' })
    await settle()
    await settle()
    expect(fake.state()?.status).toBe('live')
    expect(fake.deletes()).toEqual([])
  })
})

describe('the first words of a call', () => {
  it('said while it was connecting are sent when it is open', async () => {
    const fake = fakeCall()
    const call = startCall(fake.ports, fake.news)
    await settle()
    speak(call, 5)
    call.mark('speech.start')
    speak(call, 5)
    fake.peer().tell({ type: 'open' })
    await settle()
    expect(fake.peer().sent).toEqual([
      { type: 'call.catch-up', turn: 0, missed: { samples: 5_120, speaking: true, again: false } },
    ])
    expect(fake.state()).toMatchObject({ status: 'live', floor: 'you' })
  })
})
