/**
 * Asks a part whether it is there, from the place it runs in: another network can hide it from here.
 * The file is a program as well, which does the same inside: `probe.ts get <url>`, `probe.ts relay
 * <address> <port>`.
 */
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { promisify } from 'node:util'
import { answersStun } from '../../infra/coturn/test/turn-client.ts'
import type { Place } from './places.ts'

export interface Response {
  readonly status: number
  readonly body: string
}

interface Endpoint {
  readonly address: string
  readonly port: number
}

const TIMEOUT_MS = 2_000

/** Rejects when nobody answers in time. */
export async function getFrom(place: Place, url: string): Promise<Response> {
  if (place.enter.length === 0) return get(url)
  const said: unknown = JSON.parse(await inside(place, ['get', url]))
  if (typeof said === 'object' && said !== null && 'status' in said && 'body' in said) {
    return { status: Number(said.status), body: String(said.body) }
  }
  throw new Error('the probe said something else')
}

/** True when a relay answers STUN over UDP and takes TCP. */
export async function answersFrom(place: Place, server: Endpoint): Promise<boolean> {
  if (place.enter.length === 0) return answers(server)
  return JSON.parse(await inside(place, ['relay', server.address, String(server.port)])) === true
}

// --- the probes ---

async function get(url: string): Promise<Response> {
  const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) })
  return { status: response.status, body: await response.text() }
}

async function answers(server: Endpoint): Promise<boolean> {
  return (await answersStun(server, 200)) && (await takesTcp(server))
}

async function takesTcp(server: Endpoint): Promise<boolean> {
  const socket = connect({ host: server.address, port: server.port })
  return once(socket, 'connect')
    .then(() => true)
    .catch(() => false)
    .finally(() => socket.destroy())
}

// --- the program ---

async function inside(place: Place, args: readonly string[]): Promise<string> {
  const [command, ...before] = [...place.enter, process.execPath]
  const options = { timeout: 2 * TIMEOUT_MS }
  const argv = [...before, import.meta.filename, ...args]
  return (await promisify(execFile)(command, argv, options)).stdout
}

if (import.meta.main) {
  const [what, target = '', port] = process.argv.slice(2)
  const said =
    what === 'get' ? await get(target) : await answers({ address: target, port: Number(port) })
  console.log(JSON.stringify(said))
}
