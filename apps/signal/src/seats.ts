/** Which node takes the next call. Pure. */

/** How a browser gets to a node. */
export interface NodeReach {
  /** The TURN URLs of the relay beside the node, best first; empty when there is none. */
  readonly turnUrls: readonly string[]
  /** The node also offers an address that a browser reaches without the relay. */
  readonly direct: boolean
}

export interface NodeFacts extends NodeReach {
  readonly node: string
  /** How many calls it takes at once. */
  readonly seats: number
  readonly draining: boolean
  /** Share of its core in use, 0-1. */
  readonly load: number
}

export type Pick<Facts> =
  | { readonly type: 'node'; readonly node: Facts }
  /** Nodes are there, and none has a seat for this call. */
  | { readonly type: 'full' }
  | { readonly type: 'no-node' }

/**
 * The node for a call: one that is not draining and has a free seat; `home`, which has the
 * conversation, before all others, then the least full, the least loaded, and by lot. `used` counts
 * the seats taken by node; nodes in `tried` have not taken this call. `random` gives 0-1.
 */
export function pickForCall<Facts extends NodeFacts>(
  nodes: readonly Facts[],
  used: ReadonlyMap<string, number>,
  tried: ReadonlySet<string>,
  home?: string,
  random: () => number = Math.random,
): Pick<Facts> {
  if (nodes.length === 0) return { type: 'no-node' }
  const open = nodes.filter(
    ({ node, seats, draining }) => !draining && !tried.has(node) && (used.get(node) ?? 0) < seats,
  )
  const node = open.find((facts) => facts.node === home) ?? leastLoaded(open, used, random)
  return node === undefined ? { type: 'full' } : { type: 'node', node }
}

/** The least full of `nodes`, then the least loaded, then by lot; `undefined` when there is none. */
export function leastLoaded<Facts extends NodeFacts>(
  nodes: readonly Facts[],
  used: ReadonlyMap<string, number>,
  random: () => number = Math.random,
): Facts | undefined {
  const fullness = ({ node, seats }: Facts): number => (used.get(node) ?? 0) / seats
  let best: Facts[] = []
  for (const node of nodes) {
    const [rival] = best
    const order =
      rival === undefined ? -1 : fullness(node) - fullness(rival) || node.load - rival.load
    if (order < 0) best = [node]
    else if (order === 0) best.push(node)
  }
  return best[Math.floor(random() * best.length)]
}
