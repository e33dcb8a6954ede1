/** The bundle as it is shipped: one file, alone in a folder, under plain Node. */
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { copyFile, mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { parseFromNode, type FromNode, type NodeEvent, type ToNode } from '@earshot/protocol'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { WebSocketServer, type WebSocket } from 'ws'
import { startCaller } from '../testing/caller.ts'
import { freePort } from '../testing/free-port.ts'

const HOST = '127.0.0.1'
const MEDIA_ADDRESS = '127.77.0.20'
const TOKEN = 'f3a91c07d5e84b62a0c9e1f7b8d64523'
const CALL = 'global-AAAAAAAAAAAAAAAAAAAAAA'

let folder = ''
const running: ChildProcess[] = []
const closers: (() => void | Promise<void>)[] = []

beforeAll(async () => {
  const build = fileURLToPath(new URL('../build.ts', import.meta.url))
  await promisify(execFile)(process.execPath, [build])
  folder = await mkdtemp(join(tmpdir(), 'earshot-media-'))
  const bundle = fileURLToPath(new URL('../dist/media.mjs', import.meta.url))
  await copyFile(bundle, join(folder, 'media.mjs'))
}, 30_000)

afterEach(async () => {
  for (const child of running.splice(0)) child.kill('SIGKILL')
  for (const close of closers.splice(0).toReversed()) await close()
})
afterAll(() => rm(folder, { recursive: true, force: true }))

describe('the bundle', () => {
  it('links, is healthy, takes a call, and says goodbye to all when it is told to stop', async () => {
    const fleet = await startFleet()
    const port = await freePort()
    const node = start({ ...environment(fleet.port, port), MEDIA_SEATS: '7', HANDLER: 'tone' })
    await vi.waitFor(() => expect(node.output()).toContain('"started"'), 10_000)
    expect((await fetch(`http://${HOST}:${port}/healthz`)).status).toBe(503)

    const link = await fleet.welcome()
    expect(link.frames[0]).toMatchObject({ type: 'hello', seats: 7, calls: [], draining: false })
    expect(link.authorization).toBe(`Bearer ${TOKEN}`)
    await vi.waitFor(async () => {
      expect((await fetch(`http://${HOST}:${port}/healthz`)).status).toBe(200)
    }, 5_000)

    const events: NodeEvent[] = []
    const caller = await startCaller({
      address: HOST,
      exchange: async (sdp) => {
        link.say({ type: 'offer', call: CALL, sdp, conversation: CALL })
        return (await link.next('answer')).sdp
      },
      onEvent: (event) => events.push(event),
    })
    closers.push(() => caller.close())
    await caller.connected
    await vi.waitFor(() => expect(events[0]).toMatchObject({ handler: 'tone' }), 5_000)

    const metrics = parseMetrics(await (await fetch(`http://${HOST}:${port}/metrics`)).text())
    expect(metrics.get('earshot_seats')).toBe(7)
    expect(metrics.get('earshot_calls')).toBe(1)
    expect(metrics.get('earshot_offers_total{outcome="answered"}')).toBe(1)
    expect(metrics.get('earshot_connect_seconds_count')).toBe(1)
    expect(metrics.get('earshot_frame_lateness_seconds_count')).toBeGreaterThan(0)
    expect(metrics.get('earshot_process_resident_memory_bytes')).toBeGreaterThan(1e6)
    expect([...metrics.keys()].every((name) => name.startsWith('earshot_'))).toBe(true)

    node.child.kill('SIGTERM')
    expect(await node.exit).toBe(0)
    expect(link.frames).toContainEqual({ type: 'ended', call: CALL, final: false })
    expect(link.frames.at(-1)).toMatchObject({ type: 'status', draining: true })
    expect(link.closed()).toBe(1000)
    expect(events.at(-1)).toMatchObject({ type: 'call.end', reason: 'draining' })
    expect(node.errors()).toBe('')
    for (const line of node.output().trim().split('\n'))
      expect(() => JSON.parse(line)).not.toThrow()
    expect(node.output()).not.toContain(TOKEN)
  })

  it('goes on trying while there is no fleet, and stops cleanly all the same', async () => {
    const nowhere = await freePort()
    const node = start(environment(nowhere, await freePort()))
    await vi.waitFor(() => expect(node.output()).toContain('no link to the fleet'), 10_000)
    node.child.kill('SIGINT')
    expect(await node.exit).toBe(0)
    expect(node.errors()).toBe('')
  })

  it('tells everything that is wrong with its environment, and leaves with 78', async () => {
    const node = start({ MEDIA_PORTS: 'many', NODE_TOKEN: 'short-8712ab', HANDLER: 'parrot' })
    expect(await node.exit).toBe(78)
    const told = node.errors()
    for (const name of ['FLEET_URL', 'NODE_TOKEN', 'MEDIA_ADDRESSES', 'MEDIA_PORTS', 'HANDLER']) {
      expect(told).toMatch(new RegExp(`^  ${name} `, 'm'))
    }
    expect(told).not.toContain('short-8712ab')
    expect(told).not.toContain('    at ')
  })

  it('says in one line that its port is taken', async () => {
    const other = createServer()
    await new Promise<void>((resolve) => other.listen(0, HOST, resolve))
    closers.push(() => void other.close())
    const { port } = other.address() as AddressInfo
    const node = start(environment(await freePort(), port))
    expect(await node.exit).toBe(1)
    expect(node.errors().trim().split('\n')).toEqual([
      expect.stringMatching(new RegExp(`^media node: .*:${port}.*HTTP_PORT`)),
    ])
  })
})

function environment(fleetPort: number, httpPort: number): Record<string, string> {
  return {
    FLEET_URL: `ws://${HOST}:${fleetPort}`,
    NODE_TOKEN: TOKEN,
    MEDIA_ADDRESSES: MEDIA_ADDRESS,
    MEDIA_DIRECT: 'true',
    MEDIA_PORTS: '42000-42199',
    HTTP_PORT: String(httpPort),
  }
}

/** Runs the bundle with this environment and nothing of ours. */
function start(env: Record<string, string>) {
  const child = spawn(process.execPath, ['media.mjs'], { cwd: folder, env, stdio: 'pipe' })
  running.push(child)
  let output = ''
  let errors = ''
  child.stdout.on('data', (data: Buffer) => (output += data.toString('utf8')))
  child.stderr.on('data', (data: Buffer) => (errors += data.toString('utf8')))
  const exit = new Promise<number | null>((resolve) => child.on('close', (code) => resolve(code)))
  return { child, exit, output: () => output, errors: () => errors }
}

/** A fleet of one node, on loopback: it takes the link and welcomes it when the test says so. */
async function startFleet() {
  const server = new WebSocketServer({ host: HOST, port: 0 })
  await new Promise((resolve) => server.once('listening', resolve))
  const frames: FromNode[] = []
  let socket: WebSocket | undefined
  let authorization: string | undefined
  let closed: number | undefined
  server.on('connection', (opened, request) => {
    socket = opened
    authorization = request.headers.authorization
    opened.on('close', (code) => (closed = code))
    opened.on('message', (data: Buffer) => {
      const frame = parseFromNode(data.toString('utf8'))
      if (frame) frames.push(frame)
    })
  })
  closers.push(() => {
    socket?.terminate()
    server.close()
  })
  const say = (frame: ToNode) => socket?.send(JSON.stringify(frame))
  const next = <T extends FromNode['type']>(type: T) =>
    vi.waitFor(() => {
      const found = frames.find(
        (frame): frame is Extract<FromNode, { type: T }> => frame.type === type,
      )
      if (!found) throw new Error(`no ${type} among ${JSON.stringify(frames)}`)
      return found
    }, 5_000)
  return {
    port: (server.address() as AddressInfo).port,
    async welcome() {
      await next('hello')
      say({ type: 'welcome' })
      return { frames, authorization, closed: () => closed, say, next }
    },
  }
}

/** Values by name with labels; throws on a line that is not of Prometheus' text format. */
function parseMetrics(text: string): Map<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(
    lines.map((line) => {
      const [, name, value] =
        /^([a-z_][a-z0-9_]*(?:\{[^}]*\})?) (-?[0-9.e+-]+|NaN|[+-]Inf)$/i.exec(line) ?? []
      if (name === undefined) throw new Error(`not a sample: ${line}`)
      return [name, Number(value)] as const
    }),
  )
}
