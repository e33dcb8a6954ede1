/**
 * The shaped way of the path: two TAP interfaces and the process between them that holds, loses,
 * repeats and reorders frames. User space, because not every kernel has `netem`.
 */
import { Child } from './child.ts'
import type { LaneShape } from './lane.ts'
import { addressLines } from './plan.ts'
import { must, run } from './processes.ts'
import { WAYS } from './topology.ts'

const START_TIMEOUT_MS = 10_000

export interface Shapes {
  readonly up: LaneShape
  readonly down: LaneShape
}

export class Shaper {
  readonly #child: Child

  /** `namespace`: an empty one for the process itself; `namespaceOf`: of the two ends. */
  static async start(
    namespace: string,
    namespaceOf: (end: 'access' | 'internet') => string,
  ): Promise<Shaper> {
    const child = await Child.start(namespace, 'shaper-process.ts')
    await waitForInterfaces(namespace)
    await placeInterfaces(namespace, namespaceOf)
    return new Shaper(child)
  }

  private constructor(child: Child) {
    this.#child = child
  }

  /** Frames that are held already keep their times. Resolves once new ones are shaped like this. */
  shape(shapes: Shapes): Promise<void> {
    return this.#child.order(shapes, 'shaped')
  }

  stop(): void {
    this.#child.stop()
  }
}

// --- the parts ---

async function waitForInterfaces(namespace: string): Promise<void> {
  const deadline = performance.now() + START_TIMEOUT_MS
  while (performance.now() < deadline) {
    const { stdout } = await run(['ip', '-n', namespace, '-o', 'link'])
    if (stdout.includes(' access:') && stdout.includes(' internet:')) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  throw new Error('socat made no TAP interfaces: is /dev/net/tun there, and usable?')
}

/**
 * Fixed link addresses, known to both ends: a lost frame is never one of address resolution, which
 * would stall the path for a second.
 */
async function placeInterfaces(
  namespace: string,
  namespaceOf: (end: 'access' | 'internet') => string,
): Promise<void> {
  const moves = (['access', 'internet'] as const).map(
    (end) => `link set ${end} netns ${namespaceOf(end)} name shaped`,
  )
  await must(['ip', '-n', namespace, '-batch', '-'], { input: `${moves.join('\n')}\n` })
  const macs = { access: '02:00:00:00:00:01', internet: '02:00:00:00:00:02' }
  const settle = async (end: 'access' | 'internet'): Promise<void> => {
    const other = end === 'access' ? 'internet' : 'access'
    const lines = [
      `link set shaped address ${macs[end]}`,
      ...addressLines(WAYS.shaped[end]),
      ...WAYS.shaped[other].addresses.map(
        (address) =>
          `neigh replace ${address.split('/')[0]} lladdr ${macs[other]} dev shaped nud permanent`,
      ),
    ]
    const input = `${lines.join('\n')}\n`
    await must(['ip', '-n', namespaceOf(end), '-batch', '-'], { input })
  }
  await Promise.all([settle('access'), settle('internet')])
}
