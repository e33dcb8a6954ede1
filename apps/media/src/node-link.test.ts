import { createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { NODE_PROTOCOL_VERSION, type NodeHello, type ToNode } from '@earshot/protocol'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { WebSocketServer, type WebSocket } from 'ws'
import { retryDelayMs, startNodeLink, type NodeLink } from './node-link.ts'

const TOKEN = 'f3a91c07d5e84b62a0c9e1f7b8d64523'
const CALL = 'global-AAAAAAAAAAAAAAAAAAAAAA'
const HELLO: NodeHello = {
  type: 'hello',
  version: NODE_PROTOCOL_VERSION,
  node: 'test',
  region: 'west',
  turnUrls: [],
  direct: true,
  seats: 3,
  calls: [CALL],
  draining: false,
}

const ends: (() => void)[] = []
const logged: string[] = []

// The sockets are real, the time is not: a test of 15 s of silence takes none.
beforeEach(() => {
  vi.useFakeTimers({
    toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance'],
  })
})
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) end()
  await settle()
  vi.useRealTimers()
  expect(logged.join('\n')).not.toContain(TOKEN)
  logged.length = 0
})

describe('the delay before a retry', () => {
  it('doubles from 250 ms to 8 s, its upper half random', () => {
    const bounds = Array.from({ length: 7 }, (_, i) => [retryDelayMs(i, 0), retryDelayMs(i, 1)])
    expect(bounds).toEqual([
      [125, 250],
      [250, 500],
      [500, 1_000],
      [1_000, 2_000],
      [2_000, 4_000],
      [4_000, 8_000],
      [4_000, 8_000],
    ])
    expect(retryDelayMs(100_000, 0.5)).toBe(6_000)
  })
})

describe('a link', () => {
  it('says who it is and is linked when the fleet welcomes it', async () => {
    const fleet = await startFleet()
    const { link } = dial(fleet.url)
    const visit = await fleet.visit(0)
    expect(visit.path).toBe('/v1/nodes?region=west')
    expect(visit.authorization).toBe(`Bearer ${TOKEN}`)
    await until(() => visit.heard.length > 0)
    expect(JSON.parse(visit.heard[0] ?? '')).toEqual(HELLO)
    expect(link.linked()).toBe(false)
    expect(link.send({ type: 'ended', call: CALL, final: true })).toBe(false)
    visit.say({ type: 'welcome' })
    await until(() => link.linked())
    expect(link.send({ type: 'ended', call: CALL, final: true })).toBe(true)
    await until(() => visit.heard.length > 1)
    expect(JSON.parse(visit.heard[1] ?? '')).toEqual({ type: 'ended', call: CALL, final: true })
  })

  it('delivers offers and hang-ups, and ignores what it does not know', async () => {
    const fleet = await startFleet()
    const { frames } = dial(fleet.url)
    const visit = await fleet.welcomed(0)
    visit.socket.send('nonsense')
    visit.socket.send(JSON.stringify({ type: 'later', call: CALL }))
    visit.socket.send(JSON.stringify({ type: 'offer', call: 'not an id', sdp: '' }))
    visit.say({ type: 'offer', call: CALL, sdp: 'v=0', conversation: CALL })
    visit.say({ type: 'hangup', call: CALL, reason: 'moved' })
    await until(() => frames.length >= 2)
    expect(frames).toEqual([
      { type: 'offer', call: CALL, sdp: 'v=0', conversation: CALL },
      { type: 'hangup', call: CALL, reason: 'moved' },
    ])
    expect(logged.filter((line) => line.includes('ignored a frame'))).toHaveLength(3)
  })

  it('is dialled again when it ends, and says anew who it is', async () => {
    const fleet = await startFleet()
    const { link, welcomes } = dial(fleet.url)
    const first = await fleet.welcomed(0)
    await until(() => link.linked())
    expect(welcomes).toEqual([true])
    first.socket.close(1012, 'restarting')
    await until(() => !link.linked())
    expect(logged.at(-1)).toContain('restarting')
    await vi.advanceTimersByTimeAsync(retryDelayMs(0, 0.5) - 1)
    await settle()
    expect(fleet.visits).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(1)
    const second = await fleet.welcomed(1)
    await until(() => link.linked())
    expect(JSON.parse(second.heard[0] ?? '')).toEqual(HELLO)
    expect(welcomes).toEqual([true, true])
  })

  it('is dialled ever more slowly while nobody answers', async () => {
    const fleet = await startFleet()
    fleet.stop()
    dial(fleet.url)
    const delays: number[] = []
    for (let attempt = 0; attempt < 7; attempt++) {
      await until(() => retries().length > attempt)
      delays.push(retries()[attempt] ?? 0)
      await vi.advanceTimersByTimeAsync(delays[attempt] ?? 0)
    }
    expect(delays).toEqual(Array.from({ length: 7 }, (_, i) => Math.round(retryDelayMs(i, 0.5))))
  })

  it('is dialled ever more slowly by a node that is welcomed and dropped, again and again', async () => {
    const fleet = await startFleet()
    dial(fleet.url)
    for (let visit = 0; visit < 5; visit++) {
      const { socket } = await fleet.welcomed(visit)
      socket.close(4409, 'another node has this id')
      await until(() => retries().length > visit)
      await vi.advanceTimersByTimeAsync(retries()[visit] ?? 0)
    }
    expect(retries().at(-1)).toBe(retryDelayMs(4, 0.5))
  })

  it('is dialled at once again, after a first short one that was long in coming', async () => {
    const broken = { refuse: 503 as number | undefined }
    const fleet = await startFleet(broken)
    dial(fleet.url)
    for (let attempt = 0; attempt < 4; attempt++) {
      await until(() => retries().length > attempt)
      if (attempt === 3) broken.refuse = undefined
      await vi.advanceTimersByTimeAsync(retries()[attempt] ?? 0)
    }
    const { socket } = await fleet.welcomed(0)
    socket.close(1012, 'restarting')
    await until(() => retries().length > 4)
    expect(retries()[4]).toBe(Math.round(retryDelayMs(0, 0.5)))
  })

  it('is dialled at once again, after one that has lasted', async () => {
    const fleet = await startFleet({ answersPings: true })
    const { link } = dial(fleet.url)
    for (let visit = 0; visit < 2; visit++) {
      const { socket } = await fleet.welcomed(visit)
      await until(() => link.linked())
      for (let i = 0; i < 4; i++) await pass(5_000)
      expect(link.linked()).toBe(true)
      socket.close()
      await until(() => retries().length > visit)
      expect(retries()[visit]).toBe(Math.round(retryDelayMs(0, 0.5)))
      await vi.advanceTimersByTimeAsync(retries()[visit] ?? 0)
    }
  })
})

describe('a fleet that is there no more', () => {
  it('is noticed by its silence, and dialled again', async () => {
    const fleet = await startFleet()
    const { link } = dial(fleet.url)
    const visit = await fleet.welcomed(0)
    await until(() => link.linked())
    for (let i = 0; i < 3; i++) await pass(5_000)
    expect(link.linked()).toBe(true)
    expect(visit.heard.filter((text) => text === 'ping')).toHaveLength(3)
    await pass(5_000)
    await until(() => !link.linked())
    expect(logged.at(-1)).toContain('nothing was heard from the fleet for 15 s')
    await vi.advanceTimersByTimeAsync(250)
    await fleet.visit(1)
  })

  it('is not mistaken for one that answers pings', async () => {
    const fleet = await startFleet({ answersPings: true })
    const { link } = dial(fleet.url)
    await fleet.welcomed(0)
    await until(() => link.linked())
    for (let i = 0; i < 12; i++) await pass(5_000)
    expect(link.linked()).toBe(true)
    expect(fleet.visits).toHaveLength(1)
  })

  it('is not hidden by a runtime that answers pings for it: no welcome, no link', async () => {
    const fleet = await startFleet({ answersPings: true })
    dial(fleet.url)
    await fleet.visit(0)
    for (let i = 0; i < 4; i++) await pass(5_000)
    await until(() => retries().length === 1)
  })
})

describe('a refusal', () => {
  it.each([
    [401, 'NODE_TOKEN'],
    [404, 'FLEET_URL'],
    [500, '/v1/health'],
  ])('with HTTP %i says where to look, and is dialled again', async (status, hint) => {
    const fleet = await startFleet({ refuse: status })
    dial(fleet.url)
    await until(() => retries().length === 1)
    expect(logged.at(-1)).toContain(`HTTP ${status}`)
    expect(logged.at(-1)).toContain(hint)
    await vi.advanceTimersByTimeAsync(250)
    await until(() => retries().length === 2)
  })
})

describe('an abort', () => {
  it('closes the link, and nothing dials again', async () => {
    const fleet = await startFleet()
    const { link, abort } = dial(fleet.url)
    const visit = await fleet.welcomed(0)
    await until(() => link.linked())
    abort.abort()
    expect(link.send({ type: 'ended', call: CALL, final: true })).toBe(false)
    await until(() => visit.closed !== undefined)
    expect(visit.closed).toBe(1000)
    await until(() => !link.linked())
    await pass(60_000)
    expect(fleet.visits).toHaveLength(1)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('while waiting to dial again leaves no timer', async () => {
    const fleet = await startFleet({ refuse: 503 })
    const { abort } = dial(fleet.url)
    await until(() => retries().length === 1)
    abort.abort()
    expect(vi.getTimerCount()).toBe(0)
    await pass(60_000)
    expect(retries()).toHaveLength(1)
  })

  it('while dialling ends the attempt', async () => {
    const fleet = await startFleet()
    const { abort } = dial(fleet.url)
    abort.abort()
    await pass(60_000)
    expect(fleet.visits.every(({ closed }) => closed !== undefined)).toBe(true)
    expect(retries()).toHaveLength(0)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('before the start keeps it from dialling', async () => {
    const fleet = await startFleet()
    dial(fleet.url, AbortSignal.abort())
    await settle()
    expect(fleet.visits).toHaveLength(0)
  })
})

function dial(fleetUrl: string, signal?: AbortSignal) {
  const abort = new AbortController()
  const frames: ToNode[] = []
  /** At each welcome: can something be sent? */
  const welcomes: boolean[] = []
  const link: NodeLink = startNodeLink({
    fleetUrl,
    region: 'west',
    token: TOKEN,
    hello: () => HELLO,
    onLinked: () => welcomes.push(link.linked()),
    onFrame: (frame) => frames.push(frame),
    log,
    signal: signal ?? abort.signal,
    random: () => 0.5,
  })
  ends.push(() => abort.abort())
  return { link, frames, welcomes, abort }
}

/** The real logger, its lines kept. */
const log = pino({ level: 'debug' }, { write: (line: string) => void logged.push(line) })

/** The delays that were logged, in ms. */
function retries(): number[] {
  return logged.flatMap((line) => {
    const found = /"retryMs":(\d+)/.exec(line)?.[1]
    return found === undefined ? [] : [Number(found)]
  })
}

interface Visit {
  readonly socket: WebSocket
  readonly path: string | undefined
  readonly authorization: string | undefined
  readonly heard: string[]
  closed: number | undefined
  readonly say: (frame: ToNode) => void
}

/** A fleet on loopback that does only what a test tells it to, beside answering pings if asked. */
async function startFleet(options: { answersPings?: boolean; refuse?: number | undefined } = {}) {
  const visits: Visit[] = []
  const connections = new Set<Socket>()
  const server = createServer()
  const sockets = new WebSocketServer({ noServer: true })
  server.on('connection', (socket) => connections.add(socket))
  server.on('upgrade', (request, socket, head) => {
    if (options.refuse !== undefined) {
      socket.end(`HTTP/1.1 ${options.refuse} No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`)
      return
    }
    sockets.handleUpgrade(request, socket, head, (opened) => {
      const visit: Visit = {
        socket: opened,
        path: request.url,
        authorization: request.headers.authorization,
        heard: [],
        closed: undefined,
        say: (frame) => opened.send(JSON.stringify(frame)),
      }
      visits.push(visit)
      opened.on('message', (data: Buffer) => {
        visit.heard.push(data.toString('utf8'))
        if (options.answersPings && data.toString('utf8') === 'ping') opened.send('pong')
      })
      opened.on('close', (code) => (visit.closed = code))
      opened.on('error', () => undefined)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const stop = () => {
    server.close()
    for (const connection of connections) connection.destroy()
  }
  ends.push(stop)
  const visit = async (index: number): Promise<Visit> => {
    await until(() => visits.length > index)
    return visits[index] as Visit
  }
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    visits,
    stop,
    visit,
    welcomed: async (index: number): Promise<Visit> => {
      const found = await visit(index)
      await until(() => found.heard.length > 0)
      found.say({ type: 'welcome' })
      await settle()
      return found
    },
  }
}

/** Lets `ms` of the fake time pass, then the real sockets catch up. */
async function pass(ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms)
  await settle()
}

/** Some rounds of the event loop, enough for what is under way on loopback. */
async function settle(): Promise<void> {
  for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve))
}

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 20_000; i++) {
    if (condition()) return
    await new Promise((resolve) => setImmediate(resolve))
  }
  throw new Error(`never came true; logged: ${logged.join('\n')}`)
}
