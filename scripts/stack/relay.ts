/** The relay: coturn, by the same script that production runs. */
import { HERE, LOOPBACK, ROOT } from './places.ts'
import type { Place } from './places.ts'
import { answersFrom } from './probe.ts'
import { startPart, whenReady } from './process.ts'
import type { Part } from './process.ts'

export interface RelayOptions {
  /** The 0600 file with the secret; see `makeSecrets()`. */
  readonly secretFile: string
  /** A private directory (0700) for its configuration. */
  readonly runtimeDirectory: string
  /** UDP and TCP; 3478 when left out. */
  readonly port?: number
  /** Addresses with commas between. */
  readonly listen?: string
  /** Where it runs; this machine when left out. */
  readonly place?: Pick<Place, 'enter'>
  /** PEM files: TLS is served on `port`, 443 as a rule. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly port: number }
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
    ...(options.place && { enter: options.place.enter }),
    env: {
      TURN_LISTEN_ADDRESSES: address,
      TURN_RELAY_ADDRESS: options.relayAddress ?? LOOPBACK.relay,
      TURN_PEERS: (options.peers ?? [LOOPBACK.media]).join(','),
      TURN_PORT: String(port),
      TURN_SECRET_FILE: options.secretFile,
      TURN_RUNTIME_DIR: options.runtimeDirectory,
      TURN_RELAY_THREADS: '2',
      ...(options.tls && {
        TURN_TLS_CERT: options.tls.cert,
        TURN_TLS_KEY: options.tls.key,
        TURN_TLS_PORT: String(options.tls.port),
      }),
      ...options.settings,
    },
    ...(options.onLine && { onLine: options.onLine }),
    ...(options.signal && { signal: options.signal }),
  })
  const place = { ...HERE, ...options.place }
  const ready = (): Promise<boolean> =>
    answersFrom(place, { address: address.split(',')[0] ?? '', port })
  try {
    await whenReady(part, ready, 15_000, options.signal)
  } catch (error) {
    await part.stop()
    throw error
  }
  const url = `turn:${address}:${port}?transport=`
  return { part, port, urls: { udp: `${url}udp`, tcp: `${url}tcp` }, stop: () => part.stop() }
}
