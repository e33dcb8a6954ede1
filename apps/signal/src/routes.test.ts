import { exports } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { app } from './app.ts'
import { problemOf, World } from './testing.ts'

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
