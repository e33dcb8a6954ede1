/** What run.sh refuses, and what it writes for coturns of several versions. No relay is started. */
import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { freePort } from '../../scripts/stack/ports.ts'
import { makeSecrets } from '../../scripts/stack/secrets.ts'
import type { RunSecrets } from '../../scripts/stack/secrets.ts'
import { fakeTurnserver, runScript, toolsAlone } from './test/script.ts'

let secrets: RunSecrets
let runtime: string

beforeEach(() => {
  secrets = makeSecrets()
  runtime = secrets.makeDirectory('relay')
})
afterEach(() => secrets.remove())

const settings = (more: Record<string, string> = {}): Record<string, string> => ({
  TURN_LISTEN_ADDRESSES: '192.0.2.1',
  TURN_RELAY_ADDRESS: '172.30.0.1',
  TURN_PEERS: '172.30.0.10-172.30.0.13',
  TURN_PORT: '47999',
  TURN_SECRET_FILE: secrets.turnSecretFile,
  TURN_RUNTIME_DIR: runtime,
  ...more,
})

async function render(more: Record<string, string> = {}): Promise<string[]> {
  const { code, output } = await runScript(settings(more), ['--render-only'])
  expect(output).toBe('')
  expect(code).toBe(0)
  return readFileSync(join(runtime, 'turnserver.conf'), 'utf8').split('\n')
}

describe('the configuration', () => {
  it('closes the relay to all but the media nodes, in a file of its own', async () => {
    const lines = await render()
    expect(lines).toContain('denied-peer-ip=0.0.0.0-255.255.255.255')
    expect(lines).toContain('denied-peer-ip=::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff')
    expect(lines.filter((line) => line.startsWith('allowed-peer-ip'))).toEqual([
      'allowed-peer-ip=172.30.0.10-172.30.0.13',
    ])
    expect(lines).toContain(`static-auth-secret=${secrets.turnSecret}`)
    expect(lines).toContain('no-tls')
    expect(lines).not.toContain('allow-loopback-peers')
    expect(statSync(join(runtime, 'turnserver.conf')).mode & 0o777).toBe(0o600)
  })

  it('accepts the old secret beside the new one while they rotate', async () => {
    const old = 'f00dfeedcafe1234567890abcdef0123456789ab'
    writeFileSync(secrets.turnSecretFile, `${secrets.turnSecret}\n${old}`)
    expect((await render()).filter((line) => line.startsWith('static-auth-secret='))).toEqual([
      `static-auth-secret=${secrets.turnSecret}`,
      `static-auth-secret=${old}`,
    ])
  })

  it('serves TLS where a certificate is given', async () => {
    const file = join(secrets.directory, 'pem')
    writeFileSync(file, 'only its path is used here')
    const lines = await render({ TURN_TLS_CERT: file, TURN_TLS_KEY: file, TURN_TLS_PORT: '47443' })
    expect(lines).toContain(`cert=${file}`)
    expect(lines).toContain('tls-listening-port=47443')
    expect(lines).not.toContain('no-tls')
  })

  it('leaves out what 4.18 no longer has', async () => {
    // A stand-in: what 4.18 says of itself, as far as the script looks at it.
    const help = '--no-tls\n--unauthorized-ratelimit\n--no-dynamic-ip-list\n--userdb'
    const lines = await render({ PATH: fakeTurnserver(secrets.directory, '4.18.0', help) })
    const gone = new Set(['no-cli', 'no-dtls', 'no-software-attribute', 'no-rfc5780', 'no-tlsv1'])
    expect(lines.filter((line) => gone.has(line))).toEqual([])
    expect(lines).toContain('unauthorized-ratelimit')
    expect(lines).not.toContain('unauthorized-ratelimit-rps=50')
  })
})

describe('coturn itself', () => {
  it.each(['4.17.0', '4.17.1'])('%s is refused, with the reason', async (version) => {
    const path = fakeTurnserver(secrets.directory, version, '')
    const { code, output } = await runScript(settings({ PATH: path }))
    expect({ code, output }).toEqual({ code: 69, output: expect.stringContaining('TTL of 1') })
  })

  it('is asked for by name when it is missing', async () => {
    const { code, output } = await runScript(settings({ PATH: toolsAlone(secrets.directory) }))
    expect({ code, output }).toEqual({
      code: 69,
      output: expect.stringContaining('apt-get install coturn'),
    })
  })
})

describe('settings that cannot be used', () => {
  const cases: [string, Record<string, string>, string][] = [
    ['no listening address', { TURN_LISTEN_ADDRESSES: '' }, 'TURN_LISTEN_ADDRESSES is missing'],
    ['every address', { TURN_LISTEN_ADDRESSES: '0.0.0.0' }, 'not all of them'],
    ['an octet too large', { TURN_LISTEN_ADDRESSES: '192.0.2.256' }, 'is not an address'],
    ['a name for an address', { TURN_RELAY_ADDRESS: 'bridge' }, 'TURN_RELAY_ADDRESS'],
    ['no peers', { TURN_PEERS: '' }, 'TURN_PEERS is missing'],
    ['everyone as peer', { TURN_PEERS: '0.0.0.0-255.255.255.255' }, 'at most 256'],
    ['the relay host as peer', { TURN_PEERS: '172.30.0.0-172.30.0.9' }, "this host's own services"],
    ['loopback peers', { TURN_PEERS: '127.0.0.1' }, 'loopback'],
    ['a loopback relay', { TURN_RELAY_ADDRESS: '127.0.0.1' }, 'cannot be reached'],
    ['a port in words', { TURN_PORT: 'turn' }, 'TURN_PORT must be a whole number'],
    ['ports the wrong way round', { TURN_MIN_PORT: '60000', TURN_MAX_PORT: '50000' }, 'above'],
    ['a line in the realm', { TURN_REALM: 'earshot\nno-auth' }, 'TURN_REALM has characters'],
    ['a line in the peers', { TURN_PEERS: '172.30.0.10\nno-auth' }, 'TURN_PEERS has characters'],
    ['a line in a number', { TURN_USER_QUOTA: '5\nno-auth' }, 'TURN_USER_QUOTA must be'],
    ['a command in the realm', { TURN_REALM: '$(id)' }, 'TURN_REALM has characters'],
    ['a key without certificate', { TURN_TLS_KEY: '/dev/null' }, 'TURN_TLS_CERT is missing'],
    ['the secret itself', { TURN_SECRET: 'a'.repeat(40) }, 'TURN_SECRET is in the environment'],
    ['no secret file', { TURN_SECRET_FILE: '/nowhere' }, 'does not name a regular file'],
    ['a device as secret', { TURN_SECRET_FILE: '/dev/null' }, 'does not name a regular file'],
  ]
  it.each(cases)('%s', async (_, wrong, words) => {
    const { code, output } = await runScript(settings(wrong))
    expect(output).toContain(words)
    expect(code).toBe(64)
  })

  it('are all named at once', async () => {
    const { output } = await runScript({ TURN_PORT: '0', TURN_REALM: 'a b' })
    for (const name of ['PORT', 'REALM', 'LISTEN_ADDRESSES', 'RELAY_ADDRESS', 'PEERS', 'SECRET']) {
      expect(output).toContain(`TURN_${name}`)
    }
  })
})

describe('a secret file', () => {
  const refused: [string, string, number, string][] = [
    ['that others can read', 'b1946ac92492d2347c6235b4d2611184', 0o644, 'chmod 600'],
    ['that the group can read', 'b1946ac92492d2347c6235b4d2611184', 0o640, 'chmod 600'],
    ['with a placeholder', 'change-me-change-me-change-me-123456', 0o600, 'placeholder'],
    ['with one letter over and over', 'a'.repeat(40), 0o600, 'placeholder'],
    ['that is too short', 'b1946ac92492d234', 0o600, 'at least 32'],
    ['with a comment', 'b1946ac92492d2347c6235b4d2611184 # new', 0o600, 'only letters'],
    ['that is empty', '', 0o600, 'has 0 lines'],
    ['with a blank line', 'b1946ac92492d2347c6235b4d2611184\n\n', 0o600, 'at least 32'],
    ['with three secrets', 'b1946ac92492d2347c6235b4d2611184\n'.repeat(3), 0o600, '3 lines'],
  ]
  it.each(refused)('%s is refused, and not shown', async (_, content, mode, words) => {
    writeFileSync(secrets.turnSecretFile, content)
    chmodSync(secrets.turnSecretFile, mode)
    const { code, output } = await runScript(settings())
    expect(output).toContain(words)
    expect(code).toBe(64)
    expect(output).not.toContain('b1946ac9')
  })
})

describe('a port that is taken', () => {
  it('is refused in UDP', async () => {
    const socket = createSocket('udp4').bind(0, '0.0.0.0')
    await once(socket, 'listening')
    const port = String(socket.address().port)
    const result = await runScript(settings({ TURN_PORT: port }))
    socket.close()
    expect(result).toEqual({ code: 75, output: expect.stringContaining(`port ${port} is taken`) })
  })

  it('is refused in TCP', async () => {
    const port = await freePort()
    const server = createServer().listen(port, '127.0.0.1')
    await once(server, 'listening')
    const loopback = {
      TURN_LISTEN_ADDRESSES: '127.0.0.1',
      TURN_RELAY_ADDRESS: '127.0.0.1',
      TURN_PEERS: '127.0.0.1',
    }
    const result = await runScript(settings({ ...loopback, TURN_PORT: String(port) }))
    server.close()
    expect(result).toEqual({ code: 75, output: expect.stringContaining('tcp') })
  })
})
