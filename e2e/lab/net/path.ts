/** A path's description as what each end does: which way to take, its MTU, and each lane's shape. */
import type { Path } from './description.ts'
import type { LaneShape } from './lane.ts'
import type { Way } from './topology.ts'

/** Without anything to shape, packets take a plain cable and cost nothing. */
export function wayOf(path: Path): Way {
  const { rttMs = 0, loss, rateKbit, reorder, duplicate = 0 } = path
  const isClean = rttMs === 0 && loss === undefined && rateKbit === undefined
  return isClean && reorder === undefined && duplicate === 0 ? 'plain' : 'shaped'
}

/** Throws a RangeError on what cannot be. */
export function laneShapes(path: Path): { up: LaneShape; down: LaneShape } {
  const { rttMs = 0, loss, rateKbit, queueMs = 300, reorder, duplicate = 0 } = path
  check('rttMs', rttMs, 0, 60_000)
  check('rateKbit', rateKbit ?? 1, 1, 1_000_000)
  check('loss.burstPackets', loss?.burstPackets ?? 1, 1, 1000)
  for (const share of [loss?.up ?? 0, loss?.down ?? 0, reorder?.share ?? 0, duplicate]) {
    check('a share', share, 0, 1)
  }
  const lane = (lossShare: number): LaneShape => ({
    delayMs: rttMs / 2,
    lossShare,
    burstPackets: loss?.burstPackets ?? 1,
    bitsPerMs: rateKbit ?? 0,
    queueMs,
    reorderShare: reorder?.share ?? 0,
    reorderMs: reorder?.byMs ?? 0,
    duplicateShare: duplicate,
  })
  return { up: lane(loss?.up ?? 0), down: lane(loss?.down ?? 0) }
}

/** MTU of both ends of the path. Throws a RangeError on what IPv6 does not allow. */
export function mtuOf({ mtu }: Path): number {
  check('mtu.bytes', mtu?.bytes ?? 1500, 1280, 1500)
  return mtu?.bytes ?? 1500
}

/** nftables rules of both ends of the path; it replaces what was there. */
export function pathRules({ mtu }: Path): string {
  const silent = [
    'icmp type destination-unreachable icmp code frag-needed drop',
    'icmpv6 type packet-too-big drop',
  ]
  const clamp = 'oifname { plain, shaped } tcp flags syn tcp option maxseg size set rt mtu'
  return `table inet path
delete table inet path
table inet path {
  chain say {
    type filter hook output priority filter
    ${(mtu?.dropIcmp ?? false) ? silent.join('\n    ') : ''}
  }
  chain clamp {
    type filter hook forward priority mangle
    ${(mtu?.clampMss ?? false) ? clamp : ''}
  }
}`
}

// --- the parts ---

function check(name: string, value: number, least: number, most: number): void {
  if (value >= least && value <= most) return
  throw new RangeError(`${name} of a path is ${value}; it must be ${least} to ${most}`)
}
