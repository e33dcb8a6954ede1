/** The relay as it runs: a real coturn on loopback, and what it lets callers do. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { turnCredentials } from '../../apps/signal/src/turn-credentials.ts'
import { LOOPBACK } from '../../scripts/stack/places.ts'
import { freePort } from '../../scripts/stack/ports.ts'
import { startRelay } from '../../scripts/stack/relay.ts'
import type { Relay } from '../../scripts/stack/relay.ts'
import { makeSecrets } from '../../scripts/stack/secrets.ts'
import { runScript } from './test/script.ts'
import { turnClient } from './test/turn-client.ts'
import type { TurnClient, TurnLogin, TurnOutcome } from './test/turn-client.ts'

const secrets = makeSecrets()
const runtime = secrets.makeDirectory('relay')
const log: string[] = []
const clients: TurnClient[] = []
let relay: Relay

beforeAll(async () => {
  relay = await startRelay({
    secretFile: secrets.turnSecretFile,
    runtimeDirectory: runtime,
    port: await freePort(),
    onLine: (line) => log.push(line),
  })
})
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()))
})
afterAll(async () => {
  await relay.stop()
  secrets.remove()
})

const login = async (ttlSeconds = 600, secret = secrets.turnSecret): Promise<TurnLogin> =>
  turnCredentials(secret, `test-${clients.length}`, ttlSeconds, Date.now())

async function newClient(as?: TurnLogin): Promise<TurnClient> {
  const server = { address: LOOPBACK.listen, port: relay.port }
  const opened = await turnClient(server, as ?? (await login()))
  clients.push(opened)
  return opened
}

describe('the process', () => {
  it('starts without a word about its configuration', () => {
    expect(log.some((line) => line.includes('Relay ports initialization done'))).toBe(true)
    expect(log.filter((line) => /bad configuration|unknown|error|cannot/i.test(line))).toEqual([])
  })

  it('shows no secret in its arguments or its log', () => {
    if (existsSync('/proc/self')) {
      const [command, ...args] = readFileSync(`/proc/${relay.part.pid}/cmdline`, 'utf8').split('\0')
      expect(command).toBe('turnserver')
      expect(args).toEqual(['-c', join(runtime, 'turnserver.conf'), ''])
      const environment = readFileSync(`/proc/${relay.part.pid}/environ`, 'utf8')
      expect(environment).not.toContain(secrets.turnSecret)
    }
    expect(log.join('\n')).not.toContain(secrets.turnSecret)
  })

  it('is the only one on its port: a second is refused', async () => {
    const { code, output } = await runScript({
      TURN_LISTEN_ADDRESSES: LOOPBACK.listen,
      TURN_RELAY_ADDRESS: LOOPBACK.relay,
      TURN_PEERS: LOOPBACK.media,
      TURN_PORT: String(relay.port),
      TURN_SECRET_FILE: secrets.turnSecretFile,
    })
    expect({ code, output }).toEqual({ code: 75, output: expect.stringContaining('is taken') })
  })
})

describe('a relay that has just started', () => {
  // coturn made its tables when the first caller came, and refused whoever came with them.
  it.each([1, 2, 3])('lets in callers that come all at once (start %i)', async () => {
    const fresh = await startRelay({
      secretFile: secrets.turnSecretFile,
      runtimeDirectory: secrets.makeDirectory('fresh'),
      port: await freePort(),
    })
    try {
      const server = { address: LOOPBACK.listen, port: fresh.port }
      const as = await login()
      const first = await Promise.all([1, 2, 3, 4].map(() => turnClient(server, as)))
      clients.push(...first)
      const outcomes = await Promise.all(first.map((client) => client.allocate()))
      expect(outcomes).toEqual(['ok', 'ok', 'ok', 'ok'])
    } finally {
      await Promise.all(clients.splice(0).map((client) => client.close()))
      await fresh.stop()
    }
  })
})

describe('room', () => {
  it('is there for more calls than one node takes', async () => {
    const outcomes: TurnOutcome[] = []
    for (let call = 0; call < 150; call++) {
      outcomes.push(await (await newClient()).allocate())
    }
    expect(outcomes.filter((outcome) => outcome !== 'ok')).toEqual([])
  })
})

describe('credentials', () => {
  it('made by the worker with the shared secret are accepted', async () => {
    const caller = await newClient()
    expect(await caller.allocate()).toBe('ok')
    expect(caller.relayed?.address).toBe(LOOPBACK.relay)
  })

  it('that have expired are refused with 401', async () => {
    expect(await (await newClient(await login(-1))).allocate()).toBe(401)
  })

  it('made with another secret are refused with 401', async () => {
    const forged = await login(600, '0123456789abcdef0123456789abcdef')
    expect(await (await newClient(forged)).allocate()).toBe(401)
  })

  it('whose expiry was moved are refused with 401', async () => {
    const { username, credential } = await login(-1)
    const later = username.replace(/^\d+/, String(Math.floor(Date.now() / 1000) + 600))
    expect(await (await newClient({ username: later, credential })).allocate()).toBe(401)
  })
})

const FORBIDDEN = [
  '127.0.0.1',
  '127.1.2.3',
  '127.77.0.9',
  '127.77.0.11',
  LOOPBACK.relay,
  '0.0.0.0',
  '10.0.0.5',
  '172.17.0.1',
  '172.30.0.10',
  '192.168.1.1',
  '100.64.0.1',
  '169.254.169.254',
  '198.18.0.1',
  '192.0.2.1',
  '203.0.113.9',
  '8.8.8.8',
  '1.1.1.1',
  '224.0.0.1',
  '240.0.0.1',
  '255.255.255.255',
]

// With one loopback address for everything, "media alone" cannot be told apart.
describe.runIf(LOOPBACK.relay !== LOOPBACK.media)('peers', () => {
  it('media is reached, and its answer comes back', async () => {
    const media = createSocket('udp4').bind(0, LOOPBACK.media)
    await once(media, 'listening')
    media.on('message', (data, from) =>
      media.send(`heard ${String(data)}`, from.port, from.address),
    )
    const peer = { address: LOOPBACK.media, port: media.address().port }
    const caller = await newClient()
    await caller.allocate()
    expect(await caller.createPermission(peer)).toBe('ok')
    caller.send(peer, Buffer.from('hello'))
    expect(String(await caller.receive(2000))).toBe('heard hello')
    expect(await caller.channelBind(peer, 0x4000)).toBe('ok')
    caller.sendOnChannel(0x4000, Buffer.from('again'))
    expect(String(await caller.receive(2000))).toBe('heard again')
    media.close()
  })

  it('everyone else is refused with 403, media beside them is not', async () => {
    const caller = await newClient()
    expect(await caller.allocate()).toBe('ok')
    const outcomes: Record<string, unknown> = {}
    for (const address of FORBIDDEN) {
      const peer = { address, port: 9 }
      outcomes[address] = [
        await caller.createPermission(peer),
        await caller.channelBind(peer, 0x4001),
      ]
    }
    expect(outcomes).toEqual(Object.fromEntries(FORBIDDEN.map((address) => [address, [403, 403]])))
    expect(await caller.createPermission({ address: LOOPBACK.media, port: 9 })).toBe('ok')
  })

  it('a Send to another service of this machine never arrives', async () => {
    const service = createSocket('udp4').bind(0, '127.0.0.1')
    await once(service, 'listening')
    const reached: string[] = []
    service.on('message', (data) => reached.push(String(data)))
    const { port } = service.address()
    const caller = await newClient()
    await caller.allocate()
    caller.send({ address: '127.0.0.1', port }, Buffer.from('through the relay'))
    // The control: by itself, the service can be reached.
    const control = createSocket('udp4')
    control.send('directly', port, '127.0.0.1')
    expect(await caller.receive(500)).toBeUndefined()
    control.close()
    service.close()
    expect(reached).toEqual(['directly'])
  })

  it('has no IPv6 relay address, and no IPv6 peer', async () => {
    expect(await (await newClient()).allocate(6)).toBe(440)
    const caller = await newClient()
    await caller.allocate()
    for (const address of ['::1', '::ffff:7f00:1', 'fe80::1', '64:ff9b::7f00:1']) {
      expect(await caller.createPermission({ address, port: 9 })).not.toBe('ok')
    }
  })
})
