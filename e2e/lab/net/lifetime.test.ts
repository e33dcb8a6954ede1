import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { EDGE, MEDIA, SEEN, VM } from './addresses.ts'
import { describeLab, pings } from './describe-lab.ts'
import type { VmKind } from './description.ts'
import { up } from './lab.ts'
import { labNamespaces, namespaceOf, newOwner, parseNamespace, sweep } from './namespaces.ts'
import { must, startOf } from './processes.ts'
import { Sockets } from './sockets.ts'

describe('the name of a namespace', () => {
  it('says whose it is', () => {
    const owner = newOwner('test')
    expect(parseNamespace(namespaceOf(owner, 'edge-router'))).toEqual({
      owner,
      host: 'edge-router',
    })
  })

  it('is never taken for one of ours when it is not', () => {
    for (const name of ['earshot', 'earshot-test-1-2-caller', 'other-test-1-2-3-vm', 'caller']) {
      expect(parseNamespace(name)).toBeUndefined()
    }
  })
})

describeLab('a lab', { name: 'lifetime', caller: { nat: 'symmetric' } }, (lab) => {
  it('changes nothing in the network of the machine', async () => {
    const before = await ownNetwork()
    const other = await up({ name: 'other', path: { rttMs: 20 } })
    try {
      expect(await ownNetwork()).toEqual(before)
      // A second lab has the same addresses, and neither knows of the other.
      expect(await pings(other, 'caller', VM.v4)).toHaveLength(1)
      expect(await pings(lab(), 'caller', VM.v4)).toHaveLength(1)
    } finally {
      await other.down()
      await other.down()
    }
    expect(await ownNetwork()).toEqual(before)
    expect(
      labNamespaces().filter(
        ({ owner }) => owner.lab === other.owner.lab && owner.pid === process.pid,
      ),
    ).toEqual([])
  })

  it('leaves nothing after its process was killed, and spares the living', async () => {
    const script = `
      const { up } = await import('${import.meta.dirname}/lab.ts')
      const lab = await up({ name: 'killed', path: { rttMs: 20 } })
      const inside = lab.spawn('edge', ['sleep', '1000'], { stdio: 'ignore' })
      process.stdout.write(JSON.stringify({ pid: inside.pid, name: lab.namespaceOf('edge') }))
      setInterval(() => {}, 1000)`
    const args = ['--input-type=module', '-e', script]
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    const [said] = (await once(child.stdout, 'data')) as [Buffer]
    const { pid, name } = JSON.parse(said.toString()) as { pid: number; name: string }
    expect(existsSync(`/run/netns/${name}`)).toBe(true)
    await sweep()
    expect(existsSync(`/run/netns/${name}`)).toBe(true)
    child.kill('SIGKILL')
    await once(child, 'exit')
    await Promise.all([sweep(), sweep()])
    expect(labNamespaces().filter(({ owner }) => owner.pid === child.pid)).toEqual([])
    expect(startOf(pid)).toBeUndefined()
    expect(await pings(lab(), 'caller', VM.v4)).toHaveLength(1)
  })

  it('lets programs of the caller live on when its side changes', async () => {
    const program = lab().spawn('caller', ['sleep', '1000'], { stdio: 'ignore' })
    await lab().change({ name: 'changed', caller: { nat: 'carrier-grade' } })
    expect(program.exitCode).toBeNull()
    expect(startOf(program.pid ?? 0)).toBeDefined()
    expect(await pings(lab(), 'caller', VM.v4)).toHaveLength(1)
    program.kill()
    await expect(lab().change({ name: 'cloud', vm: 'cloud-1to1' })).rejects.toThrow(/another kind/)
  })

  it('moves the caller to another uplink, with another address', async () => {
    const caller = new Sockets(lab(), 'caller')
    const vm = new Sockets(lab(), 'vm')
    try {
      await Promise.all([caller.bind(5000), vm.bind(6000)])
      const seen = async (): Promise<string | undefined> => {
        await caller.send(5000, { address: VM.v4, port: 6000 }, 'hello')
        return (await vm.next(6000, 500))?.from.address
      }
      expect(await seen()).toBe(SEEN.home)
      await lab().leave()
      expect((await lab().run('caller', ['ip', '-o', 'addr', 'show', 'eth0'])).stdout).toBe('')
      await lab().join('mobile')
      expect(await seen()).toBe(SEEN.mobile)
      await lab().join('home')
      expect(await seen()).toBe(SEEN.home)
      await lab().joinBeside('mobile')
      expect(await seen()).toBe(SEEN.home)
      await lab().join('mobile')
      expect(await seen()).toBe(SEEN.mobile)
    } finally {
      caller.close()
      vm.close()
    }
  })

  it('writes what passes to a file', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'capture-'))
    try {
      const capture = await lab().capture('vm', join(folder, 'a.pcap'), { filter: 'icmp' })
      await pings(lab(), 'caller', VM.v4, { count: 3 })
      await capture.stop()
      const text = await must(['tcpdump', '-n', '-r', capture.file])
      expect(text.match(/echo request/g)).toHaveLength(3)
      expect(statSync(capture.file).size).toBeGreaterThan(300)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})

const VMS: readonly VmKind[] = ['public', 'cloud-1to1', 'two-nics']
describe.each(VMS)('the VM: %s', (vm) => {
  describeLab('of a lab', { name: vm, vm, caller: { addressing: 'dual' } }, (lab) => {
    it('is reached across routers, by both families, and can answer', async () => {
      for (const address of [VM.v4, VM.v6, EDGE.v4, EDGE.v6]) {
        const { stdout } = await lab().run('caller', ['ping', '-n', '-c', '1', '-W', '1', address])
        const ttl = Number(/ttl=(\d+)/.exec(stdout)?.[1])
        // From 64, less one for each of home, access, internet, and what may be behind.
        expect(ttl).toBeLessThanOrEqual(61)
      }
    })

    it('keeps its media to itself, and lets them out to the edge', async () => {
      expect(await pings(lab(), 'vm', MEDIA)).toHaveLength(1)
      expect(await pings(lab(), 'media', EDGE.v4)).toHaveLength(1)
      expect(await pings(lab(), 'media2', EDGE.v4)).toHaveLength(1)
      expect(await pings(lab(), 'caller', MEDIA, { timeoutS: 0.3 })).toEqual([])
    })
  })
})

/** Interfaces, addresses, routes, rules and forwarding of the machine itself. */
async function ownNetwork(): Promise<string[]> {
  return Promise.all([
    must(['ip', '-o', 'link']),
    // Without lifetimes, which count down by themselves.
    must(['ip', '-br', 'addr']),
    must(['ip', 'route', 'show', 'table', 'all']),
    must(['ip', 'rule']),
    must(['nft', 'list', 'ruleset']),
    must(['cat', '/proc/sys/net/ipv4/ip_forward', '/proc/sys/net/ipv6/conf/all/forwarding']),
  ])
}
