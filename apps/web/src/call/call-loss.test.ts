import { describe, expect, it } from 'vitest'
import { created, fakeStream, JOINED, liveCall, never, reopen, settle } from './testing.ts'

describe('losing the connection', () => {
  it('joins again when the node says that it is going', async () => {
    const fake = await liveCall()
    reopen(fake)
    const end = { type: 'call.end', reason: 'draining', message: 'Restarting.' }
    fake.peer().tell({ type: 'message', text: JSON.stringify(end) })
    await fake.clock.pass(1_000)
    expect(fake.state()?.status).toBe('live')
    expect(fake.posts()).toBe(2)
  })

  it('sits out a short silence', async () => {
    const { peer, state, clock, posts } = await liveCall()
    peer().tell({ type: 'transport', state: 'disconnected' })
    await clock.pass(2_999)
    peer().tell({ type: 'transport', state: 'connected' })
    await clock.pass(60_000)
    expect(state()?.status).toBe('live')
    expect(posts()).toBe(1)
  })

  it.each([
    ['a long silence', { type: 'transport', state: 'disconnected' }, 3_000],
    ['a failed transport', { type: 'transport', state: 'failed' }, 0],
    ['a closed channel', { type: 'closed' }, 0],
  ] as const)('rejoins at once after %s, with the same microphone', async (_, news, ms) => {
    const fake = await liveCall()
    reopen(fake)
    const [first] = fake.peers
    first?.tell(news)
    await fake.clock.pass(ms)
    await settle()
    expect(fake.posts()).toBe(2)
    expect(fake.seen.lost).toBe(1)
    expect(first?.closed).toBe(1)
    // That would end the conversation.
    expect(fake.deletes()).toEqual([])
    expect(fake.mic.track.stopped).toBe(false)
    expect(fake.states.map(({ status }) => status).slice(-2)).toEqual(['reconnecting', 'live'])
  })

  it('ignores what a replaced connection still says', async () => {
    const fake = await liveCall()
    reopen(fake)
    const [first] = fake.peers
    first?.tell({ type: 'closed' })
    await settle()
    await settle()
    expect(fake.state()?.status).toBe('live')
    const before = fake.states.length
    first?.tell({ type: 'transport', state: 'failed' })
    first?.tell({ type: 'message', text: '{"type":"reply.start","turn":9}' })
    await settle()
    expect(fake.states).toHaveLength(before)
    expect(fake.posts()).toBe(2)
  })

  it('tries again and again for a minute, saying how long it has been, and then says that it is lost', async () => {
    const fake = await liveCall()
    fake.world.answer = async () => Promise.reject(new TypeError('Failed to fetch'))
    fake.peer().tell({ type: 'closed' })
    const posts: number[] = []
    for (const ms of [0, 99, 1, 399, 1, 399, 1]) {
      await fake.clock.pass(ms)
      posts.push(fake.posts() - 1)
    }
    expect(posts).toEqual([1, 1, 2, 2, 3, 3, 4])
    for (let ms = 900; ms < 12_000; ms += 400) await fake.clock.pass(400)
    expect(fake.state()).toMatchObject({ status: 'reconnecting', forMs: 12_100 })
    const eager = fake.posts()
    for (let ms = 12_000; ms < 59_000; ms += 1_000) await fake.clock.pass(1_000)
    expect(fake.state()?.status).toBe('reconnecting')
    // One a second from there on.
    expect(fake.posts() - eager).toBeLessThan(50)
    for (let ms = 0; ms < 4_000; ms += 1_000) await fake.clock.pass(1_000)
    expect(fake.state()).toMatchObject({
      status: 'failed',
      failure: { code: 'lost', detail: expect.stringContaining('offline') },
    })
    expect(fake.mic.track.stopped).toBe(true)
  })

  it('does not let an attempt that nobody answers keep the next one waiting', async () => {
    const fake = await liveCall()
    fake.world.answer = () => never()
    fake.peer().tell({ type: 'closed' })
    await fake.clock.pass(950)
    expect(fake.posts()).toBe(2)
    fake.world.answer = async () => created(JOINED)
    reopen(fake)
    await fake.clock.pass(100)
    expect(fake.state()?.status).toBe('live')
    expect(fake.posts()).toBe(3)
  })

  it('asks at once by two connections, and again a little later, and takes the first answer', async () => {
    const fake = await liveCall()
    fake.world.answer = () => never()
    reopen(fake)
    fake.peer().tell({ type: 'closed' })
    await fake.clock.pass(0)
    const [, once, again] = fake.requests
    expect(again).toMatchObject({ url: once?.url, init: { body: once?.init?.body } })
    expect(fake.requests).toHaveLength(3)
    fake.world.answer = async () => created(JOINED)
    await fake.clock.pass(300)
    expect(fake.state()?.status).toBe('live')
    // All that is still under way is given up.
    expect(fake.requests.slice(1).every(({ init }) => init?.signal?.aborted)).toBe(true)
    await fake.clock.pass(5_000)
    expect(fake.requests).toHaveLength(4)
  })

  it('waits for the other request when one did not get through', async () => {
    const fake = await liveCall()
    const answers = [
      () => Promise.reject<Response>(new TypeError('Failed to fetch')),
      () => Promise.resolve(created(JOINED)),
    ]
    fake.world.answer = () => answers.shift()?.() ?? never()
    reopen(fake)
    fake.peer().tell({ type: 'closed' })
    await fake.clock.pass(0)
    expect(fake.state()?.status).toBe('live')
    expect(fake.posts()).toBe(2)
  })

  it('does not wait when the network comes back', async () => {
    const fake = await liveCall()
    fake.world.answer = async () => Promise.reject(new TypeError('Failed to fetch'))
    fake.peer().tell({ type: 'closed' })
    await fake.clock.pass(600)
    expect(fake.state()).toMatchObject({ status: 'reconnecting', forMs: 500 })
    fake.world.answer = async () => created(JOINED)
    reopen(fake)
    fake.call.networkChanged()
    await settle()
    await settle()
    expect(fake.state()?.status).toBe('live')
  })

  it('gives up in the end when each connection falls right after it came up', async () => {
    const fake = await liveCall()
    reopen(fake)
    for (let round = 0; round < 20; round += 1) {
      if (fake.state()?.status === 'live') fake.peer().tell({ type: 'closed' })
      await fake.clock.pass(5_000)
    }
    expect(fake.state()).toMatchObject({ status: 'failed', failure: { code: 'lost' } })
    expect(fake.posts()).toBe(13)
  })

  it('starts the count again after a connection that lasted', async () => {
    const fake = await liveCall()
    reopen(fake)
    for (let round = 0; round < 8; round += 1) {
      fake.peer().tell({ type: 'closed' })
      await fake.clock.pass(10_000)
      expect(fake.state()?.status).toBe('live')
    }
    expect(fake.posts()).toBe(9)
  })

  it('rejoins with the microphone that was chosen meanwhile', async () => {
    const fake = await liveCall()
    fake.world.answer = async () => Promise.reject(new TypeError('Failed to fetch'))
    fake.peer().tell({ type: 'closed' })
    await fake.clock.pass(100)
    const other = fakeStream()
    await fake.call.replaceMic(other.stream)
    expect(fake.peers[0]?.tracks).toEqual([fake.mic.track])
    fake.world.answer = async () => created(JOINED)
    reopen(fake)
    await fake.clock.pass(500)
    expect(fake.state()?.status).toBe('live')
    expect(fake.peer().tracks).toEqual([other.track])
    expect(fake.mic.track.stopped).toBe(true)
  })

  it('can be hung up between two attempts', async () => {
    const fake = await liveCall()
    fake.world.answer = async () => Promise.reject(new TypeError('Failed to fetch'))
    fake.peer().tell({ type: 'closed' })
    await fake.clock.pass(50)
    fake.call.close()
    await fake.clock.pass(60_000)
    expect(fake.state()).toMatchObject({ status: 'ended', why: 'hung-up' })
    expect(fake.posts()).toBe(2)
  })
})
