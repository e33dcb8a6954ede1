/** The address translation of each router, as nftables rules. */
import { VM, VM_PRIVATE } from './addresses.ts'
import type { NatKind } from './description.ts'

/** Linux's own, in seconds: how long it remembers a UDP flow, and one that is unanswered or brief. */
const MAPPING_TIMEOUT_S = 120
const BRIEF_TIMEOUT_S = 30

/** The networks of the lab that no router of the internet knows. */
const PRIVATE = '{ 10.0.0.0/8, 100.64.0.0/10, 172.16.0.0/12, 192.168.0.0/16 }'

export interface NatRouter {
  readonly kind: NatKind
  /** IPv4 address of the interface `wan`. */
  readonly external: string
  /** Whom unasked packets go to, where the kind lets any in. */
  readonly inside: string
  readonly timeoutS?: number | undefined
}

/**
 * Linux keeps the source port while it is free, and so gives one mapping to all destinations; what
 * may come in is what connection tracking knows: port-restricted. The wider kinds remember, in a
 * set, which ports (and whose addresses) the inside has sent from (and to), and let more in by it.
 */
export function natRules({ kind, external, inside, timeoutS }: NatRouter): string {
  const lifetime = `${timeoutS ?? MAPPING_TIMEOUT_S}s`
  const port = kind === 'symmetric' ? ' fully-random' : ''
  const opening = openingOf(kind)
  const wider =
    opening === undefined
      ? ''
      : `
  set mapped {
    type ${opening.type}
    flags dynamic, timeout
    timeout ${lifetime}
    size 65535
  }
  chain remember {
    type filter hook forward priority mangle
    oifname wan ip saddr ${inside} meta l4proto udp update @mapped { ${opening.sent} timeout ${lifetime} }
  }
  chain unasked {
    type nat hook prerouting priority dstnat
    iifname wan meta l4proto udp ${opening.came} @mapped dnat to ${inside}
  }`
  return `table ip nat {${wider}
  chain outward {
    type nat hook postrouting priority srcnat
    oifname wan ip saddr ${PRIVATE} meta l4proto { tcp, udp } snat to ${external}${port}
    oifname wan ip saddr ${PRIVATE} snat to ${external}
  }
}`
}

/**
 * How long flows are remembered, as sysctls of the router's namespace. A TCP flow that was
 * forgotten is not picked up again by its next packet.
 */
export function timeoutSysctls(udpS?: number, tcpS?: number): Record<string, number> {
  return {
    'net/netfilter/nf_conntrack_udp_timeout': udpS ?? BRIEF_TIMEOUT_S,
    'net/netfilter/nf_conntrack_udp_timeout_stream': udpS ?? MAPPING_TIMEOUT_S,
    'net/netfilter/nf_conntrack_tcp_loose': 0,
    ...(tcpS === undefined ? {} : { 'net/netfilter/nf_conntrack_tcp_timeout_established': tcpS }),
  }
}

/** One public address for one private one, as clouds do it. */
export function cloudNatRules(): string {
  return `table ip nat {
  chain inward {
    type nat hook prerouting priority dstnat
    iifname wan ip daddr ${VM.v4} dnat to ${VM_PRIVATE}
  }
  chain outward {
    type nat hook postrouting priority srcnat
    oifname wan ip saddr ${VM_PRIVATE} snat to ${VM.v4}
  }
}`
}

/** The media's way out to the edge, as container engines do it. */
export function vmNatRules(): string {
  return `table ip nat {
  chain outward {
    type nat hook postrouting priority srcnat
    ip saddr 172.30.0.0/24 oifname != { relay, lo } masquerade
  }
}`
}

// --- the parts ---

interface Opening {
  readonly type: string
  readonly sent: string
  readonly came: string
}

function openingOf(kind: NatKind): Opening | undefined {
  if (kind === 'endpoint-independent') {
    return { type: 'inet_service', sent: 'udp sport', came: 'udp dport' }
  }
  if (kind === 'address-restricted') {
    return {
      type: 'inet_service . ipv4_addr',
      sent: 'udp sport . ip daddr',
      came: 'udp dport . ip saddr',
    }
  }
  return undefined
}
