import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { ConfigError, readConfig } from './config.ts'

const HANDLERS = ['echo', 'tone']
const TOKEN = 'f3a91c07d5e84b62a0c9e1f7b8d64523'
const folder = mkdtempSync(join(tmpdir(), 'earshot-config-'))
afterAll(() => rmSync(folder, { recursive: true }))

const GOOD = {
  FLEET_URL: 'wss://voice.acme.net',
  NODE_TOKEN: TOKEN,
  MEDIA_ADDRESSES: '10.99.0.2',
  TURN_URLS: 'turn:t.acme.net:3478',
}

describe('a good environment', () => {
  it('needs four variables; the rest has defaults', () => {
    const config = readConfig(HANDLERS, GOOD)
    expect(config).toEqual({
      fleetUrl: 'wss://voice.acme.net',
      nodeToken: TOKEN,
      nodeId: expect.stringMatching(new RegExp(`^[A-Za-z0-9_.-]{1,56}-${process.pid}$`)),
      region: 'global',
      turnUrls: ['turn:t.acme.net:3478'],
      addresses: ['10.99.0.2'],
      direct: false,
      ports: [40_000, 40_999],
      seats: 25,
      handler: 'echo',
      http: { host: '127.0.0.1', port: 9464 },
      logLevel: 'info',
      drainMs: 0,
    })
  })

  it('may set every one of them', () => {
    const config = readConfig(HANDLERS, {
      ...GOOD,
      FLEET_URL: 'https://voice.acme.net:8443/',
      NODE_ID: 'node-7.west',
      REGION: 'west2',
      TURN_URLS: 'turn:t.acme.net:3478?transport=udp, turns:t.acme.net:443?transport=tcp,',
      MEDIA_ADDRESSES: '10.99.0.2 , fd00::2',
      MEDIA_PUBLIC_ADDRESS: '203.0.113.10',
      MEDIA_DIRECT: 'true',
      MEDIA_PORTS: '50000-50099',
      MEDIA_SEATS: '40',
      HANDLER: 'tone',
      HTTP_HOST: '0.0.0.0',
      HTTP_PORT: '9000',
      LOG_LEVEL: 'debug',
      DRAIN_SECONDS: '90',
    })
    expect(config).toMatchObject({
      fleetUrl: 'wss://voice.acme.net:8443',
      nodeId: 'node-7.west',
      region: 'west2',
      turnUrls: ['turn:t.acme.net:3478?transport=udp', 'turns:t.acme.net:443?transport=tcp'],
      addresses: ['10.99.0.2', 'fd00::2'],
      publicAddress: '203.0.113.10',
      direct: true,
      ports: [50_000, 50_099],
      seats: 40,
      handler: 'tone',
      http: { host: '0.0.0.0', port: 9000 },
      logLevel: 'debug',
      drainMs: 90_000,
    })
  })

  it('may leave variables empty, as compose files do', () => {
    const empty = { REGION: '', MEDIA_SEATS: ' ', TURN_URLS: '', MEDIA_DIRECT: 'true' }
    const config = readConfig(HANDLERS, { ...GOOD, ...empty })
    expect(config).toMatchObject({ region: 'global', seats: 25, turnUrls: [], direct: true })
  })
})

describe('a bad environment', () => {
  it('that no caller could reach is refused', () => {
    expect(problems({ ...GOOD, TURN_URLS: '' })).toEqual([
      expect.stringContaining('no caller could reach this node'),
    ])
  })

  it.each([
    ['without direct mode', { MEDIA_DIRECT: 'false' }, /MEDIA_PUBLIC_ADDRESS is for direct mode/],
    ['for no IPv4 address', { MEDIA_ADDRESSES: 'fd00::2' }, /MEDIA_ADDRESSES has none/],
    ['as its own address', { MEDIA_ADDRESSES: '203.0.113.10' }, /is in MEDIA_ADDRESSES too/],
    ['that is no address', { MEDIA_PUBLIC_ADDRESS: 'vm.acme.net' }, /must be one IPv4 address/],
  ])('with a public address %s is refused', (_what, wrong, words) => {
    const right = { MEDIA_DIRECT: 'true', MEDIA_PUBLIC_ADDRESS: '203.0.113.10' }
    expect(() => readConfig(HANDLERS, { ...GOOD, ...right })).not.toThrow()
    expect(() => readConfig(HANDLERS, { ...GOOD, ...right, ...wrong })).toThrow(words)
  })

  it('with two addresses of a family is refused', () => {
    expect(problems({ ...GOOD, MEDIA_ADDRESSES: '10.99.0.2,10.99.0.3' })).toEqual([
      expect.stringContaining('MEDIA_ADDRESSES may name one IPv4 and one IPv6 address'),
    ])
  })

  it('with fewer ports than its seats need is refused', () => {
    const few = { MEDIA_PORTS: '40000-40009', MEDIA_SEATS: '10' }
    expect(problems({ ...GOOD, ...few })).toEqual([
      expect.stringContaining('MEDIA_PORTS has fewer ports than the 11'),
    ])
    expect(problems({ ...GOOD, ...few, MEDIA_SEATS: '9' })).toEqual([])
  })

  it('with fewer ports than its seats need on each address is refused', () => {
    const few = { MEDIA_PORTS: '40000-40009', MEDIA_ADDRESSES: '10.99.0.2,fd00::2' }
    expect(problems({ ...GOOD, ...few, MEDIA_SEATS: '5' })).toEqual([
      expect.stringContaining('MEDIA_PORTS has fewer ports than the 12'),
    ])
    expect(problems({ ...GOOD, ...few, MEDIA_SEATS: '4' })).toEqual([])
  })

  it('that is empty names each of the three that are missing', () => {
    expect(problems({})).toEqual([
      expect.stringContaining('FLEET_URL is missing'),
      expect.stringContaining('NODE_TOKEN is missing'),
      expect.stringContaining('MEDIA_ADDRESSES is missing'),
    ])
  })

  it('is told whole: every variable that is wrong, each once', () => {
    const wrong = {
      FLEET_URL: 'voice.acme.net',
      NODE_TOKEN: 'short-8712ab',
      NODE_ID: 'a b',
      REGION: 'Über',
      TURN_URLS: 'http://t.acme.net,turn:,turn:ok.acme.net,turn:a,turn:b',
      MEDIA_ADDRESSES: 'localhost,127.0.0.1',
      MEDIA_DIRECT: 'yes',
      MEDIA_PORTS: '50-60',
      MEDIA_SEATS: '0',
      HANDLER: 'parrot',
      HTTP_HOST: 'localhost',
      HTTP_PORT: '70000',
      LOG_LEVEL: 'loud',
      DRAIN_SECONDS: '-1',
    }
    const found = problems(wrong)
    for (const name of Object.keys(wrong)) {
      expect(
        found.some((line) => line.startsWith(`${name} `)),
        name,
      ).toBe(true)
    }
    expect(new Set(found).size).toBe(found.length)
    expect(found.join('\n')).not.toContain('short-8712ab')
  })

  it.each([
    'wss://user:pw@voice.acme.net',
    'wss://voice.acme.net/path',
    'wss://voice.acme.net?x=1',
    'wss://voice.acme.net#x',
    'wss://voice.acme.net:99999',
    'ftp://voice.acme.net',
  ])('has no usable origin in %s', (FLEET_URL) => {
    expect(problems({ ...GOOD, FLEET_URL })).toEqual([expect.stringMatching(/^FLEET_URL /)])
  })

  it.each(['40000', '40999-40000', '40000-40000', '1000-2000', '60000-70000', 'a-b'])(
    'has no usable range in MEDIA_PORTS=%s',
    (MEDIA_PORTS) => {
      expect(problems({ ...GOOD, MEDIA_PORTS })).toEqual([expect.stringMatching(/^MEDIA_PORTS /)])
    },
  )

  it.each([
    'change-me-change-me-change-me-0123456789',
    'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',
    '<node-token-goes-here-abcdefghijklmnop>',
    'f3a91c07 d5e84b62 a0c9e1f7 b8d64523 77',
  ])('has a token that is none: %s, and does not repeat it', (NODE_TOKEN) => {
    const found = problems({ ...GOOD, NODE_TOKEN })
    expect(found.length).toBeGreaterThan(0)
    expect(found.every((line) => line.startsWith('NODE_TOKEN '))).toBe(true)
    expect(found.join('\n')).not.toContain(NODE_TOKEN)
  })
})

describe('the token in a file', () => {
  const { NODE_TOKEN: _, ...rest } = GOOD

  it('is read when the file is its owner’s alone', () => {
    const NODE_TOKEN_FILE = file('good', `${TOKEN}\n`, 0o600)
    expect(readConfig(HANDLERS, { ...rest, NODE_TOKEN_FILE }).nodeToken).toBe(TOKEN)
  })

  it('goes before the variable', () => {
    const NODE_TOKEN_FILE = file('first', TOKEN, 0o400)
    const NODE_TOKEN = TOKEN.replaceAll('f', 'e')
    expect(readConfig(HANDLERS, { ...rest, NODE_TOKEN, NODE_TOKEN_FILE }).nodeToken).toBe(TOKEN)
  })

  it.each([0o644, 0o640, 0o604])('is refused when others can read it, and not shown', (mode) => {
    const NODE_TOKEN_FILE = file(`open-${mode}`, TOKEN, mode)
    expect(problems({ ...rest, NODE_TOKEN_FILE })).toEqual([
      `NODE_TOKEN_FILE ${NODE_TOKEN_FILE} can be read by others: chmod 600 it`,
    ])
  })

  it('is missed when the file is, beside every other problem', () => {
    const NODE_TOKEN_FILE = join(folder, 'nowhere')
    expect(problems({ NODE_TOKEN_FILE })).toEqual([
      `NODE_TOKEN_FILE ${NODE_TOKEN_FILE} cannot be read (ENOENT)`,
      'FLEET_URL is missing',
      'MEDIA_ADDRESSES is missing',
    ])
  })

  it('is judged like any token', () => {
    const short = file('short', 'a1b2c3d4e5', 0o600)
    const empty = file('empty', '\n', 0o600)
    const found = problems({ ...rest, NODE_TOKEN_FILE: short })
    expect(found).toEqual([expect.stringMatching(/^NODE_TOKEN must be at least 32/)])
    expect(found.join('\n')).not.toContain('a1b2c3d4e5')
    expect(problems({ ...rest, NODE_TOKEN_FILE: empty })).toEqual(['NODE_TOKEN is missing'])
  })
})

/** What is wrong with `env`, a line a problem. */
function problems(env: NodeJS.ProcessEnv): string[] {
  try {
    readConfig(HANDLERS, env)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    const [, ...lines] = error.message.split('\n')
    return lines.map((line) => line.trim())
  }
  return []
}

function file(name: string, text: string, mode: number): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  chmodSync(path, mode)
  return path
}
