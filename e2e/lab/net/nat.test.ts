import { expect, it } from 'vitest'
import { SEEN, VM } from './addresses.ts'
import { describeLab } from './describe-lab.ts'
import type { NatKind } from './description.ts'
import { measureNat, type Dependence } from './nat-measure.ts'
import { Sockets } from './sockets.ts'

const ENDPOINT = 'endpoint-independent'
const ADDRESS = 'address-dependent'
const PORT = 'address-and-port-dependent'

const BEHAVIOURS: Readonly<Record<NatKind, readonly [mapping: Dependence, filtering: Dependence]>> =
  {
    none: [ENDPOINT, ENDPOINT],
    'endpoint-independent': [ENDPOINT, ENDPOINT],
    'address-restricted': [ENDPOINT, ADDRESS],
    'port-restricted': [ENDPOINT, PORT],
    symmetric: [PORT, PORT],
    'carrier-grade': [PORT, PORT],
  }

describeLab('a NAT, measured with plain UDP sockets', { name: 'nat' }, (lab) => {
  const kinds = Object.entries(BEHAVIOURS) as [NatKind, (typeof BEHAVIOURS)[NatKind]][]
  it.each(kinds)('is true to its name: %s', async (nat, [mapping, filtering]) => {
    await lab().change({ name: nat, caller: { nat } })
    const { seen, ...behaviour } = await measureNat(lab(), VM.v4)
    expect(behaviour).toEqual({ mapping, filtering })
    expect(seen.address).toBe(nat === 'none' ? '192.0.2.10' : SEEN.home)
  })

  it('forgets a mapping after its timeout, and not before', async () => {
    await lab().change({ name: 'short', caller: { nat: 'symmetric', mappingTimeoutS: 2 } })
    const caller = new Sockets(lab(), 'caller')
    const vm = new Sockets(lab(), 'vm')
    try {
      await Promise.all([caller.bind(5000), vm.bind(6000)])
      const ask = async (): Promise<{ address: string; port: number }> => {
        await caller.send(5000, { address: VM.v4, port: 6000 }, 'hello')
        const { from } = (await vm.next(6000, 500)) ?? {}
        if (from === undefined) throw new Error('Nothing arrived')
        return from
      }
      const answered = async (to: { address: string; port: number }): Promise<boolean> => {
        await vm.send(6000, to, 'yes?')
        return (await caller.next(5000, 300)) !== undefined
      }
      const first = await ask()
      await sleep(1200)
      expect(await answered(first)).toBe(true)
      await sleep(3500)
      expect(await answered(first)).toBe(false)
      expect((await ask()).port).not.toBe(first.port)
    } finally {
      caller.close()
      vm.close()
    }
  })

  it('forgets every mapping when it is told to', async () => {
    await lab().change({ name: 'forgetful', caller: { nat: 'carrier-grade' } })
    const caller = new Sockets(lab(), 'caller')
    const vm = new Sockets(lab(), 'vm')
    try {
      await Promise.all([caller.bind(5000), vm.bind(6000)])
      const seen = async (): Promise<number | undefined> => {
        await caller.send(5000, { address: VM.v4, port: 6000 }, 'hello')
        return (await vm.next(6000, 500))?.from.port
      }
      const first = await seen()
      expect(first).toBeDefined()
      expect(await seen()).toBe(first)
      await lab().flushMappings()
      await vm.send(6000, { address: SEEN.home, port: first ?? 0 }, 'still there?')
      expect(await caller.next(5000, 300)).toBeUndefined()
      const second = await seen()
      expect(second).toBeDefined()
      expect(second).not.toBe(first)
    } finally {
      caller.close()
      vm.close()
    }
  })
})

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
