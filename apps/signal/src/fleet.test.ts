import { evictDurableObject, runDurableObjectAlarm } from 'cloudflare:test'
import { describe, expect, it } from 'vitest'
import { NODE_PROTOCOL_VERSION, NODE_SILENT_MS, regionOf } from '@earshot/protocol'
import { ANSWER } from './fake-node.ts'
import { NOBODYS_CALL, outcomeOf, sdpOf, World } from './testing.ts'

describe('seats', () => {
  it('never gives the last one twice', async () => {
    const world = new World()
    const node = await world.node('n', { hello: { seats: 1 } })
    const responses = await Promise.all(Array.from({ length: 10 }, () => world.call()))
    const outcomes = await Promise.all(responses.map((response) => outcomeOf(response)))
    expect(outcomes.toSorted()).toEqual(['201', ...Array.from({ length: 9 }, () => 'fleet-full')])
    expect(node.offers).toBe(1)
    const full = responses.find(({ status }) => status === 503)
    expect(full?.headers.get('Retry-After')).toBe('5')
  })

  it('are filled evenly', async () => {
    const world = new World()
    const small = await world.node('small', { hello: { seats: 2 } })
    const large = await world.node('large', { hello: { seats: 4 } })
    for (let time = 0; time < 6; time += 1) expect((await world.call()).status).toBe(201)
    expect([small.offers, large.offers]).toEqual([2, 4])
    expect(await outcomeOf(await world.call())).toBe('fleet-full')
  })

  it('go to the less loaded of equal nodes', async () => {
    const world = new World()
    const [busy, idle] = [await world.node('busy'), await world.node('idle')]
    busy.send({ type: 'status', load: 0.9, draining: false })
    idle.send({ type: 'status', load: 0.2, draining: false })
    await Promise.all([busy.heard(), idle.heard()])
    await world.call()
    expect([busy.offers, idle.offers]).toEqual([0, 1])
  })

  it('are not given on a node that drains', async () => {
    const world = new World()
    const node = await world.node('n')
    node.send({ type: 'status', load: 0, draining: true })
    await node.heard()
    expect(await outcomeOf(await world.call())).toBe('fleet-full')
    expect((await world.request('/v1/ice-servers')).status).toBe(200)
    node.send({ type: 'status', load: 0, draining: false })
    await expect.poll(async () => outcomeOf(await world.call())).toBe('201')
  })

  it('are free again when the node says that a call has ended', async () => {
    const world = new World()
    const node = await world.node('n', { hello: { seats: 1 } })
    await world.call()
    expect(await outcomeOf(await world.call())).toBe('fleet-full')
    node.send({ type: 'ended', call: (await node.frame('offer')).call, final: true })
    await node.heard()
    expect(await outcomeOf(await world.call())).toBe('201')
  })

  it('outlive the memory of the fleet', async () => {
    const world = new World()
    const node = await world.node('n', { hello: { seats: 2 } })
    const path = (await world.call()).headers.get('Location') ?? ''
    await evictDurableObject(world.fleet())
    expect((await world.call()).status).toBe(201)
    expect(await outcomeOf(await world.call())).toBe('fleet-full')
    await evictDurableObject(world.fleet())
    expect((await world.request(path, { method: 'DELETE' })).status).toBe(200)
    expect(path).toContain((await node.frame('hangup')).call)
  })

  it('of nodes that went while the fleet was away are free', async () => {
    const world = new World()
    await world.node('n', { hello: { seats: 1 } })
    await world.call()
    await evictDurableObject(world.fleet(), { webSockets: 'close' })
    expect(await outcomeOf(await world.call())).toBe('no-node')
    await world.node('n', { hello: { seats: 1 } })
    expect((await world.call()).status).toBe(201)
  })
})

describe('a node', () => {
  it('gets pong for ping', async () => {
    const world = new World()
    const node = await world.node('n')
    const text = node.text()
    node.sendText('ping')
    expect(await text).toBe('pong')
  })

  it('keeps, when it dials in again, the calls that it says it has', async () => {
    const world = new World()
    const hello = { seats: 2 }
    const older = await world.node('n', { hello })
    const kept = (await world.call()).headers.get('Location')?.replace('/v1/calls/', '') ?? ''
    expect((await world.call()).status).toBe(201)
    const newer = await world.node('n', { hello: { ...hello, calls: [kept] } })
    expect((await older.closed).code).toBe(4409)
    expect((await world.call()).status).toBe(201)
    expect(await outcomeOf(await world.call())).toBe('fleet-full')
    expect((await world.request(`/v1/calls/${kept}`, { method: 'DELETE' })).status).toBe(200)
    expect((await newer.frame('hangup')).call).toBe(kept)
  })

  it('frees its seats when its link closes', async () => {
    const world = new World()
    const node = await world.node('n', { hello: { seats: 1 } })
    await world.call()
    node.close()
    // The close is answered at once, by code: a node that hangs up is not kept waiting.
    expect((await node.closed).code).toBe(1000)
    expect(await outcomeOf(await world.call())).toBe('no-node')
    await world.node('n', { hello: { seats: 1 } })
    expect((await world.call()).status).toBe(201)
  })

  it('is dropped when it has been silent', async () => {
    const world = new World()
    const node = await world.node('n')
    await world.adjust({ now: () => Date.now() + NODE_SILENT_MS - 500 })
    expect(await outcomeOf(await world.call())).toBe('201')
    await world.adjust({ now: () => Date.now() + 3 * NODE_SILENT_MS })
    expect(await outcomeOf(await world.call())).toBe('no-node')
    expect((await node.closed).code).toBe(4408)
  })

  it('is dropped by the alarm when nobody calls', async () => {
    const world = new World()
    const node = await world.node('n')
    const silent = await world.dial(world.regions[0] ?? '')
    await world.adjust({ now: () => Date.now() + NODE_SILENT_MS + 1 })
    expect(await runDurableObjectAlarm(world.fleet())).toBe(true)
    expect((await node.closed).code).toBe(4408)
    expect((await silent.closed).code).toBe(4408)
    expect(await runDurableObjectAlarm(world.fleet())).toBe(false)
  })

  it('is kept by its pings alone', async () => {
    const world = new World()
    const node = await world.node('n')
    const joinedAt = Date.now()
    await new Promise((resolve) => setTimeout(resolve, 50))
    const text = node.text()
    node.sendText('ping')
    await text
    await world.adjust({ now: () => joinedAt + NODE_SILENT_MS + 20 })
    expect(await runDurableObjectAlarm(world.fleet())).toBe(true)
    expect(await outcomeOf(await world.call())).toBe('201')
    expect(await runDurableObjectAlarm(world.fleet())).toBe(true)
  })

  it.each([
    ['no JSON', 4400],
    [JSON.stringify({ type: 'status', load: 0, draining: false }), 4400],
    [JSON.stringify({ type: 'hello', version: NODE_PROTOCOL_VERSION }), 4400],
    [JSON.stringify({ type: 'hello', version: 1 }), 4426],
    [JSON.stringify({ type: 'hello', version: 99, words: 'of tomorrow' }), 4426],
  ])('that begins with %s is turned away', async (text, code) => {
    const world = new World()
    const node = await world.dial(world.regions[0] ?? '')
    node.sendText(text)
    expect((await node.closed).code).toBe(code)
  })

  it('of another version, or of another region, is turned away', async () => {
    const world = new World()
    const region = world.regions[0] ?? ''
    const version = await world.dial(region)
    void version.greet({ node: 'n', region, version: 99 }).catch(() => {})
    expect((await version.closed).code).toBe(4426)
    const astray = await world.dial(region)
    void astray.greet({ node: 'n', region: 'mars' }).catch(() => {})
    expect(await astray.closed).toEqual({
      code: 4400,
      reason: `this is the fleet of region ${region}`,
    })
  })

  it('that sends what is no frame loses its link and its seats', async () => {
    const world = new World()
    const node = await world.node('n')
    await world.call()
    node.sendText('{"type":"answer"}')
    expect((await node.closed).code).toBe(4400)
    expect(await outcomeOf(await world.call())).toBe('no-node')
  })
})

describe('an offer', () => {
  it.each(['full', 'draining'] as const)(
    'that a node refuses as %s goes to the next, once each',
    async (reason) => {
      const world = new World()
      const nodes = [await world.node('a'), await world.node('b')]
      for (const node of nodes) {
        node.onOffer(({ call }) => node.send({ type: 'refuse', call, reason, detail: '' }))
      }
      expect(await outcomeOf(await world.call())).toBe('fleet-full')
      expect(nodes.map(({ offers }) => offers)).toEqual([1, 1])
      nodes[1]?.answers()
      expect(await outcomeOf(await world.call())).toBe('201')
    },
  )

  it.each([
    ['bad-offer', 'malformed-offer', 400],
    ['failed', 'node-failed', 502],
  ] as const)('that a node refuses as %s is refused as %s', async (reason, code, status) => {
    const world = new World()
    const node = await world.node('n', { hello: { seats: 1 } })
    const detail = 'There is no codec in common.'
    node.onOffer(({ call }) => node.send({ type: 'refuse', call, reason, detail }))
    const response = await world.call()
    expect(response.status).toBe(status)
    expect(await response.json()).toMatchObject({ code, detail })
    node.answers()
    expect((await world.call()).status).toBe(201)
  })

  it('goes to the next node when the link closes in the middle', async () => {
    const world = new World()
    const gone = await world.node('gone', { hello: { seats: 100 } })
    gone.onOffer(() => gone.close())
    const staying = await world.node('staying', { hello: { seats: 2, calls: [NOBODYS_CALL] } })
    const response = await world.call()
    expect([gone.offers, staying.offers]).toEqual([1, 1])
    expect(await outcomeOf(response)).toBe('201')
  })

  it('times out, frees the seat, and takes no late answer', async () => {
    const world = new World()
    const node = await world.node('n', { hello: { seats: 1 }, answers: false })
    await world.adjust({ answerTimeoutMs: 50 })
    const response = await world.call()
    expect(await outcomeOf(response)).toBe('node-timeout')
    expect(response.status).toBe(504)
    const { call } = await node.frame('offer')
    expect((await node.frame('hangup')).call).toBe(call)
    node.send({ type: 'answer', call, sdp: ANSWER, resumed: 'no' })
    await expect.poll(() => node.frames.filter(({ type }) => type === 'hangup')).toHaveLength(2)
    node.answers()
    expect((await world.call()).status).toBe(201)
  })

  it('fails when the node ends the call instead of answering', async () => {
    const world = new World()
    const node = await world.node('n', { hello: { seats: 1 } })
    node.onOffer(({ call }) => node.send({ type: 'ended', call, final: false }))
    expect(await outcomeOf(await world.call())).toBe('node-failed')
    node.answers()
    expect((await world.call()).status).toBe(201)
  })

  it('is not answered by another node', async () => {
    const world = new World()
    const asked = await world.node('asked', { hello: { seats: 100 }, answers: false })
    const response = world.call()
    const { call } = await asked.frame('offer')
    const other = await world.node('other')
    other.send({ type: 'answer', call, sdp: 'v=0 of another', resumed: 'no' })
    expect((await other.frame('hangup')).call).toBe(call)
    asked.send({ type: 'answer', call, sdp: ANSWER, resumed: 'no' })
    expect(await sdpOf(await response)).toBe(ANSWER)
  })

  it('that went down a replaced link is not a call of the node any more', async () => {
    const world = new World()
    const older = await world.node('n', { answers: false })
    const response = world.call()
    const { call } = await older.frame('offer')
    const newer = await world.node('n', { hello: { calls: [call] } })
    expect((await newer.frame('hangup')).call).toBe(call)
    expect(await outcomeOf(await response)).toBe('fleet-full')
  })
})

describe('a call that was passed on', () => {
  it('stays with its new node when the first one is back and says that it has it', async () => {
    const world = new World()
    const first = await world.node('first', { hello: { seats: 100 } })
    first.onOffer(() => first.close())
    const second = await world.node('second', { hello: { seats: 2, calls: [NOBODYS_CALL] } })
    const path = (await world.call()).headers.get('Location') ?? ''
    const call = path.replace('/v1/calls/', '')
    const back = await world.node('first', { hello: { seats: 100, calls: [call] } })
    expect((await back.frame('hangup')).call).toBe(call)
    expect((await world.request(path, { method: 'DELETE' })).status).toBe(200)
    expect((await second.frame('hangup')).call).toBe(call)
  })
})

describe('regions', () => {
  it('are tried one after another', async () => {
    const world = new World({}, ['eu', 'us'])
    const [eu = '', us = ''] = world.regions
    expect(await outcomeOf(await world.call())).toBe('no-node')
    await world.node('n', { hello: { region: eu, seats: 1 } })
    const first = (await world.call()).headers.get('Location') ?? ''
    expect(regionOf(first.replace('/v1/calls/', ''))).toBe(eu)
    expect(await outcomeOf(await world.call())).toBe('fleet-full')
    await world.node('n', { hello: { region: us, seats: 1 } })
    const second = (await world.call()).headers.get('Location') ?? ''
    expect(regionOf(second.replace('/v1/calls/', ''))).toBe(us)
    for (const path of [first, second]) {
      expect((await world.request(path, { method: 'DELETE' })).status).toBe(200)
    }
  })

  it('are tried nearest first', async () => {
    const world = new World({}, ['eu', 'us'])
    const [eu = '', us = ''] = world.regions
    for (const region of world.regions) await world.node('n', { hello: { region } })
    const REGIONS = `${us}@39,-77.5 ${eu}@50.1,8.7`
    const cf = { latitude: '48.9', longitude: '2.3' }
    const response = await new World({ REGIONS }).call({}, undefined, cf)
    expect(response.headers.get('Location')).toContain(eu)
  })
})
