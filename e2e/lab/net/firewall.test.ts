import { expect, it } from 'vitest'
import { EDGE, PROXY, VM } from './addresses.ts'
import { describeLab } from './describe-lab.ts'
import type { Addressing, FirewallKind, NatKind } from './description.ts'
import { Sockets } from './sockets.ts'

const WAIT_MS = 400

describeLab('the firewall of the caller', { name: 'firewall' }, (lab) => {
  /** What a caller gets through to the internet's servers, by what it speaks. */
  async function passes(
    firewall: FirewallKind,
    address: string,
    { nat = 'port-restricted', addressing = 'v4' }: { nat?: NatKind; addressing?: Addressing } = {},
  ): Promise<string[]> {
    await lab().change({ name: firewall, caller: { nat, firewall, addressing } })
    const hosts = (['caller', 'vm'] as const).map((host) => new Sockets(lab(), host))
    const [caller, vm] = hosts
    if (caller === undefined || vm === undefined) throw new Error('No sockets')
    try {
      const any = address.includes(':') ? '::' : '0.0.0.0'
      await Promise.all([
        vm.bind(3478, any),
        caller.bind(5000, any),
        ...[80, 443, 3478].map((port) => vm.listen(port)),
      ])
      const tcp = [80, 443, 3478].map(async (port) => {
        const outcome = await caller.connect({ address, port }, WAIT_MS)
        // Nothing that is kept back may be answered: a refusal would tell a browser too soon.
        expect(['ok', 'no answer']).toContain(outcome)
        return outcome === 'ok' ? [`tcp/${port}`] : []
      })
      const udp = async (): Promise<string[]> => {
        await caller.send(5000, { address, port: 3478 }, 'hello')
        return (await vm.next(3478, WAIT_MS)) === undefined ? [] : ['udp/3478']
      }
      return (await Promise.all([...tcp, udp()])).flat()
    } finally {
      for (const sockets of hosts) sockets.close()
    }
  }

  const all = ['tcp/80', 'tcp/443', 'tcp/3478', 'udp/3478']
  it.each([
    ['open', all],
    ['udp-blocked', ['tcp/80', 'tcp/443', 'tcp/3478']],
    ['web-only', ['tcp/80', 'tcp/443']],
    ['proxy-only', []],
    ['page-only', []],
    ['idle-cut-60', all],
  ] as const)('lets out what its name says: %s', async (firewall, expected) => {
    expect(await passes(firewall, VM.v4)).toEqual(expected)
    expect(await passes(firewall, VM.v6, { addressing: 'v6-only' })).toEqual(expected)
    expect(await passes(firewall, VM.v4, { nat: 'none' })).toEqual(expected)
  })

  it('lets the proxy alone out, and the caller to the proxy', async () => {
    await lab().change({ name: 'proxy', caller: { nat: 'symmetric', firewall: 'proxy-only' } })
    const hosts = (['caller', 'proxy', 'edge'] as const).map((host) => new Sockets(lab(), host))
    const [caller, proxy, edge] = hosts
    try {
      await Promise.all([proxy?.listen(3128), edge?.listen(443), edge?.listen(8080)])
      expect(await caller?.connect({ address: PROXY.v4, port: 3128 }, WAIT_MS)).toBe('ok')
      expect(await proxy?.connect({ address: EDGE.v4, port: 443 }, WAIT_MS)).toBe('ok')
      expect(await proxy?.connect({ address: EDGE.v4, port: 8080 }, WAIT_MS)).toBe('no answer')
      expect(await caller?.connect({ address: EDGE.v4, port: 443 }, WAIT_MS)).toBe('no answer')
    } finally {
      for (const sockets of hosts) sockets.close()
    }
  })

  it.each([
    ['v4', EDGE.v4],
    ['v6-only', EDGE.v6],
  ] as const)('lets the page alone be reached: %s', async (addressing, address) => {
    await lab().change({ name: 'page', caller: { firewall: 'page-only', addressing } })
    const hosts = (['caller', 'edge'] as const).map((host) => new Sockets(lab(), host))
    const [caller, edge] = hosts
    try {
      for (const port of [80, 443, 8080]) await edge?.listen(port)
      expect(await caller?.connect({ address, port: 80 }, WAIT_MS)).toBe('ok')
      expect(await caller?.connect({ address, port: 443 }, WAIT_MS)).toBe('ok')
      expect(await caller?.connect({ address, port: 8080 }, WAIT_MS)).toBe('no answer')

      await lab().firewall('open')
      expect(await caller?.connect({ address, port: 8080 }, WAIT_MS)).toBe('ok')
    } finally {
      for (const sockets of hosts) sockets.close()
    }
  })

  it('lets IPv6 vanish beyond the router where it is broken, and IPv4 pass', async () => {
    expect(await passes('open', VM.v6, { addressing: 'dual-broken-v6' })).toEqual([])
    expect(await passes('open', VM.v4, { addressing: 'dual-broken-v6' })).toEqual(all)
    expect(await passes('open', VM.v6, { addressing: 'dual' })).toEqual(all)
  })
})
