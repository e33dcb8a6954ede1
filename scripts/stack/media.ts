/** A media node. */
import { HERE, ROOT } from './places.ts'
import type { Place } from './places.ts'
import { getFrom } from './probe.ts'
import { startPart, whenReady } from './process.ts'
import type { Part } from './process.ts'

export interface MediaOptions {
  /** The edge's URL, `http://127.0.0.1:<port>`. */
  readonly edgeUrl: string
  /** The 0600 file with the node token; see `makeSecrets()`. */
  readonly tokenFile: string
  /** The relay's, best first; none when calls go direct. */
  readonly turnUrls: readonly string[]
  /** The addresses it offers to callers. */
  readonly addresses: readonly string[]
  /** The one that a 1:1 NAT holds for those. */
  readonly publicAddress?: string
  /** True when browsers reach those without the relay. */
  readonly direct: boolean
  /** First and last UDP port. */
  readonly ports: readonly [number, number]
  /** Where it runs; this machine when left out. */
  readonly place?: Pick<Place, 'enter'>
  /** For /healthz and /metrics, on 127.0.0.1. */
  readonly httpPort: number
  readonly seats?: number
  /** 'echo' when left out. */
  readonly handler?: string
  readonly id?: string
  /** True for the bundle that a container holds, which must be built; false for the source. */
  readonly bundle: boolean
  /** More of its environment, such as LOG_LEVEL. */
  readonly env?: Readonly<Record<string, string>>
  readonly onLine?: (line: string) => void
  readonly signal?: AbortSignal
}

export interface MediaNode {
  readonly part: Part
  /** `http://127.0.0.1:<port>`: /healthz and /metrics. */
  readonly url: string
  stop(): Promise<void>
}

/** Starts a node; ready when it says so itself: it is linked to the fleet. Throws `PartFailure`. */
export async function startMediaNode(options: MediaOptions): Promise<MediaNode> {
  const part = await startPart({
    name: 'media',
    command: process.execPath,
    args: [`${ROOT}/apps/media/${options.bundle ? 'dist/media.mjs' : 'src/main.ts'}`],
    env: environment(options),
    ...(options.place && { enter: options.place.enter }),
    ...(options.onLine && { onLine: options.onLine }),
    ...(options.signal && { signal: options.signal }),
  })
  const url = `http://${HERE.address}:${options.httpPort}`
  const place = { ...HERE, ...options.place }
  try {
    await whenReady(part, () => linked(place, url), 20_000, options.signal)
  } catch (error) {
    await part.stop()
    throw error
  }
  return { part, url, stop: () => part.stop() }
}

function environment(options: MediaOptions): Record<string, string> {
  return {
    FLEET_URL: options.edgeUrl.replace(/^http/, 'ws'),
    NODE_TOKEN_FILE: options.tokenFile,
    NODE_ID: options.id ?? `local-${options.httpPort}`,
    TURN_URLS: options.turnUrls.join(','),
    MEDIA_ADDRESSES: options.addresses.join(','),
    ...(options.publicAddress !== undefined && { MEDIA_PUBLIC_ADDRESS: options.publicAddress }),
    MEDIA_DIRECT: String(options.direct),
    MEDIA_PORTS: options.ports.join('-'),
    HANDLER: options.handler ?? 'echo',
    HTTP_HOST: HERE.address,
    HTTP_PORT: String(options.httpPort),
    ...(options.seats !== undefined && { MEDIA_SEATS: String(options.seats) }),
    ...options.env,
  }
}

async function linked(place: Place, url: string): Promise<boolean> {
  return (await getFrom(place, `${url}/healthz`)).status === 200
}
