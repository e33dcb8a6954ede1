/** Picks few of many combinations, so that every wanted pair of values is among them. Pure. */

/**
 * The first of `all`, then always the one that shows the most pairs not yet seen, until every pair that
 * `all` holds was seen. Of equals it is the one whose values were taken the least, so that no value is
 * preferred, and then the earliest: the same input gives the same choice.
 */
export function coverPairs<T extends object>(
  all: readonly T[],
  pairs: readonly (readonly [keyof T, keyof T])[],
): T[] {
  const dimensions = [...new Set(pairs.flat())]
  const valuesOf = (one: T): string[] => dimensions.map((key) => named(one, key))
  const keysOf = (one: T): string[] => pairs.map(([a, b]) => `${named(one, a)} ${named(one, b)}`)
  const rest = all.map((one) => ({ one, keys: keysOf(one), values: valuesOf(one) }))
  const unseen = new Set(rest.flatMap(({ keys }) => keys))
  const taken = new Map<string, number>()
  const chosen: T[] = []
  while (unseen.size > 0) {
    let best: { one: T; keys: string[]; values: string[]; fresh: number; worn: number } | undefined
    for (const candidate of rest) {
      const fresh = candidate.keys.filter((key) => unseen.has(key)).length
      const worn = candidate.values.reduce((sum, value) => sum + (taken.get(value) ?? 0), 0)
      const isBetter = best === undefined || fresh > best.fresh
      if (isBetter || (fresh === best?.fresh && worn < best.worn)) {
        best = { ...candidate, fresh, worn }
      }
    }
    // Each unseen pair came from a candidate, so there is always a best one.
    if (!best) break
    chosen.push(best.one)
    for (const key of best.keys) unseen.delete(key)
    for (const value of best.values) taken.set(value, (taken.get(value) ?? 0) + 1)
  }
  return chosen
}

function named<T extends object>(one: T, key: keyof T): string {
  return `${String(key)}=${String(one[key])}`
}
