import { describe, expect, it } from 'vitest'
import { startCall } from './call.ts'
import {
  created,
  deferred,
  fakeCall,
  type FakePeer,
  JOINED,
  never,
  settle,
  token,
} from './testing.ts'

/** A call whose `n`th answer (from 1) is of call `n`, at `/v1/calls/n`. */
async function slowCall() {
  const fake = fakeCall()
  let answers = 0
  fake.world.answer = async () => {
    answers += 1
    return created({ ...JOINED, resume: token(answers) }, `/v1/calls/${answers}`)
  }
  const call = startCall(fake.ports, fake.news)
  await settle()
  const peer = (n: number): FakePeer => {
    const one = fake.peers[n - 1]
    if (!one) throw new Error(`there is no attempt ${n}`)
    return one
  }
  const tell = async (n: number, news: Parameters<FakePeer['tell']>[0]) => {
    peer(n).tell(news)
    await settle()
  }
  return { ...fake, call, attempt: peer, tell }
}

const ready = { type: 'call.ready', version: 2, handler: 'echo', mode: 'turns' }
const READY = { type: 'message', text: JSON.stringify(ready) } as const

describe('a first connection that takes long', () => {
  it('gets another attempt beside it after 4 s, and one more after 8 s', async () => {
    const { clock, posts, tokens, state } = await slowCall()
    await clock.pass(3_999)
    expect(posts()).toBe(1)
    await clock.pass(1)
    expect(posts()).toBe(2)
    await clock.pass(3_999)
    expect(posts()).toBe(2)
    await clock.pass(1)
    expect(posts()).toBe(3)
    // Each is a call of its own, and the page says nothing of them.
    expect(tokens()).toEqual([null, null, null])
    expect(state()).toMatchObject({ status: 'connecting', step: 'relay' })
    await clock.pass(11_000)
    expect(posts()).toBe(3)
  })

  it('counts from when the microphone is open', async () => {
    const fake = fakeCall()
    const opening = deferred<MediaStream>()
    fake.world.granted = true
    fake.world.openMic = () => opening.promise
    startCall(fake.ports, fake.news)
    await fake.clock.pass(5_000)
    expect(fake.posts()).toBe(1)
    opening.resolve(fake.mic.stream)
    await fake.clock.pass(3_999)
    expect(fake.posts()).toBe(1)
    await fake.clock.pass(1)
    expect(fake.posts()).toBe(2)
  })

  it.each(['reached', 'relayed'] as const)(
    'is left alone till the eighth second where the peer was %s, and said to be slow',
    async (type) => {
      const { clock, posts, state, tell } = await slowCall()
      await clock.pass(2_000)
      await tell(1, { type })
      await clock.pass(5_999)
      expect(posts()).toBe(1)
      await clock.pass(1)
      expect(posts()).toBe(2)
      await clock.pass(1_000)
      expect(state()).toMatchObject({ status: 'connecting', step: 'late', doubt: undefined })
      await clock.pass(8_000)
      await tell(1, { type: 'open' })
      expect(state()?.status).toBe('live')
    },
  )

  it.each([
    { wins: 1, gone: 2 },
    { wins: 2, gone: 1 },
  ])(
    'is attempt $wins where that is up first, and the other gives its seat back',
    async ({ wins, gone }) => {
      const { attempt, call, clock, deletes, mic, state, tell } = await slowCall()
      await clock.pass(4_000)
      await tell(wins, { type: 'open' })
      expect(state()?.status).toBe('live')
      expect(deletes()).toEqual([`/v1/calls/${gone}`])
      expect(attempt(gone).closed).toBe(1)
      expect(attempt(wins).closed).toBe(0)
      // What the other says is nothing to the call.
      await tell(gone, { type: 'closed' })
      await tell(wins, READY)
      expect(state()).toMatchObject({ status: 'live', mode: 'turns' })
      await clock.pass(20_000)
      expect(deletes()).toHaveLength(1)
      expect(mic.track.stopped).toBe(false)
      call.close()
      await settle()
      expect(deletes()).toEqual([`/v1/calls/${gone}`, `/v1/calls/${wins}`])
      expect(attempt(wins).closed).toBe(1)
    },
  )

  it('is lost, and comes back, as the attempt that came up', async () => {
    const { clock, tell, tokens } = await slowCall()
    await clock.pass(4_000)
    await tell(2, { type: 'open' })
    await tell(2, { type: 'closed' })
    expect(tokens()).toEqual([null, null, token(2)])
  })

  it('gives back a seat that is given when another attempt is the call', async () => {
    const fake = fakeCall()
    const answers: ((response: Response) => void)[] = []
    fake.world.answer = () => new Promise((resolve) => answers.push(resolve))
    startCall(fake.ports, fake.news)
    await fake.clock.pass(4_000)
    answers[1]?.(created(JOINED, '/v1/calls/2'))
    await settle()
    fake.peer().tell({ type: 'open' })
    await settle()
    expect(fake.state()?.status).toBe('live')
    expect(fake.deletes()).toEqual([])
    answers[0]?.(created(JOINED, '/v1/calls/1'))
    await settle()
    expect(fake.deletes()).toEqual(['/v1/calls/1'])
  })

  it('plays what the attempt that came up sends', async () => {
    const { attempt, clock, news, tell } = await slowCall()
    const heard: MediaStream[] = []
    news.onAudio = (stream) => heard.push(stream)
    const [one, two] = [{}, {}] as MediaStream[]
    await clock.pass(4_000)
    if (!one || !two) throw new Error('two streams')
    attempt(1).tell({ type: 'audio', stream: one })
    attempt(2).tell({ type: 'audio', stream: two })
    expect(heard).toEqual([one])
    await tell(2, { type: 'open' })
    expect(heard.at(-1)).toBe(two)
  })
})

describe('a first connection that fails', () => {
  it('is tried again at once when an attempt ends early, three times in all', async () => {
    const { deletes, posts, state, tell } = await slowCall()
    await tell(1, { type: 'no-candidates' })
    expect(posts()).toBe(2)
    await tell(2, { type: 'no-candidates' })
    await tell(3, { type: 'no-candidates' })
    expect(state()).toMatchObject({ status: 'failed', failure: { code: 'relay-unreachable' } })
    expect(deletes()).toEqual(['/v1/calls/1', '/v1/calls/2', '/v1/calls/3'])
  })

  it('waits for an attempt that goes on when another is refused', async () => {
    const { clock, state, tell, world } = await slowCall()
    world.answer = async () => Response.json({}, { status: 503 })
    await clock.pass(9_000)
    expect(state()).toMatchObject({ step: 'late', doubt: { code: 'relay-unreachable' } })
    await tell(1, { type: 'open' })
    expect(state()?.status).toBe('live')
  })

  it('says of a service that does not answer that it does not, and then that it is given up', async () => {
    const fake = fakeCall()
    fake.world.answer = never
    startCall(fake.ports, fake.news)
    await fake.clock.pass(8_999)
    expect(fake.state()).toMatchObject({ status: 'connecting', step: 'answer' })
    await fake.clock.pass(1)
    expect(fake.state()).toMatchObject({ step: 'late', doubt: { code: 'offline' } })
    await fake.clock.pass(6_999)
    expect(fake.state()).toMatchObject({ step: 'late' })
    await fake.clock.pass(1)
    expect(fake.state()).toMatchObject({ status: 'failed', failure: { code: 'offline' } })
  })

  it('gives every seat back when the person hangs up meanwhile', async () => {
    const { call, clock, deletes, peers, posts, state } = await slowCall()
    await clock.pass(8_000)
    call.close()
    await settle()
    expect(state()).toMatchObject({ status: 'ended', why: 'hung-up' })
    expect(deletes()).toEqual(['/v1/calls/1', '/v1/calls/2', '/v1/calls/3'])
    expect(peers.map(({ closed }) => closed)).toEqual([1, 1, 1])
    await clock.pass(60_000)
    expect(posts()).toBe(3)
  })

  it('gives back a seat that is given after the person has hung up', async () => {
    const fake = fakeCall()
    const answering = deferred<Response>()
    fake.world.answer = () => answering.promise
    const call = startCall(fake.ports, fake.news)
    await settle()
    call.close()
    await settle()
    expect(fake.peer().closed).toBe(1)
    answering.resolve(created(JOINED, '/v1/calls/1'))
    await settle()
    expect(fake.deletes()).toEqual(['/v1/calls/1'])
  })
})
