import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { describe, expect, it } from 'vitest'
import { RESUME_HEADER, RESUME_MS } from '@earshot/protocol'
import type { FakeNode } from './fake-node.ts'
import { outcomeOf, talking, writtenDown } from './testing.ts'

describe('a conversation', () => {
  it.each([
    [RESUME_MS - 1, 'moved'],
    [RESUME_MS, 'no'],
  ])('whose call ended %d ms ago is %s', async (ms, resumed) => {
    const { world, node, first } = await talking()
    const endedAt = Date.now()
    await world.adjust({ now: () => endedAt })
    node.send({ type: 'ended', call: first.call, final: false })
    await node.heard()
    await world.adjust({ now: () => endedAt + ms })
    await world.node('later')
    expect((await world.join(first.resume)).resumed).toBe(resumed)
  })

  it('is over when the node says so', async () => {
    const { world, node, first } = await talking()
    node.send({ type: 'ended', call: first.call, final: true })
    await node.heard()
    expect(await writtenDown(world)).toEqual([])
    expect((await world.join(first.resume)).resumed).toBe('no')
  })

  it('has what was kept last, by the node and the call that have it', async () => {
    const { world, node, first } = await talking()
    const other = await world.node('other')
    const keep = (by: FakeNode, call: string, turn: number, state?: string): void =>
      by.send({ type: 'keep', call, kept: state === undefined ? { turn } : { turn, state } })
    keep(node, first.call, 1, '"one"')
    keep(other, first.call, 9, '"not mine"')
    await Promise.all([node.heard(), other.heard()])
    const second = await world.join(first.resume)
    expect(node.lastOffer?.resume).toEqual({ turn: 1, state: '"one"' })
    keep(node, second.call, 2, '"two"')
    keep(node, first.call, 8, '"too late"')
    await node.heard()
    const third = await world.join(second.resume)
    expect(node.lastOffer?.resume).toEqual({ turn: 2, state: '"two"' })
    keep(node, third.call, 3)
    await node.heard()
    await world.join(third.resume)
    expect(node.lastOffer?.resume).toEqual({ turn: 3 })
  })

  it.each(['closed', 'was replaced'])(
    'lives as long as its call, though a link %s',
    async (how) => {
      const { world, node, first } = await talking()
      const lost = await world.join()
      if (how === 'closed') {
        node.close()
        await node.closed
      }
      await world.node('home', { hello: { calls: [first.call] } })
      await world.adjust({ now: () => Date.now() + RESUME_MS })
      await world.node('later')
      expect((await world.join(lost.resume)).resumed).toBe('no')
      expect((await world.join(first.resume)).resumed).toBe('moved')
    },
  )

  it('is not for a node that had it before and comes back', async () => {
    const { world, node, first } = await talking(1)
    node.close()
    await node.closed
    const other = await world.node('other', { hello: { seats: 1 } })
    const second = await world.join(first.resume)
    other.send({ type: 'connected', call: second.call })
    await other.heard()
    const calls = [first.call, second.call]
    const back = await world.node('home', { hello: { seats: 1, calls } })
    await back.heard()
    expect(back.hangups.toSorted()).toEqual(calls.map((call) => `${call} moved`).toSorted())
    expect((await world.join()).resumed).toBe('no')
    expect(back.offers).toBe(1)
  })

  it('outlives the memory of the fleet, and its links', async () => {
    const { world, node, first } = await talking()
    node.send({ type: 'keep', call: first.call, kept: { turn: 2, state: '[]' } })
    await node.heard()
    await evictDurableObject(world.fleet())
    const second = await world.join(first.resume)
    expect(second.resumed).toBe('here')
    await evictDurableObject(world.fleet(), { webSockets: 'close' })
    const [row] = await writtenDown(world)
    expect(Number(row?.expires)).toBeGreaterThan(Date.now())
    const other = await world.node('other')
    // Nobody has said that the second call was connected.
    expect((await world.join(first.resume)).resumed).toBe('moved')
    expect(other.lastOffer?.resume).toEqual({ turn: 2, state: '[]' })
  })

  it('is forgotten by the alarm when nobody asks for it', async () => {
    const { world, node } = await talking()
    node.close()
    await node.closed
    await expect.poll(() => runDurableObjectAlarm(world.fleet())).toBe(true)
    const [row, ...others] = await writtenDown(world)
    expect(others).toEqual([])
    const expires = Number(row?.expires)
    await runInDurableObject(world.fleet(), async (_fleet, { storage }) => {
      expect(await storage.getAlarm()).toBe(expires)
    })
    await world.adjust({ now: () => expires })
    expect(await runDurableObjectAlarm(world.fleet())).toBe(true)
    expect(await writtenDown(world)).toEqual([])
    expect(await runDurableObjectAlarm(world.fleet())).toBe(false)
  })
})

describe('hanging up', () => {
  it('ends a conversation whose call is gone, once', async () => {
    const { world, node, first } = await talking()
    node.send({ type: 'ended', call: first.call, final: false })
    await node.heard()
    expect(await world.hangUp(first)).toBe(200)
    await node.heard()
    expect(node.hangups).toEqual([`${first.call} deleted`])
    expect(await world.hangUp(first)).toBe(404)
    expect((await world.join(first.resume)).resumed).toBe('no')
  })

  it('ends one whose node is gone', async () => {
    const { world, node, first } = await talking()
    node.close()
    await node.closed
    expect(await world.hangUp(first)).toBe(200)
    expect(await writtenDown(world)).toEqual([])
  })

  it('ends one that has expired no more', async () => {
    const { world, node, first } = await talking()
    node.send({ type: 'ended', call: first.call, final: false })
    await node.heard()
    await world.adjust({ now: () => Date.now() + RESUME_MS })
    expect(await world.hangUp(first)).toBe(404)
  })

  it('by the call that was lost ends the one that came after it, until that is connected', async () => {
    const { world, node, first } = await talking()
    const second = await world.join(first.resume)
    expect(await world.hangUp(first)).toBe(200)
    await node.heard()
    expect(node.hangups).toEqual([`${second.call} deleted`])
    for (const { resume } of [first, second]) expect((await world.join(resume)).resumed).toBe('no')

    const third = await world.join()
    const fourth = await world.join(third.resume)
    node.send({ type: 'connected', call: fourth.call })
    await node.heard()
    expect(await world.hangUp(third)).toBe(404)
    expect(await world.hangUp(fourth)).toBe(200)
  })

  it('stops an attempt to join again', async () => {
    const { world, node, first } = await talking(1)
    node.onOffer(() => {})
    const response = world.call({ [RESUME_HEADER]: first.resume })
    await expect.poll(() => node.offers).toBe(2)
    expect(await world.hangUp(first)).toBe(200)
    expect(await outcomeOf(await response)).toBe('node-failed')
    await node.heard()
    expect(node.hangups).toEqual([`${node.lastOffer?.call} deleted`])
    expect(await writtenDown(world)).toEqual([])
    node.answers()
    expect((await world.join(first.resume)).resumed).toBe('no')
  })
})
