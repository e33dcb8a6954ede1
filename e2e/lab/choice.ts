/** Which cells of the matrix a run takes. */
import { allCells, chosenCells, groupOf, type Cell } from './cells.ts'

/** Any number does; another one gives other shards. */
const SEED = 1

/**
 * By `EARSHOT_LAB`: the chosen cells, or `all` of them. Of all, `EARSHOT_LAB_SHARD=3/50` takes the third
 * of fifty parts; `EARSHOT_LAB_SEED` (a whole number) shuffles them otherwise than as usual. A shard is
 * a sample of the whole: neighbours in the product are alike. Throws on what is no shard or seed.
 */
export function cellsOf(env: Readonly<Record<string, string | undefined>>): Cell[] {
  const { EARSHOT_LAB: choice = '', EARSHOT_LAB_SHARD: shard, EARSHOT_LAB_SEED: seed } = env
  if (choice !== '' && choice !== 'all') {
    throw new Error(`EARSHOT_LAB is '${choice}'; it may be 'all' or left out`)
  }
  if (choice !== 'all') {
    if (shard === undefined && seed === undefined) return chosenCells()
    throw new Error('EARSHOT_LAB_SHARD and EARSHOT_LAB_SEED are for EARSHOT_LAB=all')
  }
  const cells = shuffled(allCells(), wholeNumber(seed ?? `${SEED}`))
  // Neighbours share what is slow to change.
  return partOf(cells, shard ?? '1/1').toSorted((a, b) => groupOf(a).localeCompare(groupOf(b)))
}

// --- the parts ---

function partOf<T>(all: readonly T[], shard: string): T[] {
  const [, part = 0, parts = 0] = (/^(\d+)\/(\d+)$/.exec(shard) ?? []).map(Number)
  if (part < 1 || part > parts) {
    throw new Error(`EARSHOT_LAB_SHARD is '${shard}'; it must be like 3/50, from 1/50 to 50/50`)
  }
  return all.filter((_, i) => i % parts === part - 1)
}

function wholeNumber(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw new Error(`EARSHOT_LAB_SEED is '${text}'; it must be a whole number`)
}

/** Fisher and Yates's, by a small generator of its own, so that a seed means the same everywhere. */
function shuffled<T>(all: readonly T[], seed: number): T[] {
  const left = [...all]
  const out: T[] = []
  let state = seed
  while (left.length > 0) {
    // mulberry32
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    const random = ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
    out.push(...left.splice(Math.floor(random * left.length), 1))
  }
  return out
}
