/**
 * Which way to the relay worked on which network, so that the next call there tries it first and does
 * not pay for the others: each TURN URL is an allocation. Pure; who keeps it is `ui/networks.ts`.
 */
import type { IceConfiguration, IceServer } from '@earshot/protocol'
import * as v from 'valibot'
import type { CallPath } from './stats.ts'

export type Transport = CallPath['transport']

/** So many networks are remembered, the ones used last, for so long, in ms. */
const MAX_NETWORKS = 8
const MAX_AGE_MS = 30 * 24 * 60 * 60 * 1000

/** Beside what worked: what works wherever anything does, or what would be better if it did. */
const BESIDE: Record<Transport, readonly Transport[]> = {
  udp: ['tls', 'tcp'],
  tcp: ['udp'],
  tls: ['udp'],
}

const networksSchema = v.array(
  v.object({
    /** As the service names it: opaque. */
    network: v.string(),
    transport: v.picklist(['udp', 'tcp', 'tls']),
    /** When it worked last, in ms since 1970. */
    at: v.number(),
  }),
)

/** The one used last first. */
export type Networks = v.InferOutput<typeof networksSchema>

/** What was written down, without what is too old or not understood. */
export function readNetworks(text: string | null, now: number): Networks {
  const result = v.safeParse(v.pipe(v.string(), v.parseJson(), networksSchema), text)
  if (!result.success) return []
  return result.output.filter(({ at }) => at <= now && now - at < MAX_AGE_MS).slice(0, MAX_NETWORKS)
}

export function withNetwork(
  networks: Networks,
  network: string,
  transport: Transport,
  now: number,
): Networks {
  const others = withoutNetwork(networks, network)
  return [{ network, transport, at: now }, ...others].slice(0, MAX_NETWORKS)
}

export function withoutNetwork(networks: Networks, network: string): Networks {
  return networks.filter((one) => one.network !== network)
}

/**
 * The same with the URLs of `transport` first, and of the others the best alone: all URLs, and so both
 * address families, of two transports. The same as it was where that one is not offered, or where the
 * call need not go through the relay.
 */
export function preferring(
  configuration: IceConfiguration,
  transport: Transport | undefined,
): IceConfiguration {
  const { iceServers, iceTransportPolicy } = configuration
  const offered = new Set(iceServers.flatMap(({ urls }) => urls.map(transportOf)))
  if (!transport || iceTransportPolicy !== 'relay' || !offered.has(transport)) return configuration
  const beside = BESIDE[transport].find((other) => offered.has(other))
  const kept = beside ? [transport, beside] : [transport]
  const ordered: IceServer[] = []
  for (const wanted of kept) {
    for (const { urls, ...credentials } of iceServers) {
      const some = urls.filter((url) => transportOf(url) === wanted)
      if (some.length > 0) ordered.push({ urls: some, ...credentials })
    }
  }
  return { iceServers: ordered, iceTransportPolicy }
}

/** How many TURN URLs there are. */
export function countUrls({ iceServers }: IceConfiguration): number {
  return iceServers.reduce((count, { urls }) => count + urls.length, 0)
}

function transportOf(url: string): Transport {
  if (url.startsWith('turns:')) return 'tls'
  return url.includes('transport=tcp') ? 'tcp' : 'udp'
}
