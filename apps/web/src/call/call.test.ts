import { type ProblemCode, problem, PROBLEMS } from '@earshot/protocol'
import { describe, expect, it } from 'vitest'
import { startCall } from './call.ts'
import { CallFailure, FAILURE_OF_PROBLEM } from './failure.ts'
import {
  CALL_ID,
  created,
  deferred,
  fakeCall,
  fakeStream,
  JOINED,
  liveCall,
  never,
  settle,
} from './testing.ts'

type World = ReturnType<typeof fakeCall>['world']

/** Makes the next peer never come to an end with one of its steps. */
function stall(world: World, step: 'offer' | 'accept'): void {
  world.onPeer = (peer) => {
    if (step === 'offer') peer.offer = never
    else peer.accept = never
  }
}

describe('joining', () => {
  it('takes one round trip, and says each step', async () => {
    const fake = fakeCall()
    startCall(fake.ports, fake.news)
    await settle()
    expect(fake.requests).toHaveLength(1)
    expect(fake.requests[0]).toMatchObject({ method: 'POST', url: '/v1/calls' })
    expect(fake.requests[0]?.init).toMatchObject({
      body: 'v=0 offer',
      headers: { 'Content-Type': 'application/sdp', Accept: 'application/json' },
    })
    expect(fake.peer().accepted).toEqual({
      answer: JOINED.answer,
      configuration: JOINED.configuration,
    })
    fake.peer().tell({ type: 'open' })
    await settle()
    const steps = fake.states.map((state) =>
      state.status === 'connecting' ? state.step : state.status,
    )
    expect(steps).toEqual(['mic', 'answer', 'relay', 'live'])
    expect(fake.requests).toHaveLength(1)
  })

  it('is live even when the channel opens before accept() has resolved', async () => {
    const fake = fakeCall()
    fake.world.onPeer = (peer) => {
      peer.accepting = never()
    }
    startCall(fake.ports, fake.news)
    await settle()
    fake.peer().tell({ type: 'open' })
    await settle()
    expect(fake.state()?.status).toBe('live')
  })

  it('asks the person for the microphone before it takes a seat', async () => {
    const fake = fakeCall()
    fake.world.openMic = never
    startCall(fake.ports, fake.news)
    await settle()
    expect(fake.requests).toEqual([])
    expect(fake.state()).toMatchObject({ status: 'connecting', step: 'mic' })
  })

  it('calls while a microphone that was granted before still opens, and sends it', async () => {
    const fake = fakeCall()
    const opening = deferred<MediaStream>()
    fake.world.granted = true
    fake.world.openMic = () => opening.promise
    startCall(fake.ports, fake.news)
    await settle()
    expect(fake.posts()).toBe(1)
    expect(fake.peer().accepted).toBeUndefined()
    opening.resolve(fake.mic.stream)
    await settle()
    expect(fake.peer().tracks).toEqual([fake.mic.track])
    expect(fake.peer().accepted).toMatchObject({ answer: JOINED.answer })
  })

  it('gives the seat back when a granted microphone does not open after all', async () => {
    const fake = fakeCall()
    const opening = deferred<MediaStream>()
    fake.world.granted = true
    fake.world.openMic = () => opening.promise
    startCall(fake.ports, fake.news)
    await settle()
    opening.reject(new CallFailure('mic-busy', 'getUserMedia: NotReadableError'))
    await settle()
    expect(fake.state()).toMatchObject({ status: 'failed', failure: { code: 'mic-busy' } })
    expect(fake.deletes()).toEqual([`/v1/calls/${CALL_ID}`])
  })

  it('gives the microphone away before the answer is there', async () => {
    const fake = fakeCall()
    fake.world.answer = never
    startCall(fake.ports, fake.news)
    await settle()
    expect(fake.mics).toEqual([fake.mic.stream])
  })
})

describe('failing to join', () => {
  it.each(Object.keys(PROBLEMS) as ProblemCode[])('says %s in a code of its own', async (code) => {
    const fake = fakeCall()
    const body = problem(code, 'because')
    fake.world.answer = async () => Response.json(body, { status: body.status })
    startCall(fake.ports, fake.news)
    await settle()
    expect(fake.state()).toMatchObject({
      status: 'failed',
      failure: { code: FAILURE_OF_PROBLEM[code], detail: `${body.status} ${code}: because` },
    })
    expect(fake.mic.track.stopped).toBe(true)
    expect(fake.peer().closed).toBe(1)
    expect(fake.deletes()).toEqual([])
  })

  it.each([
    ['a page', async () => new Response('<!doctype html>', { status: 200 }), 'service-failed'],
    ['nonsense', async () => new Response('{}', { status: 201 }), 'service-failed'],
    ['no service', async () => Promise.reject(new TypeError('Failed to fetch')), 'offline'],
  ])('copes with %s', async (_, answer, code) => {
    const fake = fakeCall()
    fake.world.answer = answer
    startCall(fake.ports, fake.news)
    await settle()
    expect(fake.state()).toMatchObject({ status: 'failed', failure: { code } })
  })

  it('passes on why there is no microphone, and calls nobody', async () => {
    const fake = fakeCall()
    fake.world.openMic = () => Promise.reject(new CallFailure('mic-refused', 'no'))
    startCall(fake.ports, fake.news)
    await settle()
    expect(fake.state()).toMatchObject({ status: 'failed', failure: { code: 'mic-refused' } })
    expect(fake.requests).toEqual([])
  })

  it.each([
    ['relay', undefined, 'relay-unreachable'],
    ['relay', 401, 'credentials-refused'],
    ['relay', 701, 'relay-unreachable'],
    ['all', undefined, 'direct-unreachable'],
    ['all', 401, 'credentials-refused'],
  ] as const)('with policy %s and candidate error %s: %s', async (policy, error, code) => {
    const fake = fakeCall()
    const configuration = { ...JOINED.configuration, iceTransportPolicy: policy }
    fake.world.answer = async () => created({ ...JOINED, configuration })
    startCall(fake.ports, fake.news)
    await settle()
    if (error !== undefined) {
      fake.peer().tell({ type: 'candidate-error', code: error, url: 'turn:t.example:3478' })
    }
    await fake.clock.pass(8_999)
    expect(fake.state()).toMatchObject({ status: 'connecting', step: 'relay' })
    await fake.clock.pass(1)
    expect(fake.state()).toMatchObject({ status: 'connecting', step: 'late', doubt: { code } })
    await fake.clock.pass(10_999)
    expect(fake.state()).toMatchObject({ status: 'connecting', step: 'late' })
    await fake.clock.pass(1)
    expect(fake.state()).toMatchObject({ status: 'failed', failure: { code } })
    expect(fake.deletes()).toHaveLength(fake.posts())
    expect(fake.peers.map(({ closed }) => closed)).toEqual([1, 1, 1])
  })

  it('does not wait out the time when there is no candidate at all', async () => {
    const fake = fakeCall()
    startCall(fake.ports, fake.news)
    await settle()
    fake.peer().tell({ type: 'candidate-error', code: 401, url: 'turn:t.example:3478' })
    fake.peer().tell({ type: 'no-candidates' })
    await settle()
    expect(fake.state()).toMatchObject({
      status: 'failed',
      failure: { code: 'credentials-refused' },
    })
    expect(fake.posts()).toBe(1)
  })

  it('fails when the answer cannot be applied', async () => {
    const fake = fakeCall()
    fake.world.onPeer = (peer) => {
      peer.accepting = Promise.reject(new CallFailure('offer-refused', 'bad SDP'))
      peer.accepting.catch(() => {})
    }
    startCall(fake.ports, fake.news)
    await settle()
    expect(fake.state()).toMatchObject({ status: 'failed', failure: { code: 'offer-refused' } })
    expect(fake.deletes()).toEqual([`/v1/calls/${CALL_ID}`])
  })
})

describe('hanging up', () => {
  const steps: [string, (fake: ReturnType<typeof fakeCall>) => void, number][] = [
    ['while the microphone opens', ({ world }) => (world.openMic = never), 0],
    ['while the offer is made', ({ world }) => stall(world, 'offer'), 0],
    ['while the service is asked', ({ world }) => (world.answer = never), 0],
    ['while the answer is applied', ({ world }) => stall(world, 'accept'), 1],
    ['while the path comes up', () => {}, 1],
  ]
  it.each(steps)('%s leaves nothing open', async (_, arrange, deletes) => {
    const fake = fakeCall()
    arrange(fake)
    const call = startCall(fake.ports, fake.news)
    await settle()
    const before = fake.posts()
    call.close()
    call.close()
    await settle()
    expect(fake.state()).toMatchObject({ status: 'ended', why: 'hung-up' })
    expect(fake.states.filter(({ status }) => status === 'ended')).toHaveLength(1)
    expect(fake.deletes()).toHaveLength(deletes)
    expect(fake.peers.every(({ closed }) => closed === 1)).toBe(true)
    await fake.clock.pass(60_000)
    expect(fake.posts()).toBe(before)
  })

  it('stops a microphone that opens too late', async () => {
    const fake = fakeCall()
    const opening = deferred<MediaStream>()
    fake.world.openMic = () => opening.promise
    startCall(fake.ports, fake.news).close()
    opening.resolve(fake.mic.stream)
    await settle()
    expect(fake.mic.track.stopped).toBe(true)
    expect(fake.mics).toEqual([])
    expect(fake.peers).toEqual([])
  })

  it('ends a live call at the service, and tells it before the peer goes', async () => {
    const { call, deletes, requests, peer, mic } = await liveCall()
    call.close()
    expect(mic.track.stopped).toBe(true)
    expect(deletes()).toEqual([`/v1/calls/${CALL_ID}`])
    expect(requests.at(-1)?.init?.keepalive).toBe(true)
    expect(peer().closed).toBe(0)
    await settle()
    expect(peer().closed).toBe(1)
  })
})

describe('a live call', () => {
  it('sends marks with their time, and only while it is live', async () => {
    const { call, peer, clock } = await liveCall()
    call.mark('speech.start')
    await clock.pass(500)
    call.mark('speech.end')
    call.close()
    call.mark('speech.start')
    expect(peer().sent).toEqual([
      { type: 'speech.start', at: 1_000 },
      { type: 'speech.end', at: 1_500 },
    ])
  })

  it('goes back to listening when the node makes no turn of what it heard', async () => {
    const { call, clock, state } = await liveCall()
    call.mark('speech.start')
    call.mark('speech.end')
    await clock.pass(1_999)
    expect(state()).toMatchObject({ floor: 'thinking' })
    await clock.pass(1)
    expect(state()).toMatchObject({ floor: 'nobody' })
  })

  it('waits for a confirmed turn as long as it takes', async () => {
    const { call, clock, state, peer } = await liveCall()
    call.mark('speech.start')
    call.mark('speech.end')
    peer().tell({ type: 'message', text: '{"type":"turn","turn":1,"ms":900}' })
    await clock.pass(30_000)
    expect(state()).toMatchObject({ floor: 'thinking' })
  })

  it('swaps the microphone and stops the old one', async () => {
    const { call, peer, mic, mics } = await liveCall()
    const other = fakeStream()
    await call.replaceMic(other.stream)
    expect(peer().tracks).toEqual([mic.track, other.track])
    expect(mic.track.stopped).toBe(true)
    expect(mics).toEqual([mic.stream, other.stream])
    call.close()
    expect(other.track.stopped).toBe(true)
  })

  it.each([
    ['handler', { status: 'ended', why: 'handler', message: 'Goodbye.' }],
    ['silent', { status: 'failed', failure: { code: 'ended-by-node' } }],
    ['deleted', { status: 'failed', failure: { code: 'ended-by-node' } }],
  ])('ends when the node says so: %s', async (reason, expected) => {
    const { peer, state, posts, clock } = await liveCall()
    const text = JSON.stringify({ type: 'call.end', reason, message: 'Goodbye.' })
    peer().tell({ type: 'message', text })
    peer().tell({ type: 'closed' })
    await clock.pass(20_000)
    expect(state()).toMatchObject(expected)
    expect(posts()).toBe(1)
  })
})
