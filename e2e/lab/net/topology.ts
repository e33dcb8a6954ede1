/** The shape that all networks share, as plans: the far side, which stays, and the caller's side. */
import {
  callerAddresses,
  EDGE,
  MEDIA,
  MEDIA2,
  PROXY,
  RELAY,
  SEEN,
  VM,
  VM_PRIVATE,
} from './addresses.ts'
import type { CallerSite, Network, Uplink, VmKind } from './description.ts'
import { homeFirewall, IDLE_CUT_S, statefulFirewall } from './firewall.ts'
import { cloudNatRules, natRules, timeoutSysctls, vmNatRules } from './nat.ts'
import type { Cable, HostSettings, Interface, Plan } from './plan.ts'

/** The two ways between `access` and `internet`: a plain cable, and one that shapes. */
export type Way = 'plain' | 'shaped'

export const WAYS: Readonly<Record<Way, { access: Interface; internet: Interface }>> = {
  plain: {
    access: end('access', 'plain', '192.0.2.129/30', '2001:db8:20::1/64'),
    internet: end('internet', 'plain', '192.0.2.130/30', '2001:db8:20::2/64'),
  },
  shaped: {
    access: end('access', 'shaped', '192.0.2.133/30', '2001:db8:21::1/64'),
    internet: end('internet', 'shaped', '192.0.2.134/30', '2001:db8:21::2/64'),
  },
}

/** Lines of `ip -batch` that send everything this way, in both directions. */
export function routesBy(way: Way): { access: string[]; internet: string[] } {
  const [up4, up6] = bare(WAYS[way].internet)
  const [down4, down6] = bare(WAYS[way].access)
  return {
    access: [`route replace default via ${up4}`, `route replace default via ${up6}`],
    internet: [
      ...['192.0.2.0/26', '198.51.100.0/24'].map((net) => `route replace ${net} via ${down4}`),
      ...[1, 2, 3, 10, 11].map((net) => `route replace 2001:db8:${net}::/64 via ${down6}`),
    ],
  }
}

/** Relay, media, edge, and the routers of the internet: they outlive the caller's networks. */
export function farSide(vm: VmKind): Plan {
  const routes = routesBy('plain')
  return {
    hosts: {
      access: { isRouter: true, ip: routes.access },
      internet: { isRouter: true, ip: [...routes.internet, ...edgeRoutes(), ...cloudRoutes(vm)] },
      'edge-router': { isRouter: true, ip: defaultVia('192.0.2.193', '2001:db8:40::1') },
      edge: { ip: defaultVia('203.0.113.129', '2001:db8:41::1') },
      ...cloudHost(vm),
      vm: { isRouter: true, ip: [...vmRoutes(vm), ...bridgeLines()], nft: vmNatRules() },
      media: { ip: [`route add default via ${RELAY}`] },
      media2: { ip: [`route add default via ${RELAY}`] },
    },
    cables: [
      [WAYS.plain.access, WAYS.plain.internet],
      [
        end('internet', 'edges', '192.0.2.193/30', '2001:db8:40::1/64'),
        end('edge-router', 'wan', '192.0.2.194/30', '2001:db8:40::2/64'),
      ],
      [
        end('edge-router', 'lan', '203.0.113.129/25', '2001:db8:41::1/64'),
        end('edge', 'eth0', `${EDGE.v4}/25`, `${EDGE.v6}/64`),
      ],
      ...vmCables(vm),
      [end('vm', 'media1'), end('media', 'eth0', `${MEDIA}/24`)],
      [end('vm', 'media2'), end('media2', 'eth0', `${MEDIA2}/24`)],
    ],
  }
}

/** The caller, its routers, and a proxy at its site. */
export function callerSide(network: Network): Plan {
  const site = network.caller ?? {}
  const isPublic = (site.nat ?? 'none') === 'none'
  const isCarried = site.nat === 'carrier-grade'
  const lan = isPublic ? '192.0.2.1/26' : '192.168.1.1/24'
  return {
    hosts: {
      caller: { ip: joinLines(network, 'home') },
      proxy: { ip: defaultVia('192.168.2.1', '2001:db8:3::1') },
      home: homeRouter(site),
      ...(isCarried && { carrier: carrierRouter(site) }),
      mobile: mobileRouter(),
    },
    firstIndex: 50,
    cables: [
      [{ ...end('caller', 'eth0'), state: 'down' }, end('home', 'lan', lan, '2001:db8:1::1/64')],
      [
        { ...end('caller', 'wwan0'), state: 'down' },
        end('mobile', 'lan', '10.64.0.1/24', '2001:db8:2::1/64'),
      ],
      [
        end('proxy', 'eth0', `${PROXY.v4}/24`, `${PROXY.v6}/64`),
        end('home', 'site', '192.168.2.1/24', '2001:db8:3::1/64'),
      ],
      ...homeUplink(isCarried),
      [
        end('mobile', 'wan', `${SEEN.mobile}/25`, '2001:db8:11::10/64'),
        end('access', 'mobile', '198.51.100.129/25', '2001:db8:11::1/64'),
      ],
    ],
    elsewhere: {
      access: [
        ...(isPublic ? [`route replace 192.0.2.0/26 via ${SEEN.home}`] : []),
        ...[1, 3].map((net) => `route replace 2001:db8:${net}::/64 via 2001:db8:10::10`),
        'route replace 2001:db8:2::/64 via 2001:db8:11::10',
      ],
    },
  }
}

/** Lines of `ip -batch` in `caller` that put it on an uplink. */
export function joinLines(network: Network, uplink: Uplink): string[] {
  const { v4, v6 } = callerAddresses(network, uplink)
  const isPublic = v4 === '192.0.2.10'
  const name = uplink === 'home' ? 'eth0' : 'wwan0'
  const gateway4 = uplink === 'mobile' ? '10.64.0.1' : isPublic ? '192.0.2.1' : '192.168.1.1'
  const gateway6 = uplink === 'mobile' ? '2001:db8:2::1' : '2001:db8:1::1'
  return [
    `link set ${name} up`,
    ...(v4 === undefined
      ? []
      : [`addr add ${v4}/${isPublic ? 26 : 24} dev ${name}`, `route add default via ${gateway4}`]),
    ...(v6 === undefined
      ? []
      : [`addr add ${v6}/64 dev ${name} nodad`, `route add default via ${gateway6}`]),
  ]
}

/** Lines of `ip -batch` in `caller` that take it off an uplink: no address, no route, no carrier. */
export function leaveLines(uplink: Uplink): string[] {
  const name = uplink === 'home' ? 'eth0' : 'wwan0'
  return [`addr flush dev ${name}`, `link set ${name} down`]
}

// --- the parts ---

function end(host: string, name: string, ...addresses: string[]): Interface {
  return { host, name, addresses }
}

/** Its addresses without their prefixes. */
function bare({ addresses }: Interface): string[] {
  return addresses.map((address) => address.split('/')[0] ?? '')
}

function defaultVia(...gateways: string[]): string[] {
  return gateways.map((gateway) => `route add default via ${gateway}`)
}

function edgeRoutes(): string[] {
  return [
    'route add 203.0.113.128/25 via 192.0.2.194',
    'route add 2001:db8:41::/64 via 2001:db8:40::2',
  ]
}

function cloudRoutes(vm: VmKind): string[] {
  return vm === 'cloud-1to1' ? [`route add ${VM.v6}/128 via 2001:db8:30::2`] : []
}

function cloudHost(vm: VmKind): Record<string, HostSettings> {
  if (vm === 'public') return {}
  if (vm === 'two-nics') return { cloud: {} }
  const routes = [...defaultVia('203.0.113.1', '2001:db8:30::1'), `route add ${VM.v6}/128 dev lan`]
  return { cloud: { isRouter: true, ip: routes, nft: cloudNatRules() } }
}

function vmCables(vm: VmKind): Cable[] {
  const street = end('internet', 'vms', '203.0.113.1/25', '2001:db8:30::1/64')
  const inside = end('cloud', 'lan', '10.0.0.1/24', '2001:db8:31::1/64')
  const open = (name: string): Interface => end('vm', name, `${VM.v4}/25`, `${VM.v6}/64`)
  switch (vm) {
    case 'public':
      return [[street, open('eth0')]]
    case 'two-nics':
      return [
        [inside, end('vm', 'eth0', `${VM_PRIVATE}/24`)],
        [street, open('eth1')],
      ]
    default:
      return [
        [street, end('cloud', 'wan', '203.0.113.2/25', `${VM.v4}/32`, '2001:db8:30::2/64')],
        [inside, end('vm', 'eth0', `${VM_PRIVATE}/24`, `${VM.v6}/128`)],
      ]
  }
}

function vmRoutes(vm: VmKind): string[] {
  if (vm !== 'cloud-1to1') return defaultVia('203.0.113.1', '2001:db8:30::1')
  return ['route add 2001:db8:31::1 dev eth0', ...defaultVia('10.0.0.1', '2001:db8:31::1')]
}

function bridgeLines(): string[] {
  return [
    'link add relay type bridge',
    `addr add ${RELAY}/24 dev relay`,
    'link set relay up',
    'link set media1 master relay',
    'link set media2 master relay',
  ]
}

function homeUplink(isCarried: boolean): Cable[] {
  const access = end('access', 'home', '198.51.100.1/25', '2001:db8:10::1/64')
  if (!isCarried) return [[end('home', 'wan', `${SEEN.home}/25`, '2001:db8:10::10/64'), access]]
  return [
    [
      end('home', 'wan', '100.64.1.10/24', '2001:db8:12::10/64'),
      end('carrier', 'lan', '100.64.1.1/24', '2001:db8:12::1/64'),
    ],
    [end('carrier', 'wan', `${SEEN.home}/25`, '2001:db8:10::10/64'), access],
  ]
}

function homeRouter(site: CallerSite): HostSettings {
  const { nat = 'none', firewall, mappingTimeoutS } = site
  const isCarried = nat === 'carrier-grade'
  const isIdleCut = firewall === 'idle-cut-60'
  const timeoutS = isIdleCut ? Math.min(mappingTimeoutS ?? IDLE_CUT_S, IDLE_CUT_S) : mappingTimeoutS
  const rules = natRules({
    kind: isCarried ? 'port-restricted' : nat,
    external: isCarried ? '100.64.1.10' : SEEN.home,
    inside: '192.168.1.10',
    timeoutS,
  })
  return {
    isRouter: true,
    ip: isCarried
      ? defaultVia('100.64.1.1', '2001:db8:12::1')
      : defaultVia('198.51.100.1', '2001:db8:10::1'),
    nft: `${rules}\n${homeFirewall(site)}`,
    sysctls: timeoutSysctls(timeoutS, isIdleCut ? IDLE_CUT_S : undefined),
  }
}

function carrierRouter({ mappingTimeoutS }: CallerSite): HostSettings {
  const rules = natRules({
    kind: 'symmetric',
    external: SEEN.home,
    inside: '100.64.1.10',
    timeoutS: mappingTimeoutS,
  })
  const routes = [1, 3].map((net) => `route add 2001:db8:${net}::/64 via 2001:db8:12::10`)
  return {
    isRouter: true,
    ip: [...defaultVia('198.51.100.1', '2001:db8:10::1'), ...routes],
    nft: `${rules}\n${statefulFirewall()}`,
    sysctls: timeoutSysctls(mappingTimeoutS),
  }
}

function mobileRouter(): HostSettings {
  const rules = natRules({ kind: 'port-restricted', external: SEEN.mobile, inside: '10.64.0.10' })
  return {
    isRouter: true,
    ip: defaultVia('198.51.100.129', '2001:db8:11::1'),
    nft: `${rules}\n${statefulFirewall()}`,
    sysctls: timeoutSysctls(),
  }
}
