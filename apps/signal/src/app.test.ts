import { describe, expect, it, vi } from 'vitest'
import { exports } from 'cloudflare:workers'
import * as v from 'valibot'
import {
  CALL_ID,
  iceConfigurationSchema,
  joinedSchema,
  MAX_SDP_BYTES,
  problemSchema,
  type Problem,
} from '@earshot/protocol'
import { app } from './app.ts'
import { ANSWER, OFFER, sdpOf, TURN_URLS, World } from './testing.ts'
import { turnCredentials } from './turn-credentials.ts'

/** The problem of a response that must be one. */
async function problemOf(response: Response): Promise<Problem> {
  expect(response.headers.get('Content-Type')).toBe('application/problem+json')
  const problem = v.parse(problemSchema, await response.json())
  expect(problem.status).toBe(response.status)
  return problem
}

/** What one `Link` value says, by the grammar of RFC 8288. */
function parseLinks(header: string): { url: string; parameters: Record<string, string> }[] {
  return [...header.matchAll(/<([^>]*)>((?:; [a-z-]+="[^"]*")*)(?:, |$)/g)].map((link) => ({
    url: link[1] ?? '',
    parameters: Object.fromEntries(
      [...(link[2] ?? '').matchAll(/; ([a-z-]+)="([^"]*)"/g)].map((pair) => [pair[1], pair[2]]),
    ),
  }))
}

describe('POST /v1/calls', () => {
  it('answers with SDP, Location and Link, as WHIP has them', async () => {
    const world = new World()
    const node = await world.node('n')
    const response = await world.call({ 'Content-Type': 'Application/SDP; charset=utf-8' })
    expect(response.status).toBe(201)
    expect(response.headers.get('Content-Type')).toBe('application/sdp')
    expect(response.headers.get('Cache-Control')).toBe('no-store')
    expect(await sdpOf(response)).toBe(ANSWER)
    const call = response.headers.get('Location')?.replace('/v1/calls/', '') ?? ''
    expect(CALL_ID.exec(call)?.groups?.region).toBe(world.regions[0])
    expect(await node.frame('offer')).toEqual({ type: 'offer', call, sdp: OFFER })

    const links = parseLinks(response.headers.get('Link') ?? '')
    expect(links.map(({ url }) => url)).toEqual(TURN_URLS)
    for (const { parameters } of links) {
      const { username = '', credential, ...rest } = parameters
      expect(rest).toEqual({ rel: 'ice-server', 'credential-type': 'password' })
      const [expiry = '', id = ''] = username.split(':')
      expect(id).toBe(call)
      expect(Math.abs(Number(expiry) - Date.now() / 1000 - 3600)).toBeLessThan(5)
      const secret = world.bindings.TURN_SECRET ?? ''
      expect((await turnCredentials(secret, id, Number(expiry), 0)).credential).toBe(credential)
    }
  })

  it('answers with JSON to those who ask for it', async () => {
    const world = new World()
    await world.node('n')
    const response = await world.call({ Accept: 'application/json' })
    expect(response.status).toBe(201)
    expect(response.headers.get('Content-Type')).toBe('application/json')
    const joined = v.parse(joinedSchema, await response.json())
    expect(response.headers.get('Location')).toBe(`/v1/calls/${joined.call}`)
    expect(joined.answer).toBe(ANSWER)
    expect(joined.configuration.iceTransportPolicy).toBe('relay')
    const [server, ...others] = joined.configuration.iceServers
    expect(others).toEqual([])
    const [link] = parseLinks(response.headers.get('Link') ?? '')
    expect(server).toEqual({
      urls: TURN_URLS,
      username: link?.parameters.username,
      credential: link?.parameters.credential,
    })
  })

  it.each([
    ['*/*', 'application/sdp'],
    ['application/sdp, application/json;q=0.5', 'application/sdp'],
    ['application/json;q=0.5, application/sdp;q=0.1', 'application/json'],
    ['application/json, */*;q=0.1', 'application/json'],
    ['text/html', 'application/sdp'],
  ])('reads Accept: %s as %s', async (Accept, type) => {
    const world = new World()
    await world.node('n')
    expect((await world.call({ Accept })).headers.get('Content-Type')).toBe(type)
  })

  it('holds the TTL of credentials within bounds', async () => {
    const world = new World({ TURN_TTL_SECONDS: '99999999' })
    await world.node('n')
    const [link] = parseLinks((await world.call()).headers.get('Link') ?? '')
    const expiry = Number(link?.parameters.username?.split(':')[0])
    expect(Math.abs(expiry - Date.now() / 1000 - 14_400)).toBeLessThan(5)
  })

  it('lets a browser try every path to a node that is direct or has no relay', async () => {
    for (const hello of [{ direct: true }, { direct: true, turnUrls: [] }, { turnUrls: [] }]) {
      const world = new World()
      await world.node('n', { hello })
      const joined = await (await world.call({ Accept: 'application/json' })).json()
      const { configuration } = v.parse(joinedSchema, joined)
      expect(configuration.iceTransportPolicy).toBe('all')
      expect(configuration.iceServers).toHaveLength(hello.turnUrls === undefined ? 1 : 0)
    }
  })

  it('keeps mDNS candidates from the node', async () => {
    const world = new World()
    const node = await world.node('n')
    const mdns = 'a=candidate:1 1 udp 2113937151 3b1f0e6e-9c59-4a5e.local 50000 typ host\r\n'
    expect((await world.call({}, OFFER + mdns)).status).toBe(201)
    expect((await node.frame('offer')).sdp).toBe(OFFER)
  })

  it('refuses what is no offer, and says why', async () => {
    const world = new World()
    const problem = await problemOf(await world.call({}, OFFER.replace(/a=fingerprint.*\r\n/, '')))
    expect(problem).toMatchObject({ code: 'malformed-offer', status: 400 })
    expect(problem.detail).toBe('The offer has no a=fingerprint line.')
    const latin1 = new Uint8Array([0x76, 0x3d, 0x30, 0xe4, 0x0a])
    expect(await problemOf(await world.call({}, latin1))).toMatchObject({ code: 'malformed-offer' })
  })

  it('refuses an offer that is too large, whatever its Content-Length says', async () => {
    const world = new World()
    const large = `${OFFER}a=${'x'.repeat(MAX_SDP_BYTES)}`
    const told = await problemOf(await world.call({}, large))
    expect(told).toMatchObject({ code: 'offer-too-large', status: 413 })
    let sent = 0
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        sent += 1024
        controller.enqueue(new Uint8Array(1024).fill(0x61))
      },
    })
    const untold = await problemOf(await world.call({ 'Content-Length': '10' }, endless))
    expect(untold).toMatchObject({ code: 'offer-too-large', status: 413 })
    expect(sent).toBeLessThan(2 * MAX_SDP_BYTES)
  })

  it('takes application/sdp alone', async () => {
    const world = new World()
    const response = await world.call({ 'Content-Type': 'application/json' })
    expect(await problemOf(response)).toMatchObject({ code: 'unsupported-media-type', status: 415 })
  })

  it('limits how often one address may ask', async () => {
    const world = new World()
    let response = await world.call({ 'Content-Type': 'text/plain' })
    let asked = 1
    // Twice the limit and more: the window may turn over while we ask.
    for (; response.status !== 429 && asked < 300; asked += 1) {
      response = await world.call({ 'Content-Type': 'text/plain' })
    }
    expect(asked).toBeGreaterThan(120)
    expect(await problemOf(response)).toMatchObject({ code: 'rate-limited', status: 429 })
    expect(response.headers.get('Retry-After')).toBe('60')
    const other = await world.call({ 'CF-Connecting-IP': '198.51.100.1' })
    expect(other.status).toBe(503)
  })

  it('says when no node is there', async () => {
    const response = await new World().call()
    expect(await problemOf(response)).toMatchObject({ code: 'no-node', status: 503 })
    expect(response.headers.get('Retry-After')).toBe('5')
  })

  it('writes no secret, no credential and no SDP to the log', async () => {
    const lines: string[] = []
    const spies = (['info', 'warn', 'error', 'log'] as const).map((level) =>
      vi.spyOn(console, level).mockImplementation((line) => void lines.push(String(line))),
    )
    const world = new World()
    const node = await world.node('n')
    const [link] = parseLinks((await world.call()).headers.get('Link') ?? '')
    node.onOffer(({ call }) =>
      node.send({ type: 'refuse', call, reason: 'failed', detail: 'out of luck' }),
    )
    await world.call()
    for (const spy of spies) spy.mockRestore()
    const events = lines.map((line) => String(v.parse(v.looseObject({}), JSON.parse(line)).event))
    expect(events).toEqual(['node.joined', 'call.placed', 'call.refused', 'request.refused'])
    const { TURN_SECRET = '', NODE_TOKEN = '' } = world.bindings
    for (const secret of [TURN_SECRET, NODE_TOKEN, link?.parameters.credential ?? '', 'x9cml']) {
      expect(secret).not.toBe('')
      expect(lines.join('\n')).not.toContain(secret)
    }
  })
})

describe('origins', () => {
  const ALLOWED_ORIGINS = 'https://page.example'

  it('lets in requests of no page and pages of its own', async () => {
    const world = new World()
    for (const headers of [{}, { Origin: 'https://earshot.test' }]) {
      const response = await world.call(headers)
      expect(await problemOf(response)).toMatchObject({ code: 'no-node' })
      expect(response.headers.get('Access-Control-Allow-Origin')).toBeNull()
    }
  })

  it.each(['https://other.example', 'https://earshot.test.other.example', 'null'])(
    'refuses pages of %s',
    async (Origin) => {
      const world = new World({ ALLOWED_ORIGINS })
      for (const path of ['/v1/ice-servers', '/v1/calls/x']) {
        const response = await world.request(path, { headers: { Origin } })
        expect(await problemOf(response)).toMatchObject({ code: 'wrong-origin', status: 403 })
        expect(response.headers.get('Access-Control-Allow-Origin')).toBeNull()
      }
      const preflight = await world.request('/v1/calls', { method: 'OPTIONS', headers: { Origin } })
      expect(preflight.status).toBe(403)
    },
  )

  it('shares its answers, good and bad, with pages of ALLOWED_ORIGINS', async () => {
    const world = new World({ ALLOWED_ORIGINS })
    const Origin = 'https://page.example'
    const refused = await world.call({ Origin })
    expect(refused.status).toBe(503)
    await world.node('n')
    const placed = await world.call({ Origin })
    expect(placed.status).toBe(201)
    for (const { headers } of [refused, placed]) {
      expect(headers.get('Access-Control-Allow-Origin')).toBe(Origin)
      expect(headers.get('Access-Control-Expose-Headers')).toBe('Location,Link,Retry-After')
    }
    expect(parseLinks(placed.headers.get('Link') ?? '')).toHaveLength(2)
  })

  it('answers their preflight', async () => {
    const world = new World({ ALLOWED_ORIGINS })
    const response = await world.request('/v1/calls/x', {
      method: 'OPTIONS',
      headers: { Origin: ALLOWED_ORIGINS, 'Access-Control-Request-Method': 'DELETE' },
    })
    expect(response.status).toBe(204)
    expect(response.headers.get('Access-Control-Allow-Origin')).toBe(ALLOWED_ORIGINS)
    expect(response.headers.get('Access-Control-Allow-Methods')).toContain('DELETE')
    expect(response.headers.get('Access-Control-Allow-Headers')).toContain('Content-Type')
  })
})

describe('DELETE /v1/calls/:id', () => {
  it('ends the call, once', async () => {
    const world = new World()
    const node = await world.node('n', { hello: { seats: 1 } })
    const path = (await world.call()).headers.get('Location') ?? ''
    expect((await world.call()).status).toBe(503)
    expect((await world.request(path, { method: 'DELETE' })).status).toBe(200)
    expect(path).toContain((await node.frame('hangup')).call)
    const again = await world.request(path, { method: 'DELETE' })
    expect(await problemOf(again)).toMatchObject({ code: 'call-not-found', status: 404 })
    expect((await world.call()).status).toBe(201)
  })

  it.each(['x', 'elsewhere-AAAAAAAAAAAAAAAAAAAAAA'])('knows no call %s', async (id) => {
    const response = await new World().request(`/v1/calls/${id}`, { method: 'DELETE' })
    expect(await problemOf(response)).toMatchObject({ code: 'call-not-found' })
  })
})

describe('GET /v1/ice-servers', () => {
  it('gives what RTCPeerConnection takes, and takes no seat', async () => {
    const world = new World()
    await world.node('n', { hello: { seats: 1 } })
    for (let time = 0; time < 3; time += 1) {
      const response = await world.request('/v1/ice-servers')
      expect(response.status).toBe(200)
      expect(response.headers.get('Cache-Control')).toBe('no-store')
      const configuration = v.parse(iceConfigurationSchema, await response.json())
      expect(configuration.iceTransportPolicy).toBe('relay')
      expect(configuration.iceServers[0]?.urls).toEqual(TURN_URLS)
    }
    expect((await world.call()).status).toBe(201)
  })

  it('says when no node is there', async () => {
    const response = await new World().request('/v1/ice-servers')
    expect(await problemOf(response)).toMatchObject({ code: 'no-node', status: 503 })
  })
})

describe('GET /v1/nodes', () => {
  const Upgrade = 'websocket'

  it.each([
    {},
    { Authorization: 'Bearer ' },
    { Authorization: 'Bearer wrong' },
    { Authorization: 'Basic m4Qz7Xw1Bv6Nc9Lk3Jh8Gf2Ds5Ap0OyU' },
  ])('asks for the token: %j', async (headers) => {
    const world = new World()
    const path = `/v1/nodes?region=${world.regions[0]}`
    const response = await world.request(path, { headers: { Upgrade, ...headers } })
    expect(await problemOf(response)).toMatchObject({ code: 'unauthorized', status: 401 })
    expect(response.headers.get('WWW-Authenticate')).toBe('Bearer')
  })

  it('knows its regions, and tells them to those with the token', async () => {
    const world = new World({}, ['eu', 'us'])
    const Authorization = `Bearer ${world.bindings.NODE_TOKEN}`
    const response = await world.request('/v1/nodes?region=mars', {
      headers: { Upgrade, Authorization },
    })
    const problem = await problemOf(response)
    expect(problem).toMatchObject({ code: 'not-found', status: 404 })
    expect(problem.detail).toContain(world.regions.join(', '))
  })

  it('speaks WebSocket only', async () => {
    const world = new World()
    const Authorization = `Bearer ${world.bindings.NODE_TOKEN}`
    const path = `/v1/nodes?region=${world.regions[0]}`
    const response = await world.request(path, { headers: { Authorization } })
    expect(await problemOf(response)).toMatchObject({ code: 'upgrade-required', status: 426 })
    expect(response.headers.get('Upgrade')).toBe('websocket')
  })
})

describe('GET /v1/health', () => {
  it('is ready when a call could be placed', async () => {
    const world = new World({}, ['eu', 'us'])
    const health = async (): Promise<unknown> => (await world.request('/v1/health')).json()
    expect(await health()).toEqual({ status: 'ok', ready: false })
    await world.node('n', { hello: { region: world.regions[1] ?? '', seats: 1 } })
    expect(await health()).toEqual({ status: 'ok', ready: true })
    await world.call()
    expect(await health()).toEqual({ status: 'ok', ready: false })
  })
})

describe('every route', () => {
  it('tells what is wrong with the configuration, without a value', async () => {
    const world = new World({ TURN_SECRET: 'changeme', TURN_TTL_SECONDS: 'soon' })
    for (const path of ['/v1/health', '/v1/ice-servers', '/v1/nodes', '/v1/calls']) {
      const problem = await problemOf(await world.request(path))
      expect(problem).toMatchObject({ code: 'misconfigured', status: 500 })
      expect(problem.detail).toMatch(/TURN_SECRET is a placeholder.*TURN_TTL_SECONDS must be/)
      expect(problem.detail).not.toMatch(/changeme|soon/)
    }
  })

  it.each([
    ['PATCH', '/v1/calls/x', 'DELETE, OPTIONS'],
    ['GET', '/v1/calls/x', 'DELETE, OPTIONS'],
    ['GET', '/v1/calls', 'POST, OPTIONS'],
    ['PUT', '/v1/ice-servers', 'GET, HEAD, OPTIONS'],
    ['POST', '/v1/nodes', 'GET'],
    ['POST', '/v1/health', 'GET, HEAD'],
  ])('does not take %s %s', async (method, path, allow) => {
    const response = await new World().request(path, { method })
    expect(await problemOf(response)).toMatchObject({ code: 'method-not-allowed', status: 405 })
    expect(response.headers.get('Allow')).toBe(allow)
  })

  it('is listed: there is nothing elsewhere', async () => {
    for (const path of ['/v1', '/v1/nothing', '/assets/gone.js']) {
      const response = await new World().request(path)
      expect(await problemOf(response)).toMatchObject({ code: 'not-found', status: 404 })
    }
  })

  it('hides what it did not foresee', async () => {
    const world = new World()
    const broken = { limit: () => Promise.reject(new Error('at /inner/path')) }
    const request = new Request('https://earshot.test/v1/ice-servers')
    const response = await app.fetch(request, { ...world.bindings, CALL_LIMIT: broken })
    const problem = await problemOf(response)
    expect(problem).toMatchObject({ code: 'internal', status: 500 })
    expect(JSON.stringify(problem)).not.toContain('inner')
  })

  it('is served by the entry of the worker', async () => {
    const response = await exports.default.fetch('https://earshot.test/v1/health')
    expect(await response.json()).toEqual({ status: 'ok', ready: false })
  })
})
