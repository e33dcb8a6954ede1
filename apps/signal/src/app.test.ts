import { describe, expect, it, vi } from 'vitest'
import * as v from 'valibot'
import {
  CALL_ID,
  iceConfigurationSchema,
  joinedSchema,
  MAX_SDP_BYTES,
  regionOfResume,
  RESUME_HEADER,
} from '@earshot/protocol'
import { ANSWER, OFFER, TURN_URLS } from './fake-node.ts'
import { networkName } from './network.ts'
import { problemOf, sdpOf, World } from './testing.ts'
import { hashToken } from './resume-token.ts'
import { turnCredentials } from './turn-credentials.ts'

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
    const response = await world.call({ 'Content-Type': 'Application/SDP; charset=utf-8' }, OFFER)
    expect(response.status).toBe(201)
    expect(response.headers.get('Content-Type')).toBe('application/sdp')
    expect(response.headers.get('Cache-Control')).toBe('no-store')
    expect(await sdpOf(response)).toBe(ANSWER)
    const call = response.headers.get('Location')?.replace('/v1/calls/', '') ?? ''
    expect(CALL_ID.exec(call)?.groups?.region).toBe(world.regions[0])
    const offer = { type: 'offer', call, sdp: OFFER, conversation: call }
    expect(await node.frame('offer')).toEqual(offer)
    expect(regionOfResume(response.headers.get(RESUME_HEADER) ?? '')).toBe(world.regions[0])

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
    expect(joined.resumed).toBe('no')
    expect(response.headers.get(RESUME_HEADER)).toBe(joined.resume)
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

  it('names the network of a caller whose address is known, by its prefix alone', async () => {
    const world = new World()
    await world.node('n')
    const networkAt = async (address: string): Promise<string | undefined> => {
      const headers = { Accept: 'application/json', 'CF-Connecting-IP': address }
      return v.parse(joinedSchema, await (await world.call(headers)).json()).network
    }
    const name = await networkAt('192.0.2.7')
    expect(name).toBe(await networkName(world.bindings.TURN_SECRET ?? '', '192.0.2.7'))
    expect(await networkAt('192.0.2.8')).toBe(name)
    expect(await networkAt('198.51.100.7')).not.toBe(name)
    expect(await networkAt('nowhere')).toBeUndefined()
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

  it('counts those who come back apart from those who call', async () => {
    const world = new World()
    await world.node('n', { hello: { seats: 500 } })
    const { resume } = await world.join()
    let response = await world.call()
    for (let i = 0; response.status === 201 && i < 300; i++) response = await world.call()
    expect(response.status).toBe(429)
    expect((await world.join(resume)).resumed).toBe('here')
    // What is no token is no way around.
    expect((await world.call({ [RESUME_HEADER]: 'eu' })).status).toBe(429)
  })

  it('says when no node is there', async () => {
    const response = await new World().call()
    expect(await problemOf(response)).toMatchObject({ code: 'no-node', status: 503 })
    expect(response.headers.get('Retry-After')).toBe('5')
  })

  it('writes no secret, no token, no credential and no SDP to the log', async () => {
    const lines: string[] = []
    const spies = (['info', 'warn', 'error', 'log'] as const).map((level) =>
      vi.spyOn(console, level).mockImplementation((line) => void lines.push(String(line))),
    )
    const world = new World()
    const node = await world.node('n')
    const response = await world.call({ Accept: 'application/json' })
    const [link] = parseLinks(response.headers.get('Link') ?? '')
    const first = v.parse(joinedSchema, await response.json())
    const second = await world.join(first.resume)
    node.onOffer(({ call }) =>
      node.send({ type: 'refuse', call, reason: 'failed', detail: 'out of luck' }),
    )
    await world.call()
    for (const spy of spies) spy.mockRestore()
    const events = lines.map((line) => String(v.parse(v.looseObject({}), JSON.parse(line)).event))
    expect(events).toEqual([
      'node.joined',
      'call.placed',
      'call.placed',
      'call.refused',
      'request.refused',
    ])
    const { TURN_SECRET = '', NODE_TOKEN = '' } = world.bindings
    const hash = await hashToken(first.resume)
    const told = [link?.parameters.credential, first.resume, second.resume, hash, first.network]
    for (const secret of [TURN_SECRET, NODE_TOKEN, 'x9cml', ...told]) {
      expect(secret).toMatch(/^.+$/)
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
      expect(headers.get('Access-Control-Expose-Headers')).toBe(
        'Location,Link,Retry-After,Earshot-Resume',
      )
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
    expect(response.headers.get('Access-Control-Allow-Headers')).toBe(
      'Content-Type,Earshot-Resume,Earshot-Attempt',
    )
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
