import { describe, expect, it } from 'vitest'
import { allCells, chosenCells, DIMENSIONS, nameOf, whyNone, type Cell } from './cells.ts'
import { coverPairs } from './pairwise.ts'

describe('a choice of combinations', () => {
  const all = [1, 2, 3].flatMap((a) =>
    [1, 2, 3].flatMap((b) => [1, 2, 3].map((c) => ({ a, b, c }))),
  )

  it('shows every pair of values that is asked for', () => {
    const chosen = coverPairs(all, [
      ['a', 'b'],
      ['b', 'c'],
    ])
    for (const x of [1, 2, 3]) {
      for (const y of [1, 2, 3]) {
        expect(chosen.some(({ a, b }) => a === x && b === y)).toBe(true)
        expect(chosen.some(({ b, c }) => b === x && c === y)).toBe(true)
      }
    }
    expect(chosen).toHaveLength(9)
  })

  it('is empty where nothing is asked for', () => {
    expect(coverPairs(all, [])).toEqual([])
  })
})

describe('the matrix', () => {
  const chosen = chosenCells()

  it('has each value of each dimension in the run', () => {
    for (const dimension of ['nat', 'firewall', 'path', 'vm', 'mode', 'browser'] as const) {
      const seen = new Set<string>(chosen.map((cell) => cell[dimension]))
      expect([...seen].toSorted()).toEqual([...DIMENSIONS[dimension]].toSorted())
    }
  })

  it('has every firewall behind every NAT, and every path in both browsers', () => {
    const has = (part: Partial<Cell>): boolean =>
      chosen.some((cell) =>
        Object.entries(part).every(([d, value]) => Reflect.get(cell, d) === value),
      )
    for (const nat of DIMENSIONS.nat) {
      for (const firewall of DIMENSIONS.firewall) expect(has({ nat, firewall })).toBe(true)
    }
    for (const path of DIMENSIONS.path) {
      for (const browser of DIMENSIONS.browser) expect(has({ path, browser })).toBe(true)
    }
  })

  it('is small enough to be run each time, and each cell has a name of its own', () => {
    expect(chosen.length).toBeLessThan(50)
    expect(new Set(chosen.map(nameOf)).size).toBe(chosen.length)
    expect(chosen.filter((cell) => whyNone(cell) !== undefined)).toEqual([])
    expect(allCells().length).toBeGreaterThan(1000)
  })
})
