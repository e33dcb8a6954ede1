/** A part of a network, ready to be made: namespaces, the cables between them, and their settings. */

export interface Interface {
  /** A host, or a namespace that serves the lab itself. */
  readonly host: string
  /** At most 15 characters. */
  readonly name: string
  /** With the length of their prefix: `192.0.2.1/30`, `2001:db8::1/64`. */
  readonly addresses: readonly string[]
  /** `down`: it is there, without addresses, until something brings it up. */
  readonly state?: 'up' | 'down'
}

/** A pair of interfaces: what goes in at one end comes out at the other. */
export type Cable = readonly [Interface, Interface]

export interface HostSettings {
  readonly isRouter?: boolean
  /** Lines of `ip -batch` that come after the interfaces have their addresses. */
  readonly ip?: readonly string[]
  /** An nftables script. */
  readonly nft?: string
  /** Below /proc/sys, once everything else is in place. */
  readonly sysctls?: Readonly<Record<string, string | number>>
}

export interface Plan {
  /** Every host of this part. */
  readonly hosts: Readonly<Record<string, HostSettings>>
  readonly cables: readonly Cable[]
  /** Of its interfaces, so that parts that meet in a host do not clash there. Default 10. */
  readonly firstIndex?: number
  /** Lines of `ip -batch` in hosts of another part. */
  readonly elsewhere?: Readonly<Record<string, readonly string[]>>
}

/**
 * `ip -batch` in the root namespace: both ends are born inside, none is ever seen outside.
 *
 * The ends have different indexes, each in its own namespace: Linux takes two of the same for no
 * pair, and lets up to a second pass before IPv6 hears that there is a carrier.
 */
export function cableLines(plan: Plan, namespaceOf: (host: string) => string): string[] {
  return plan.cables.map(([one, other], number) => {
    const end = ({ name, host }: Interface, index: number): string =>
      `name ${name} index ${index} netns ${namespaceOf(host)}`
    const first = (plan.firstIndex ?? 10) + 2 * number
    return `link add ${end(one, first)} type veth peer ${end(other, first + 1)}`
  })
}

/** What a namespace needs before it has interfaces, as a shell script. */
export function prepareScript({ isRouter = false }: HostSettings): string {
  const settings: Record<string, number> = {
    // Addresses are given by hand, and usable at once.
    'net/ipv6/conf/all/accept_ra': 0,
    'net/ipv6/conf/default/accept_ra': 0,
    'net/ipv6/conf/all/accept_dad': 0,
    'net/ipv6/conf/default/accept_dad': 0,
    // A packet that came by another interface than its answer would take is no fault here.
    'net/ipv4/conf/all/rp_filter': 0,
    'net/ipv4/conf/default/rp_filter': 0,
    ...(isRouter && {
      'net/ipv4/ip_forward': 1,
      'net/ipv6/conf/all/forwarding': 1,
      // Every packet that is too big is said to be.
      'net/ipv4/icmp_ratelimit': 0,
    }),
  }
  return `${sysctlLines(settings)}\nip link set lo up\n`
}

/** What a namespace needs once its cables are there, as a shell script. */
export function configureScript(host: string, plan: Plan): string {
  const ends = plan.cables.flat().filter((end) => end.host === host)
  const ip = [
    ...ends.flatMap((end) => addressLines(end)),
    ...(plan.hosts[host]?.ip ?? []),
    ...(plan.elsewhere?.[host] ?? []),
  ]
  const { nft, sysctls = {} } = plan.hosts[host] ?? {}
  const parts = [
    ...(ip.length > 0 ? [`ip -batch - <<'EOF'\n${ip.join('\n')}\nEOF`] : []),
    ...(nft === undefined ? [] : [`nft -f - <<'EOF'\n${nft}\nEOF`]),
    ...(Object.keys(sysctls).length > 0 ? [sysctlLines(sysctls)] : []),
  ]
  return `${parts.join('\n')}\n`
}

/** Everyone who has something to do in this part. */
export function hostsOf(plan: Plan): string[] {
  const names = [
    ...Object.keys(plan.hosts),
    ...plan.cables.flat().map(({ host }) => host),
    ...Object.keys(plan.elsewhere ?? {}),
  ]
  return [...new Set(names)]
}

/** Lines of `ip -batch` that give an interface its addresses and bring it up. */
export function addressLines({ name, addresses, state = 'up' }: Interface): string[] {
  if (state === 'down') return []
  return [
    ...addresses.map((address) => {
      const withoutCheck = address.includes(':') ? ' nodad' : ''
      return `addr add ${address} dev ${name}${withoutCheck}`
    }),
    `link set ${name} up`,
  ]
}

// --- the parts ---

function sysctlLines(settings: Readonly<Record<string, string | number>>): string {
  return Object.entries(settings)
    .map(([name, value]) => `echo ${value} > /proc/sys/${name}`)
    .join('\n')
}
