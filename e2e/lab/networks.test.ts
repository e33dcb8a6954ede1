import { expect, it } from 'vitest'
import { laneShapes, mtuOf } from './net/path.ts'
import { NETWORKS, summaryOf } from './networks.ts'

it('names each network once, in words joined by hyphens', () => {
  const names = NETWORKS.map(({ name }) => name)
  expect(new Set(names).size).toBe(names.length)
  expect(names.filter((name) => !/^[a-z0-9]+(?:-[a-z0-9]+)*$/.test(name))).toEqual([])
})

it('describes only paths that can be', () => {
  for (const { path = {} } of NETWORKS) {
    expect(() => laneShapes(path)).not.toThrow()
    expect(mtuOf(path)).toBeGreaterThanOrEqual(1280)
  }
})

it('says how a network differs from the easy one', () => {
  const find = (wanted: string): string => {
    const network = NETWORKS.find(({ name }) => name === wanted)
    return network === undefined ? '' : summaryOf(network)
  }
  expect(find('nat-symmetric-30s')).toBe('NAT symmetric for 30 s')
  expect(find('path-loss-20-bursts')).toBe(
    'NAT port-restricted; 50 ms; loss 20 % up, 20 % down in bursts of 5',
  )
  expect(find('path-mtu-1280')).toBe('NAT port-restricted; 50 ms; MTU 1280, ICMP dropped')
  expect(find('vm-two-nics')).toBe('NAT symmetric; VM two-nics')
})
