import type { AddressInfo } from 'node:net'
import { connect, createServer } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { freePort } from '../testing/free-port.ts'
import { startHttp } from './http.ts'
import { createMetrics } from './metrics.ts'

const HOST = '127.0.0.1'
const stops: AbortController[] = []
afterEach(() => {
  for (const stop of stops.splice(0)) stop.abort()
})

describe('/healthz', () => {
  it('is 200 while the node can take calls and 503 while it cannot', async () => {
    const state = { healthy: false }
    const { get } = await start(() => state.healthy)
    expect((await get('/healthz')).status).toBe(503)
    state.healthy = true
    const response = await get('/healthz')
    expect(response.status).toBe(200)
    expect(await response.json()).toEqual({ status: 'ok' })
  })
})

describe('/metrics', () => {
  it('asks for the calls at each scrape', async () => {
    const state = { calls: 2 }
    const { get } = await start(
      () => true,
      () => state.calls,
    )
    expect(await (await get('/metrics')).text()).toContain('earshot_calls 2')
    state.calls = 3
    const response = await get('/metrics')
    expect(response.headers.get('content-type')).toMatch(/^text\/plain/)
    expect(await response.text()).toContain('earshot_calls 3')
  })

  it('is 500 when a value cannot be had, and the server goes on', async () => {
    const { get } = await start(
      () => true,
      () => {
        throw new Error('no count')
      },
    )
    expect((await get('/metrics')).status).toBe(500)
    expect((await get('/healthz')).status).toBe(200)
  })
})

it('knows no other address', async () => {
  const { get } = await start(() => true)
  for (const path of ['/', '/healthz/', '/metrics.json']) expect((await get(path)).status).toBe(404)
})

it('rejects when the port is taken', async () => {
  const other = createServer()
  await new Promise<void>((resolve) => other.listen(0, HOST, resolve))
  const { port } = other.address() as AddressInfo
  await expect(start(() => true, undefined, port)).rejects.toMatchObject({ code: 'EADDRINUSE' })
  await new Promise((resolve) => other.close(resolve))
})

it('hangs up on a request that is half sent when it is stopped', async () => {
  const { stop, port } = await start(() => true)
  const socket = connect(port, HOST)
  const closed = new Promise((resolve) => socket.on('close', resolve))
  socket.on('error', () => undefined)
  await new Promise<void>((resolve) => socket.write('GET /healthz HTTP/1.1\r\n', () => resolve()))
  // Another request's answer shows that the half one has been read.
  await fetch(`http://${HOST}:${port}/healthz`)
  stop.abort()
  await closed
})

it('frees its port when it is stopped, though a scraper keeps its connection open', async () => {
  const { get, stop, port } = await start(() => true)
  await (await get('/healthz')).text()
  stop.abort()
  await expect(get('/healthz')).rejects.toThrow()
  await start(() => true, undefined, port)
})

async function start(healthy: () => boolean, calls = () => 0, wanted?: number) {
  const port = wanted ?? (await freePort())
  const stop = new AbortController()
  stops.push(stop)
  const metrics = createMetrics(4, calls)
  await startHttp({ host: HOST, port, metrics, healthy, signal: stop.signal })
  return { port, stop, get: (path: string) => fetch(`http://${HOST}:${port}${path}`) }
}
