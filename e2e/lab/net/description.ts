/**
 * A network as data: what the caller sits behind, the path to the relay, and where the relay sits.
 * `lab.ts` makes it of network namespaces. Everything left out is the easy case.
 *
 * ```
 * caller ── home ──[carrier]── access ══ path ══ internet ──[cloud]── vm ── media, media2
 *    │        └── proxy          │                   └── edge-router ── edge
 *    └┄┄┄┄┄ mobile ──────────────┘
 * ```
 *
 * `home`, `carrier`, `mobile`, `access`, `internet`, `cloud`, `edge-router` and `vm` are routers;
 * each takes one from a packet's TTL. `carrier` and `cloud` exist where the description asks.
 */

/**
 * What the caller's router does to addresses, in RFC 4787's terms. All but `none` put the caller on
 * a private address. The mapping (which external port) is endpoint-independent for the first three
 * kinds of NAT; the filtering (who may answer) is as the name says.
 *
 * - `none`: the caller has an address of the internet, and nothing is filtered.
 * - `endpoint-independent`: one mapping for all, and anyone may send to it (full cone).
 * - `address-restricted`: one mapping; only addresses that were sent to may answer, from any port.
 * - `port-restricted`: one mapping; only an address and port that was sent to may answer.
 * - `symmetric`: another external port for each destination; only that destination may answer.
 * - `carrier-grade`: port-restricted at home, and symmetric at the carrier behind it.
 *
 * IPv6 is never translated: behind any NAT it is filtered by state (as a home router does).
 */
export type NatKind =
  | 'none'
  | 'endpoint-independent'
  | 'address-restricted'
  | 'port-restricted'
  | 'symmetric'
  | 'carrier-grade'

/**
 * What the caller's router lets out. What is not let out vanishes without an answer.
 *
 * - `open`: everything.
 * - `udp-blocked`: everything but UDP.
 * - `web-only`: TCP to ports 443 and 80 alone.
 * - `proxy-only`: nothing; the host `proxy` at the caller's site may go out to TCP 443 and 80, and
 *   the caller reaches the proxy (any TCP port of it). A program on that host has to be the proxy.
 * - `page-only`: TCP to ports 443 and 80 of the host `edge` alone. No call can get through it.
 * - `idle-cut-60`: everything, but a flow, UDP or TCP, that is silent for 60 s is forgotten; its
 *   later packets vanish, both ways, until the caller opens a new one.
 */
export type FirewallKind =
  | 'open'
  | 'udp-blocked'
  | 'web-only'
  | 'proxy-only'
  | 'page-only'
  | 'idle-cut-60'

/**
 * - `dual`: IPv4 and IPv6, both working.
 * - `dual-broken-v6`: the caller has an IPv6 address and a default route, and everything that it
 *   sends over them vanishes beyond its router.
 * - `v6-only`: no IPv4 at all, and no NAT64: the relay and the edge are reached by IPv6 addresses.
 */
export type Addressing = 'v4' | 'v6-only' | 'dual' | 'dual-broken-v6'

/**
 * Where the relay's machine sits. It has the same public address in all of them.
 *
 * - `public`: one interface, with the public address on it.
 * - `cloud-1to1`: one interface with a private address; a cloud router translates one to one.
 * - `two-nics`: the first interface (`eth0`) has a private address and leads nowhere, the second
 *   (`eth1`) has the public one and the default route.
 */
export type VmKind = 'public' | 'cloud-1to1' | 'two-nics'

export interface CallerSite {
  /** Default `none`. */
  readonly nat?: NatKind
  /**
   * Seconds of silence after which the NAT forgets a UDP mapping. Default: 120, and 30 for a flow
   * that was not answered or has lasted less than 2 s.
   */
  readonly mappingTimeoutS?: number
  /** Default `open`. */
  readonly firewall?: FirewallKind
  /** Default `v4`. */
  readonly addressing?: Addressing
}

export interface Loss {
  /** Share of the packets lost on the way from the caller, 0 to 1. */
  readonly up: number
  /** Share of the packets lost on the way to the caller, 0 to 1. */
  readonly down: number
  /**
   * Mean length of a burst of losses (Gilbert's model), in packets of 20 ms, as voice has them;
   * without it, each packet is lost by itself.
   */
  readonly burstPackets?: number
}

/** The path between the caller's provider and the internet, alike in both directions but `loss`. */
export interface Path {
  /** Added round-trip time in ms, half of it each way. Default 0. */
  readonly rttMs?: number
  readonly loss?: Loss
  /** Bottleneck each way, in kbit/s; what waits longer than `queueMs` for it is lost. */
  readonly rateKbit?: number
  /** Default 300 ms. */
  readonly queueMs?: number
  /** Share of the packets (0 to 1) that come `byMs` later, and so behind their successors. */
  readonly reorder?: { readonly share: number; readonly byMs: number }
  /** Share of the packets (0 to 1) that arrive twice. */
  readonly duplicate?: number
  readonly mtu?: Mtu
}

export interface Mtu {
  /** Largest IP packet, in bytes; at least 1280. */
  readonly bytes: number
  /** The routers beside the narrow link do not say so: larger packets vanish (a black hole). */
  readonly dropIcmp: boolean
  /** TCP is told by its handshake, as most routers before a tunnel do; UDP is not. Default false. */
  readonly clampMss?: boolean
}

export interface Network {
  /** Lower-case words joined by hyphens. */
  readonly name: string
  readonly caller?: CallerSite
  readonly path?: Path
  /** Default `public`. */
  readonly vm?: VmKind
}

/** A place where programs run or packets pass. */
export type Host =
  | 'caller'
  | 'home'
  | 'carrier'
  | 'mobile'
  | 'proxy'
  | 'access'
  | 'internet'
  | 'edge-router'
  | 'edge'
  | 'cloud'
  | 'vm'
  | 'media'
  | 'media2'

/** The two ways by which the caller can be on the internet. */
export type Uplink = 'home' | 'mobile'
