import { describe, expect, it } from 'vitest'
import { ATTEMPT_HEADER, joinedSchema, RESUME_HEADER } from '@earshot/protocol'
import * as v from 'valibot'
import { OFFER } from './fake-node.ts'
import { outcomeOf, talking, writtenDown } from './testing.ts'

describe('a lost call', () => {
  it('is taken back by its node, though another is less full', async () => {
    const { world, node, first } = await talking()
    const other = await world.node('other')
    const second = await world.join(first.resume)
    expect(second.resumed).toBe('here')
    expect(second.call).not.toBe(first.call)
    expect(node.lastOffer).toMatchObject({
      call: second.call,
      conversation: first.call,
      resume: { turn: 0 },
    })
    const third = await world.join(second.resume)
    expect(node.lastOffer).toMatchObject({ call: third.call, conversation: first.call })
    // The node takes the one for the other itself.
    expect(node.hangups).toEqual([])
    expect(other.offers).toBe(0)
  })

  it('is a new conversation without its token', async () => {
    const { world, node } = await talking()
    const second = await world.join()
    expect(second.resumed).toBe('no')
    expect(node.lastOffer).toMatchObject({ call: second.call, conversation: second.call })
    expect(node.lastOffer).not.toHaveProperty('resume')
  })

  it('has its own seat again in a full fleet, and nobody can come between', async () => {
    const { world, first } = await talking(1)
    const strangers = async (): Promise<string[]> => {
      const responses = await Promise.all(Array.from({ length: 5 }, () => world.call()))
      return Promise.all(responses.map((response) => outcomeOf(response)))
    }
    const [before, second, after] = await Promise.all([
      strangers(),
      world.join(first.resume),
      strangers(),
    ])
    expect(second.resumed).toBe('here')
    expect(new Set([...before, ...after])).toEqual(new Set(['fleet-full']))
  })

  it('goes on elsewhere with what was kept when its node has gone', async () => {
    const { world, node, first } = await talking()
    node.send({ type: 'keep', call: first.call, kept: { turn: 3, state: '{"name":"Ada"}' } })
    node.close()
    await node.closed
    const other = await world.node('other')
    expect((await world.join(first.resume)).resumed).toBe('moved')
    expect(other.lastOffer?.resume).toEqual({ turn: 3, state: '{"name":"Ada"}' })
  })

  it.each(['drains', 'refuses'])('leaves a node that %s, which is told', async (how) => {
    const { world, node, first } = await talking()
    const other = await world.node('other')
    if (how === 'drains') node.send({ type: 'status', load: 0, draining: true })
    node.onOffer(({ call }) => node.send({ type: 'refuse', call, reason: 'full', detail: '' }))
    await node.heard()
    expect((await world.join(first.resume)).resumed).toBe('moved')
    await node.heard()
    expect(node.hangups).toEqual([`${first.call} moved`])
    expect(other.hangups).toEqual([])
  })

  it('does not wait long for a slow node when there is another', async () => {
    const { world, node, first } = await talking()
    const other = await world.node('other')
    node.onOffer(() => {})
    await world.adjust({ homeTimeoutMs: 20, answerTimeoutMs: 60_000 })
    const second = await world.join(first.resume)
    expect(second.resumed).toBe('moved')
    expect(other.lastOffer).toMatchObject({ conversation: first.call, resume: { turn: 0 } })
    await node.heard()
    expect(node.hangups).toEqual([`${second.call} moved`, `${first.call} moved`])
    // What the slow one says at last changes nothing.
    node.send({ type: 'answer', call: second.call, sdp: '', resumed: 'here' })
    node.send({ type: 'ended', call: second.call, final: true })
    await node.heard()
    expect((await world.join(second.resume)).resumed).toBe('here')
    expect(other.lastOffer?.conversation).toBe(first.call)
    expect(other.hangups).toEqual([])
  })

  it('may be tried again after an attempt that failed', async () => {
    const { world, node, first } = await talking(1)
    // It is the only node, and so has the full time to answer.
    await world.adjust({ homeTimeoutMs: 60_000, answerTimeoutMs: 20 })
    node.onOffer(() => {})
    const response = await world.call({ [RESUME_HEADER]: first.resume })
    expect(await outcomeOf(response)).toBe('node-timeout')
    await node.heard()
    expect(node.hangups).toEqual([`${node.lastOffer?.call} moved`])
    await world.adjust({ answerTimeoutMs: 5000 })
    for (const reason of ['bad-offer', 'failed', 'draining'] as const) {
      node.onOffer(({ call }) => node.send({ type: 'refuse', call, reason, detail: '' }))
      expect((await world.call({ [RESUME_HEADER]: first.resume })).status).not.toBe(201)
    }
    node.answers()
    expect((await world.join(first.resume)).resumed).toBe('here')
    expect(node.lastOffer?.conversation).toBe(first.call)
  })
})

describe('a resume token', () => {
  it('is good until the call that it led to is connected', async () => {
    const { world, node, first } = await talking(1)
    const second = await world.join(first.resume)
    const third = await world.join(first.resume)
    expect(third.resumed).toBe('here')
    expect(node.lastOffer).toMatchObject({ call: third.call, conversation: first.call })
    expect(await world.hangUp(second)).toBe(404)
    node.send({ type: 'connected', call: third.call })
    await node.heard()
    // The one seat is taken: a fresh call with a worthless token has none.
    expect(await outcomeOf(await world.call({ [RESUME_HEADER]: first.resume }))).toBe('fleet-full')
    expect((await world.join(third.resume)).resumed).toBe('here')
  })

  it('that is shown twice with one offer is one call, answered twice', async () => {
    const { world, node, first } = await talking(1)
    node.onOffer(() => {})
    const asked = [world.join(first.resume, OFFER), world.join(first.resume, OFFER)]
    await expect.poll(() => node.offers).toBe(2)
    if (node.lastOffer) node.answer(node.lastOffer)
    const [second, again] = await Promise.all(asked)
    expect(again).toMatchObject({ call: second?.call, resume: second?.resume, resumed: 'here' })
    // Also when the first was answered before the second came, and its call is connected by now.
    node.send({ type: 'connected', call: second?.call ?? '' })
    await node.heard()
    expect((await world.join(first.resume, OFFER)).call).toBe(second?.call)
    expect(node.offers).toBe(2)
    expect(node.hangups).toEqual([])
    // Not for ever.
    await world.adjust({ now: () => Date.now() + 6_000 })
    expect(await outcomeOf(await world.call({ [RESUME_HEADER]: first.resume }, OFFER))).toBe(
      'fleet-full',
    )
  })

  it('is not taken from an attempt that arrives after a later one', async () => {
    const { world, node, first } = await talking()
    const asking = (token: string, attempt: number): Record<string, string> => ({
      Accept: 'application/json',
      [RESUME_HEADER]: token,
      [ATTEMPT_HEADER]: String(attempt),
    })
    const later = await world.call(asking(first.resume, 2))
    expect(later.status).toBe(201)
    const { resume, call } = v.parse(joinedSchema, await later.json())
    expect(await outcomeOf(await world.call(asking(first.resume, 1)))).toBe('node-failed')
    expect(node.offers).toBe(2)
    expect(node.hangups).toEqual([])
    expect((await world.call(asking(resume, 3))).status).toBe(201)
    expect(await world.hangUp({ call })).toBe(200)
  })

  it('that is shown twice ends the call of which the answer was lost', async () => {
    const { world, node, first } = await talking()
    const second = await world.join(first.resume)
    node.send({ type: 'status', load: 0, draining: true })
    await node.heard()
    const other = await world.node('other', { hello: { seats: 1 } })
    const third = await world.join(first.resume)
    expect(third.resumed).toBe('moved')
    await node.heard()
    expect(node.hangups).toEqual([`${second.call} moved`])
    expect(other.lastOffer).toMatchObject({ call: third.call, conversation: first.call })
  })

  it('that is shown twice at once leads to one call', async () => {
    const { world, node, first } = await talking(1)
    node.onOffer(() => {})
    const earlier = world.call({ [RESUME_HEADER]: first.resume })
    await expect.poll(() => node.offers).toBe(2)
    const late = node.lastOffer
    node.answers()
    const second = await world.join(first.resume)
    expect(await outcomeOf(await earlier)).toBe('node-failed')
    expect(second.resumed).toBe('here')
    if (late !== undefined) node.answer(late)
    await node.heard()
    // Not `deleted`, which would end the newer call as well.
    expect(node.hangups).toEqual([`${late?.call} moved`])
    expect(await world.hangUp(second)).toBe(200)
  })

  it('that is shown twice at once frees the node that was left before', async () => {
    const { world, node, first } = await talking()
    node.send({ type: 'status', load: 0, draining: true })
    await node.heard()
    const other = await world.node('other', { answers: false })
    const earlier = world.call({ [RESUME_HEADER]: first.resume })
    await other.frame('offer')
    other.answers()
    expect((await world.join(first.resume)).resumed).toBe('here')
    expect(await outcomeOf(await earlier)).toBe('node-failed')
    await node.heard()
    expect(node.hangups).toEqual([`${first.call} moved`])
    expect(other.hangups).toEqual([])
  })

  it('makes way for the next one as soon as that is shown', async () => {
    const { world, first } = await talking()
    const second = await world.join(first.resume)
    expect((await world.join(second.resume)).resumed).toBe('here')
    expect((await world.join(first.resume)).resumed).toBe('no')
  })

  it('that is spent puts nobody out', async () => {
    const { world, node, first } = await talking()
    const second = await world.join(first.resume)
    node.send({ type: 'connected', call: second.call })
    await node.heard()
    const stranger = await world.join(first.resume)
    expect(stranger.resumed).toBe('no')
    expect(node.lastOffer).toMatchObject({ call: stranger.call, conversation: stranger.call })
    await node.heard()
    expect(node.hangups).toEqual([])
    expect(await world.hangUp(second)).toBe(200)
  })

  it('is not spent because another node says so', async () => {
    const { world, first } = await talking()
    const other = await world.node('other')
    const second = await world.join(first.resume)
    other.send({ type: 'connected', call: second.call })
    await other.heard()
    expect((await world.join(first.resume)).resumed).toBe('here')
  })

  it('of nothing that is kept begins anew', async () => {
    const { world, node, first } = await talking(10)
    const region = world.regions[0] ?? ''
    const tokens = [`${region}.${'A'.repeat(43)}`, `mars.${'A'.repeat(43)}`, 'x', '', first.call]
    for (const token of [...tokens, `${first.resume}A`, first.resume.toUpperCase()]) {
      const joined = await world.join(token)
      expect(joined.resumed).toBe('no')
      expect(node.lastOffer).toMatchObject({ call: joined.call, conversation: joined.call })
    }
    expect((await world.join(first.resume)).resumed).toBe('here')
  })

  it('is written down nowhere', async () => {
    const { world, first } = await talking()
    const second = await world.join(first.resume)
    const rows = JSON.stringify(await writtenDown(world))
    expect(rows).toContain(second.call)
    for (const { resume } of [first, second]) expect(rows).not.toContain(resume.split('.')[1])
  })
})
