import { BlockList } from 'node:net'
import { describe, expect, it } from 'vitest'
import type { Addressing, NatKind, VmKind } from './description.ts'
import { cableLines, configureScript, hostsOf, prepareScript, type Plan } from './plan.ts'
import { callerSide, farSide, joinLines } from './topology.ts'

const NATS: readonly NatKind[] = ['none', 'endpoint-independent', 'symmetric', 'carrier-grade']
const ADDRESSINGS: readonly Addressing[] = ['v4', 'v6-only', 'dual', 'dual-broken-v6']
const VMS: readonly VmKind[] = ['public', 'cloud-1to1', 'two-nics']

const plans: readonly Plan[] = [
  ...VMS.map((vm) => farSide(vm)),
  ...NATS.flatMap((nat) =>
    ADDRESSINGS.map((addressing) => callerSide({ name: 'any', caller: { nat, addressing } })),
  ),
]

describe('a plan', () => {
  it('has documentation and private addresses alone', () => {
    const allowed = new BlockList()
    for (const [net, bits] of [
      ['192.0.2.0', 24],
      ['198.51.100.0', 24],
      ['203.0.113.0', 24],
      ['10.0.0.0', 8],
      ['100.64.0.0', 10],
      ['172.16.0.0', 12],
      ['192.168.0.0', 16],
    ] as const) {
      allowed.addSubnet(net, bits)
    }
    allowed.addSubnet('2001:db8::', 32, 'ipv6')
    const text = plans.flatMap((plan) => hostsOf(plan).map((host) => configureScript(host, plan)))
    const v4 = text.join('\n').match(/\b\d+\.\d+\.\d+\.\d+\b/g) ?? []
    const v6 = text.join('\n').match(/\b2[0-9a-f]+:[0-9a-f:]+/g) ?? []
    expect(v4.length).toBeGreaterThan(100)
    expect(v6.length).toBeGreaterThan(100)
    expect(v4.filter((address) => !allowed.check(address))).toEqual([])
    expect(v6.filter((address) => !allowed.check(address, 'ipv6'))).toEqual([])
  })

  it('gives no host an interface twice, and none a name that Linux would refuse', () => {
    for (const plan of plans) {
      const ends = plan.cables.flat()
      const names = ends.map(({ host, name }) => `${host} ${name}`)
      expect(new Set(names).size).toBe(names.length)
      expect(ends.filter(({ name }) => name.length > 15)).toEqual([])
    }
  })

  it('makes both ends of a cable inside, with indexes of their own', () => {
    const lines = cableLines(farSide('public'), (host) => `ns-${host}`)
    expect(lines[0]).toBe(
      'link add name plain index 10 netns ns-access type veth peer name plain index 11 netns ns-internet',
    )
    const indexes = lines.flatMap((line) => line.match(/index \d+/g) ?? [])
    expect(new Set(indexes).size).toBe(lines.length * 2)
  })

  it('turns forwarding on in routers alone', () => {
    const { hosts } = farSide('public')
    expect(prepareScript(hosts['internet'] ?? {})).toContain('ip_forward')
    expect(prepareScript(hosts['edge'] ?? {})).not.toContain('ip_forward')
  })

  it('has a carrier and a cloud only where they are asked for', () => {
    expect(Object.keys(farSide('public').hosts)).not.toContain('cloud')
    expect(Object.keys(farSide('cloud-1to1').hosts)).toContain('cloud')
    expect(Object.keys(callerSide({ name: 'a' }).hosts)).not.toContain('carrier')
    const carried = callerSide({ name: 'a', caller: { nat: 'carrier-grade' } })
    expect(Object.keys(carried.hosts)).toContain('carrier')
  })

  it('gives the caller addresses of the families that it is to have', () => {
    const lines = (addressing: Addressing): string =>
      joinLines({ name: 'a', caller: { addressing } }, 'home').join('\n')
    expect(lines('v4')).not.toContain('2001:db8')
    expect(lines('v6-only')).not.toContain('192.')
    expect(lines('dual')).toMatch(/192\.0\.2\.10[\s\S]*2001:db8:1::10/)
  })
})
