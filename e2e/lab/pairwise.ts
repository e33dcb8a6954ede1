/** Picks few of many combinations, so that every wanted pair of values is among them. Pure. */

/**
 * The first of `all`, then always the one that shows the most pairs not yet seen (the earliest of
 * equals, so the same input gives the same choice), until every pair that `all` holds was seen.
 */
export function coverPairs<T extends object>(
  all: readonly T[],
  pairs: readonly (readonly [keyof T, keyof T])[],
): T[] {
  const keysOf = (one: T): string[] =>
    pairs.map(([a, b]) => `${String(a)}=${String(one[a])} ${String(b)}=${String(one[b])}`)
  const rest = all.map((one) => ({ one, keys: keysOf(one) }))
  const unseen = new Set(rest.flatMap(({ keys }) => keys))
  const chosen: T[] = []
  while (unseen.size > 0) {
    let best: { one: T; keys: string[]; fresh: number } | undefined
    for (const candidate of rest) {
      const fresh = candidate.keys.filter((key) => unseen.has(key)).length
      if (fresh > (best?.fresh ?? 0)) best = { ...candidate, fresh }
    }
    // Each unseen pair came from a candidate, so there is always a best one.
    if (!best) break
    chosen.push(best.one)
    for (const key of best.keys) unseen.delete(key)
  }
  return chosen
}
