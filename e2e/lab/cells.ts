/**
 * The matrix: every value of every dimension, what each combination must come to, and which of them
 * a test run takes.
 */
import type { BrowserName } from '../browser/browsers.ts'
import { PATHS } from './networks.ts'
import { MEDIA, VM, VM_PRIVATE } from './net/addresses.ts'
import type { Addressing, FirewallKind, NatKind, Network, VmKind } from './net/description.ts'
import type { NodeChoice, Transport } from './lab-stack.ts'
import { coverPairs } from './pairwise.ts'

/** One caller's network, one kind of VM, one browser. */
export interface Cell {
  readonly nat: NatKind | 'symmetric-30s'
  /** Those that a call can get through; `hopeless.spec.ts` has the other. */
  readonly firewall: Exclude<FirewallKind, 'page-only'>
  /** A name of `PATHS`, `path-plain`, or an addressing. */
  readonly path: string
  readonly vm: VmKind
  readonly mode: 'relay' | 'direct'
  readonly browser: BrowserName
}

export const DIMENSIONS = {
  nat: [
    'none',
    'endpoint-independent',
    'address-restricted',
    'port-restricted',
    'symmetric',
    'carrier-grade',
    'symmetric-30s',
  ],
  firewall: ['open', 'udp-blocked', 'web-only', 'proxy-only', 'idle-cut-60'],
  path: ['path-plain', ...Object.keys(PATHS), 'v6-only', 'dual', 'dual-broken-v6'],
  vm: ['public', 'cloud-1to1', 'two-nics'],
  mode: ['relay', 'direct'],
  browser: ['chromium', 'firefox'],
} as const satisfies { [D in keyof Cell]: readonly Cell[D][] }

/** A cell and what follows of it: the transport that its firewall leaves, and the best way of the call. */
export type Aspects = Cell & { readonly transport: Transport; readonly way: CallPath }

/**
 * The pairs of dimensions that constrain each other, so that a run must see each pair of their
 * values: a NAT treats each transport in its own way; the firewall decides the transport, and so what
 * the browser, the VM and direct mode have to do with: their ways of a call. A NAT and a path, say, know nothing of each
 * other: every value of both is there, not every pair.
 */
export const PAIRS: readonly (readonly [keyof Aspects, keyof Aspects])[] = [
  ['nat', 'transport'],
  ['firewall', 'browser'],
  ['firewall', 'vm'],
  ['firewall', 'mode'],
  ['vm', 'way'],
  ['way', 'browser'],
  ['path', 'path'],
]

/** The full product of the dimensions: a call can be had in each. */
export function allCells(): Cell[] {
  const cells: Cell[] = []
  for (const nat of DIMENSIONS.nat)
    for (const firewall of DIMENSIONS.firewall)
      for (const path of DIMENSIONS.path)
        for (const vm of DIMENSIONS.vm)
          for (const mode of DIMENSIONS.mode)
            for (const browser of DIMENSIONS.browser) {
              cells.push({ nat, firewall, path, vm, mode, browser })
            }
  return cells
}

/** What a test run takes: the fewest cells (found greedily) in which every pair of `PAIRS` occurs. */
export function chosenCells(): Cell[] {
  const aspects = allCells().map((cell) =>
    Object.assign(cell, { transport: transportOf(cell), way: bestPath(cell) }),
  )
  const chosen = coverPairs<Aspects>(aspects, PAIRS)
  // Neighbours share what is slow to change.
  return chosen.toSorted((a, b) => groupOf(a).localeCompare(groupOf(b)))
}

/** The best transport that the firewall lets through. */
function transportOf({ firewall }: Cell): Transport {
  if (firewall === 'udp-blocked') return 'tcp'
  return firewall === 'web-only' || firewall === 'proxy-only' ? 'tls' : 'udp'
}

/** Cells of one group share their VM and its programs. */
export function groupOf({ vm, mode }: Cell): string {
  return `${vm} ${mode}`
}

/**
 * How the call must run: the path that the page names, or paths. Where packets are lost, what answers
 * first is taken, and that may be TCP though UDP is let through.
 */
export function expectedPaths(cell: Cell): CallPath[] {
  const best = bestPath(cell)
  return isLossy(cell) ? CALL_PATHS.slice(CALL_PATHS.indexOf(best)) : [best]
}

/** Best first. */
const CALL_PATHS = ['direct/udp', 'relay/udp', 'relay/tcp', 'relay/tls'] as const

export type CallPath = (typeof CALL_PATHS)[number]

function bestPath(cell: Cell): CallPath {
  const transport = transportOf(cell)
  return cell.mode === 'direct' && transport === 'udp' ? 'direct/udp' : `relay/${transport}`
}

/**
 * The addresses at which the caller, or its relay, may reach the node. A 1:1 NAT's public one is of no use
 * to a relay on the same machine.
 */
export function nodeAddresses({ mode, vm }: Cell, path: CallPath): string[] {
  if (mode === 'relay') return [MEDIA]
  if (path === 'direct/udp') return [VM.v4, VM.v6]
  return [vm === 'cloud-1to1' ? VM_PRIVATE : VM.v4]
}

/** The node that a cell's caller is to reach. */
export function nodeFor({ mode, path }: Cell): NodeChoice {
  const by = path === 'v6-only' ? 'v6' : path.startsWith('dual') ? 'both' : 'v4'
  return { host: mode === 'direct' ? 'vm' : 'media', by }
}

/** Packets are lost on it: what is heard has holes. */
export function isLossy({ path }: Cell): boolean {
  return PATHS[path]?.loss !== undefined || PATHS[path]?.rateKbit !== undefined
}

export function networkOf(cell: Cell): Network {
  const { nat, firewall, path, vm } = cell
  const addressing = ADDRESSINGS.find((one) => one === path) ?? 'v4'
  return {
    name: nameOf(cell).replaceAll(/[^a-z0-9]+/g, '-'),
    caller: {
      firewall,
      addressing,
      ...(nat === 'symmetric-30s' ? { nat: 'symmetric', mappingTimeoutS: 30 } : { nat }),
    },
    vm,
    ...(PATHS[path] && { path: PATHS[path] }),
  }
}

/** One line, unique among cells. */
export function nameOf({ nat, firewall, path, vm, mode, browser }: Cell): string {
  return `${browser} · NAT ${nat} · ${firewall} · ${path.replace('path-', '')} · ${vm} · ${mode}`
}

const ADDRESSINGS: readonly Addressing[] = ['v6-only', 'dual', 'dual-broken-v6']
