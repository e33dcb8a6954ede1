/** Named networks: one for each value of each dimension, everything else easy. */
import type { Addressing, FirewallKind, NatKind, Network, Path, VmKind } from './net/description.ts'

const NATS: Readonly<Record<NatKind, string>> = {
  none: 'nat-none',
  'endpoint-independent': 'nat-endpoint-independent',
  'address-restricted': 'nat-address-restricted',
  'port-restricted': 'nat-port-restricted',
  symmetric: 'nat-symmetric',
  'carrier-grade': 'nat-carrier-grade',
}

const FIREWALLS: Readonly<Record<FirewallKind, string>> = {
  open: 'firewall-open',
  'udp-blocked': 'firewall-udp-blocked',
  'web-only': 'firewall-web-only',
  'proxy-only': 'firewall-proxy-only',
  'page-only': 'firewall-page-only',
  'idle-cut-60': 'firewall-idle-cut-60',
}

const ADDRESSINGS: Readonly<Record<Exclude<Addressing, 'v4'>, string>> = {
  'v6-only': 'path-v6-only',
  dual: 'path-dual-stack',
  'dual-broken-v6': 'path-broken-v6',
}

const VMS: Readonly<Record<VmKind, string>> = {
  public: 'vm-public',
  'cloud-1to1': 'vm-cloud-1to1',
  'two-nics': 'vm-two-nics',
}

/** Mean length of a burst of losses, in packets of 20 ms: as long as a syllable. */
const BURST_PACKETS = 5
const LOSSES = [0.02, 0.05, 0.1, 0.2]

export const PATHS: Readonly<Record<string, Path>> = {
  ...Object.fromEntries([50, 150, 300].map((rttMs) => [`path-${rttMs}ms`, { rttMs }])),
  ...Object.fromEntries(LOSSES.flatMap((share) => lossPaths(share))),
  'path-64kbit': { rttMs: 50, rateKbit: 64 },
  'path-mtu-1280': { rttMs: 50, mtu: { bytes: 1280, dropIcmp: true, clampMss: true } },
  'path-reordered': { rttMs: 50, reorder: { share: 0.1, byMs: 30 }, duplicate: 0.05 },
}

export const NETWORKS: readonly Network[] = [
  ...entries(NATS).map(([nat, name]) => ({ name, caller: { nat } })),
  { name: 'nat-symmetric-30s', caller: { nat: 'symmetric', mappingTimeoutS: 30 } },
  ...entries(FIREWALLS).map(([firewall, name]) => ({
    name,
    caller: { nat: 'port-restricted', firewall } as const,
  })),
  ...Object.entries(PATHS).map(([name, path]) => ({
    name,
    caller: { nat: 'port-restricted' } as const,
    path,
  })),
  ...entries(ADDRESSINGS).map(([addressing, name]) => ({
    name,
    caller: { nat: 'port-restricted', addressing } as const,
  })),
  ...entries(VMS).map(([vm, name]) => ({ name, caller: { nat: 'symmetric' } as const, vm })),
]

/** One line that says how a network differs from the easy one. */
export function summaryOf({ caller = {}, path = {}, vm = 'public' }: Network): string {
  const { nat = 'none', firewall = 'open', addressing = 'v4', mappingTimeoutS } = caller
  const { rttMs = 0, loss, rateKbit, mtu, reorder, duplicate } = path
  const burst = loss?.burstPackets === undefined ? '' : ` in bursts of ${loss.burstPackets}`
  return [
    `NAT ${nat}${mappingTimeoutS === undefined ? '' : ` for ${mappingTimeoutS} s`}`,
    ...(firewall === 'open' ? [] : [`firewall ${firewall}`]),
    ...(addressing === 'v4' ? [] : [addressing]),
    ...(rttMs === 0 ? [] : [`${rttMs} ms`]),
    ...(loss === undefined
      ? []
      : [`loss ${percent(loss.up)} up, ${percent(loss.down)} down${burst}`]),
    ...(rateKbit === undefined ? [] : [`${rateKbit} kbit/s`]),
    ...(mtu === undefined ? [] : [`MTU ${mtu.bytes}${mtu.dropIcmp ? ', ICMP dropped' : ''}`]),
    ...(reorder === undefined ? [] : [`${percent(reorder.share)} reordered`]),
    ...(duplicate === undefined ? [] : [`${percent(duplicate)} duplicated`]),
    ...(vm === 'public' ? [] : [`VM ${vm}`]),
  ].join('; ')
}

// --- the parts ---

function lossPaths(share: number): [string, Path][] {
  const name = `path-loss-${Math.round(share * 100)}`
  const loss = { up: share, down: share }
  return [
    [name, { rttMs: 50, loss }],
    [`${name}-bursts`, { rttMs: 50, loss: { ...loss, burstPackets: BURST_PACKETS } }],
  ]
}

function percent(share: number): string {
  return `${Math.round(share * 1000) / 10} %`
}

function entries<Key extends string>(record: Readonly<Record<Key, string>>): [Key, string][] {
  return Object.entries(record) as [Key, string][]
}
