import { describe, expect, it } from 'vitest'
import { regionOf, regionOfResume, RESUME_HEADER } from '@earshot/protocol'
import { outcomeOf, World, writtenDown } from './testing.ts'

describe('a conversation between regions', () => {
  it('goes on in the next when its own has no seat, and that one forgets it', async () => {
    const world = new World({}, ['eu', 'us'])
    const [eu = '', us = ''] = world.regions
    const home = await world.node('home', { hello: { region: eu } })
    const first = await world.join()
    home.send({ type: 'keep', call: first.call, kept: { turn: 5, state: '5' } })
    home.send({ type: 'status', load: 0, draining: true })
    await home.heard()
    const failed = await world.call({ [RESUME_HEADER]: first.resume })
    expect(await outcomeOf(failed)).toBe('fleet-full')

    const other = await world.node('other', { hello: { region: us } })
    const second = await world.join(first.resume)
    expect(second.resumed).toBe('moved')
    expect(other.lastOffer).toMatchObject({
      conversation: first.call,
      resume: { turn: 5, state: '5' },
    })
    expect([regionOf(second.call), regionOfResume(second.resume)]).toEqual([us, us])
    await home.heard()
    expect(home.hangups).toEqual([`${first.call} moved`])
    expect(await writtenDown(world, eu)).toEqual([])
    expect((await world.join(first.resume)).resumed).toBe('no')

    // From now on it is at home there, whatever region is nearest.
    home.send({ type: 'status', load: 0, draining: false })
    await home.heard()
    const third = await world.join(second.resume)
    expect(third.resumed).toBe('here')
    expect(other.lastOffer).toMatchObject({ call: third.call, conversation: first.call })
  })

  it.each([
    ['has no node', undefined],
    ['has a node that does not answer', 'silent'],
  ])('goes on in another when its own %s', async (_how, silent) => {
    // The one between has nothing to take it with either.
    const world = new World({}, ['eu', 'ap', 'us'])
    const [eu = '', , us = ''] = world.regions
    const home = await world.node('home', { hello: { region: eu } })
    const first = await world.join()
    if (silent === undefined) {
      home.close()
      await home.closed
    } else {
      home.onOffer(() => {})
      await world.adjust({ answerTimeoutMs: 20 }, eu)
    }
    const other = await world.node('other', { hello: { region: us } })
    expect((await world.join(first.resume)).resumed).toBe('moved')
    expect(other.lastOffer?.conversation).toBe(first.call)
    expect(await writtenDown(world, eu)).toEqual([])
  })

  it('stays at home when it has gone on there before another had taken it', async () => {
    const world = new World({}, ['eu', 'us'])
    const [eu = '', us = ''] = world.regions
    const home = await world.node('home', { hello: { region: eu } })
    const first = await world.join()
    home.send({ type: 'status', load: 0, draining: true })
    await home.heard()
    const other = await world.node('other', { hello: { region: us }, answers: false })
    const earlier = world.call({ [RESUME_HEADER]: first.resume })
    const late = await other.frame('offer')
    home.send({ type: 'status', load: 0, draining: false })
    await home.heard()
    const second = await world.join(first.resume)
    other.answer(late)
    expect((await earlier).status).toBe(201)
    await home.heard()
    expect(home.hangups).toEqual([])
    expect((await world.join(second.resume)).resumed).toBe('here')
    expect(home.lastOffer?.conversation).toBe(first.call)
  })

  it('is kept when no other takes it', async () => {
    const world = new World({}, ['eu', 'us'])
    const [eu = '', us = ''] = world.regions
    const home = await world.node('home', { hello: { region: eu } })
    const first = await world.join()
    home.send({ type: 'status', load: 0, draining: true })
    const other = await world.node('other', { hello: { region: us } })
    other.onOffer(({ call }) => other.send({ type: 'refuse', call, reason: 'failed', detail: '' }))
    await home.heard()
    const response = await world.call({ [RESUME_HEADER]: first.resume })
    expect(await outcomeOf(response)).toBe('node-failed')
    expect(home.hangups).toEqual([])
    expect(await writtenDown(world, us)).toEqual([])
    home.send({ type: 'status', load: 0, draining: false })
    await home.heard()
    expect((await world.join(first.resume)).resumed).toBe('here')
  })
})
