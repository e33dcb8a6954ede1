/** The relay: coturn, by the same script that production runs. */
import { connect } from 'node:net'
import { once } from 'node:events'
import { answersStun } from '../../infra/coturn/test/turn-client.ts'
import { LOOPBACK, ROOT } from './places.ts'
import { startPart, whenReady } from './process.ts'
import type { Part } from './process.ts'

export interface RelayOptions {
  /** The 0600 file with the secret; see `makeSecrets()`. */
  readonly secretFile: string
  /** A private directory (0700) for its configuration. */
  readonly runtimeDirectory: string
  /** UDP and TCP; 3478 when left out. */
  readonly port?: number
  readonly listen?: string
  readonly relayAddress?: string
  /** The only allowed peers: addresses or ranges `a-b`. Media's address when left out. */
  readonly peers?: readonly string[]
  /** More settings of run.sh, such as TURN_USER_QUOTA. */
  readonly settings?: Readonly<Record<string, string>>
  readonly onLine?: (line: string) => void
  readonly signal?: AbortSignal
}

export interface Relay {
  readonly part: Part
  readonly port: number
  /** For a media node's TURN_URLS: UDP first. */
  readonly urls: { readonly udp: string; readonly tcp: string }
  stop(): Promise<void>
}

export const RUN_SCRIPT = `${ROOT}/infra/coturn/run.sh`

/** Starts coturn; ready when it answers STUN over UDP and takes TCP. Throws `PartFailure`. */
export async function startRelay(options: RelayOptions): Promise<Relay> {
  const port = options.port ?? 3478
  const address = options.listen ?? LOOPBACK.listen
  const part = await startPart({
    name: 'relay',
    command: '/bin/sh',
    args: [RUN_SCRIPT],
    env: {
      TURN_LISTEN_ADDRESSES: address,
      TURN_RELAY_ADDRESS: options.relayAddress ?? LOOPBACK.relay,
      TURN_PEERS: (options.peers ?? [LOOPBACK.media]).join(','),
      TURN_PORT: String(port),
      TURN_SECRET_FILE: options.secretFile,
      TURN_RUNTIME_DIR: options.runtimeDirectory,
      TURN_RELAY_THREADS: '2',
      ...options.settings,
    },
    ...(options.onLine && { onLine: options.onLine }),
    ...(options.signal && { signal: options.signal }),
  })
  const server = { address, port }
  const ready = async (): Promise<boolean> =>
    (await answersStun(server, 200)) && (await takesTcp(server))
  try {
    await whenReady(part, ready, 15_000, options.signal)
  } catch (error) {
    await part.stop()
    throw error
  }
  const url = `turn:${address}:${port}?transport=`
  return { part, port, urls: { udp: `${url}udp`, tcp: `${url}tcp` }, stop: () => part.stop() }
}

async function takesTcp(server: { address: string; port: number }): Promise<boolean> {
  const socket = connect({ host: server.address, port: server.port })
  return once(socket, 'connect')
    .then(() => true)
    .catch(() => false)
    .finally(() => socket.destroy())
}
