import { describe, expect, it } from 'vitest'
import {
  allCells,
  chosenCells,
  DIMENSIONS,
  expectedPaths,
  nameOf,
  nodeAddresses,
  type Cell,
} from './cells.ts'
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

const PLAIN: Cell = {
  nat: 'none',
  firewall: 'open',
  path: 'path-plain',
  vm: 'public',
  mode: 'relay',
  browser: 'chromium',
}

describe('the matrix', () => {
  const chosen = chosenCells()

  it('has each value of each dimension in the run', () => {
    for (const dimension of ['nat', 'firewall', 'path', 'vm', 'mode', 'browser'] as const) {
      const seen = new Set<string>(chosen.map((cell) => cell[dimension]))
      expect([...seen].toSorted()).toEqual([...DIMENSIONS[dimension]].toSorted())
    }
  })

  it('has every NAT with every transport, and every firewall in both browsers', () => {
    const firewalls = {
      udp: ['open', 'idle-cut-60'],
      tcp: ['udp-blocked'],
      tls: ['web-only', 'proxy-only'],
    }
    for (const nat of DIMENSIONS.nat) {
      for (const some of Object.values(firewalls)) {
        expect(chosen.some((cell) => cell.nat === nat && some.includes(cell.firewall))).toBe(true)
      }
    }
    for (const firewall of DIMENSIONS.firewall) {
      for (const browser of DIMENSIONS.browser) {
        expect(chosen.some((cell) => cell.firewall === firewall && cell.browser === browser)).toBe(
          true,
        )
      }
    }
  })

  it('says which way each call goes', () => {
    expect(expectedPaths(PLAIN)).toEqual(['relay/udp'])
    expect(expectedPaths({ ...PLAIN, mode: 'direct' })).toEqual(['direct/udp'])
    expect(expectedPaths({ ...PLAIN, mode: 'direct', firewall: 'udp-blocked' })).toEqual([
      'relay/tcp',
    ])
    expect(expectedPaths({ ...PLAIN, firewall: 'proxy-only' })).toEqual(['relay/tls'])
    expect(expectedPaths({ ...PLAIN, path: 'path-loss-20' })).toEqual([
      'relay/udp',
      'relay/tcp',
      'relay/tls',
    ])
  })

  it('says where the node is reached', () => {
    const cell: Cell = { ...PLAIN, vm: 'cloud-1to1', mode: 'direct' }
    expect(nodeAddresses(cell, 'direct/udp')).toContain('203.0.113.10')
    expect(nodeAddresses(cell, 'relay/tcp')).toEqual(['10.0.0.10'])
    expect(nodeAddresses({ ...cell, vm: 'public' }, 'relay/tcp')).toEqual(['203.0.113.10'])
    expect(nodeAddresses({ ...cell, mode: 'relay' }, 'relay/tcp')).toEqual(['172.30.0.10'])
  })

  it('is small enough to be run each time, and each cell has a name of its own', () => {
    expect(chosen.length).toBeLessThan(40)
    expect(new Set(chosen.map(nameOf)).size).toBe(chosen.length)
    expect(allCells().length).toBeGreaterThan(1000)
  })
})
