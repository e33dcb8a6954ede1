/** Ports of this machine: a free one, or who has the one that is wanted. */
import { execFile } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { promisify } from 'node:util'

export type Transport = 'udp' | 'tcp'

/** A port that is free in both UDP and TCP on `host` at this moment. */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  for (;;) {
    const port = await ephemeralPort(host)
    if (!(await isTaken(port, 'udp', host))) return port
  }
}

/** The first port of `size` in a row that are free in UDP, for a media port range. */
export async function freeRange(size: number, host = '127.0.0.1'): Promise<number> {
  for (;;) {
    const first = 20_000 + Math.floor(Math.random() * (32_000 - 20_000 - size))
    const ports = Array.from({ length: size }, (_, at) => first + at)
    const taken = await Promise.all(ports.map((port) => isTaken(port, 'udp', host)))
    if (!taken.includes(true)) return first
  }
}

/** True when `port` cannot be bound on `host`. */
export async function isTaken(port: number, transport: Transport, host: string): Promise<boolean> {
  if (transport === 'udp') {
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4')
    socket.bind({ port, address: host, exclusive: true })
    return once(socket, 'listening')
      .then(() => false)
      .catch(() => true)
      .finally(() => socket.close())
  }
  const server = createServer().listen(port, host)
  return once(server, 'listening')
    .then(() => false)
    .catch(() => true)
    .finally(() => server.close())
}

/** 'coturn (pid 71)' when the machine can tell, else `undefined`. */
export async function holderOf(port: number, transport: Transport): Promise<string | undefined> {
  return (await holderBySs(port, transport)) ?? (await holderByLsof(port, transport))
}

// --- the parts ---

async function ephemeralPort(host: string): Promise<number> {
  const server = createServer().listen(0, host)
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port was given')
  return address.port
}

async function holderBySs(port: number, transport: Transport): Promise<string | undefined> {
  const kind = transport === 'udp' ? '-u' : '-t'
  const found = await output('ss', ['-Hlnp', kind, `sport = :${port}`])
  const [, name, pid] = /users:\(\("([^"]+)",pid=(\d+)/.exec(found) ?? []
  return name === undefined ? undefined : `${name} (pid ${pid})`
}

async function holderByLsof(port: number, transport: Transport): Promise<string | undefined> {
  const filter = transport === 'udp' ? [`-iUDP:${port}`] : [`-iTCP:${port}`, '-sTCP:LISTEN']
  const found = await output('lsof', ['-nP', ...filter, '-Fpc'])
  const [, pid, name] = /^p(\d+)\nc(.+)$/m.exec(found) ?? []
  return name === undefined ? undefined : `${name} (pid ${pid})`
}

async function output(command: string, args: readonly string[]): Promise<string> {
  return promisify(execFile)(command, args, { timeout: 3000 })
    .then(({ stdout }) => stdout)
    .catch(() => '')
}
