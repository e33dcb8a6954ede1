/** A network that is up: what can be run in it, and what can happen to it. */
import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process'
import { Child } from './child.ts'
import { capture, type Capture } from './capture.ts'
import type { FirewallKind, Host, Network, Path, Uplink } from './description.ts'
import { cutRules, homeFirewall } from './firewall.ts'
import {
  namespaceOf,
  newOwner,
  removeNamespaces,
  sweep,
  useOwnNameServer,
  type Owner,
} from './namespaces.ts'
import type { Names } from './names-packet.ts'
import { laneShapes, mtuOf, pathRules, wayOf } from './path.ts'
import { cableLines, configureScript, hostsOf, prepareScript, type Plan } from './plan.ts'
import { must, run, type RunOptions, type RunResult } from './processes.ts'
import { Shaper } from './shaper.ts'
import { callerSide, farSide, joinLines, leaveLines, routesBy, type Way } from './topology.ts'

const CALLERS_ROUTERS = ['home', 'carrier', 'mobile'] as const

/**
 * Makes a network. First takes away what runs that are gone have left behind.
 * `label` (lower-case letters) tells labs apart: `pnpm lab down` ends those called `hand`.
 * Throws what went wrong, with nothing left behind; ask `whyNot()` before.
 */
export async function up(network: Network, label = 'test'): Promise<Lab> {
  await sweep()
  const lab = new Lab(newOwner(label), network)
  try {
    await lab.start()
  } catch (error) {
    await lab.down()
    throw error
  }
  return lab
}

export class Lab {
  readonly owner: Owner
  #network: Network
  #hosts: readonly string[] = []
  #way: Way = 'plain'
  #mtu = 1500
  #uplink: Uplink | undefined = 'home'
  #spare: Uplink | undefined
  #shaper: Shaper | undefined
  #nameServer: Child | undefined
  #isDown = false

  /** For `up()` alone. */
  constructor(owner: Owner, network: Network) {
    this.owner = owner
    this.#network = network
  }

  get network(): Network {
    return this.#network
  }

  get hosts(): readonly string[] {
    return this.#hosts
  }

  /** The uplink that the caller is on; `undefined` between two. */
  get uplink(): Uplink | undefined {
    return this.#uplink
  }

  namespaceOf(host: string): string {
    return namespaceOf(this.owner, host)
  }

  /** For `up()` alone. */
  async start(): Promise<void> {
    await this.#make(farSide(this.#network.vm ?? 'public'))
    await this.#make(callerSide(this.#network))
    await this.shape(this.#network.path ?? {})
  }

  /** `argv`, so that it runs in a host: for whoever starts programs in their own way. */
  command(host: Host, argv: readonly string[]): [string, ...string[]] {
    return ['ip', 'netns', 'exec', this.namespaceOf(host), ...argv]
  }

  run(host: Host, argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    return run(this.command(host, argv), options)
  }

  spawn(host: Host, argv: readonly string[], options: SpawnOptions = {}): ChildProcess {
    const [command, ...args] = this.command(host, argv)
    return spawn(command, args, options)
  }

  /**
   * Another caller's side and path before the same far side. Programs in `caller` and `proxy` live
   * on and see their interfaces change; programs in the caller's routers are ended.
   */
  async change(network: Network): Promise<void> {
    if ((network.vm ?? 'public') !== (this.#network.vm ?? 'public')) {
      throw new Error(`The VM of ${network.name} is another kind: make it with up()`)
    }
    await this.restore()
    await this.#removeCallerSide()
    this.#network = network
    this.#uplink = 'home'
    this.#spare = undefined
    await this.#make(callerSide(network))
    await this.shape(network.path ?? {})
  }

  /** Another path, at once and under whatever crosses it; no address or mapping changes. */
  async shape(path: Path): Promise<void> {
    const shapes = laneShapes(path)
    const way = wayOf(path)
    const mtu = mtuOf(path)
    if (way === 'shaped') {
      this.#shaper ??= await Shaper.start(await this.#shaperNamespace(), (end) =>
        this.namespaceOf(end),
      )
      await this.#shaper.shape(shapes)
    }
    const routes = way === this.#way ? { access: [], internet: [] } : routesBy(way)
    const script = (lines: readonly string[]): string =>
      `ip -batch - <<'EOF'\n${[...lines, `link set ${way} mtu ${mtu}`].join('\n')}\nEOF\n` +
      `nft -f - <<'EOF'\n${pathRules(path)}\nEOF\n`
    await Promise.all([
      this.#sh('access', script(routes.access)),
      this.#sh('internet', script(routes.internet)),
    ])
    // What was learned of a narrower path is of no use any more.
    if (mtu > this.#mtu) {
      const forget = 'ip route flush cache\nip -6 route flush cache\n'
      const ends = ['caller', 'proxy', 'edge', 'vm']
      await Promise.all(ends.map((host) => this.#sh(host, forget)))
    }
    this.#mtu = mtu
    this.#way = way
    this.#network = { ...this.#network, path }
  }

  /**
   * Another firewall in the caller's router, at once and under whatever crosses it. Not to or from
   * `idle-cut-60`, which is a matter of the router's memory: make that one with `change()`.
   */
  async firewall(firewall: FirewallKind): Promise<void> {
    const caller = { ...this.#network.caller, firewall }
    const nft = `table inet firewall\ndelete table inet firewall\n${homeFirewall(caller)}`
    await must(this.command('home', ['nft', '-f', '-']), { input: nft })
    this.#network = { ...this.#network, caller }
  }

  /** Nothing passes any more, silently, on one uplink or both; nor what is on its way down. */
  async cut(uplink?: Uplink): Promise<void> {
    const nft = `table inet cut\ndelete table inet cut\n${cutRules(uplink)}`
    await must(this.command('access', ['nft', '-f', '-']), { input: nft })
  }

  /** The end of `cut()`; no error without one. */
  async restore(): Promise<void> {
    const nft = 'table inet cut\ndelete table inet cut\n'
    await must(this.command('access', ['nft', '-f', '-']), { input: nft })
  }

  /** The caller leaves its uplink: its address is gone, and its interface without a carrier. */
  async leave(): Promise<void> {
    if (this.#uplink === undefined) return
    await this.#ip('caller', leaveLines(this.#uplink))
    this.#uplink = undefined
  }

  /** The caller leaves the uplink it is on, if any, and has an address on another one. */
  async join(uplink: Uplink): Promise<void> {
    if (this.#uplink === uplink) return
    const lines = this.#uplink === undefined ? [] : leaveLines(this.#uplink)
    const isSpare = this.#spare === uplink
    await this.#ip('caller', [...lines, ...(isSpare ? [] : joinLines(this.#network, uplink))])
    this.#uplink = uplink
    if (isSpare) this.#spare = undefined
  }

  /** The caller has an address on another uplink too, which it uses once it leaves the one it is on. */
  async joinBeside(uplink: Uplink): Promise<void> {
    if (this.#uplink === undefined) throw new Error('The caller is on no uplink: use join()')
    if (this.#uplink === uplink || this.#spare === uplink) return
    const lines = joinLines(this.#network, uplink)
    // The kernel takes the route of the least metric.
    const isRoute = (line: string): boolean => line.startsWith('route add default')
    await this.#ip(
      'caller',
      lines.map((line) => (isRoute(line) ? `${line} metric 2000` : line)),
    )
    this.#spare = uplink
  }

  /**
   * The caller's routers forget every flow. A symmetric NAT gives another port from then on; one
   * that keeps ports gives the same again to the next packet from inside. TCP flows are dead.
   */
  async flushMappings(): Promise<void> {
    const routers = CALLERS_ROUTERS.filter((router) => this.#hosts.includes(router))
    await Promise.all(
      routers.map((router) =>
        this.#sh(router, 'nft flush set ip nat mapped 2> /dev/null || true\nconntrack -F'),
      ),
    )
  }

  /**
   * The names that the caller can look up, with all their addresses, in place of those before; it is
   * told that no other name exists. Every host asks itself for names, never the machine's server.
   */
  async names(names: Names): Promise<void> {
    this.#nameServer ??= await Child.start(this.namespaceOf('caller'), 'names-process.ts')
    await this.#nameServer.order(names, 'known')
  }

  /** Writes what passes a host's interfaces to a pcap file, until stopped. */
  capture(
    host: Host,
    file: string,
    options: { filter?: string; interface?: string } = {},
  ): Promise<Capture> {
    return capture(this.command(host, []), { file, ...options })
  }

  /** Ends every process inside and takes the network away. */
  async down(): Promise<void> {
    if (this.#isDown) return
    this.#isDown = true
    this.#shaper?.stop()
    this.#nameServer?.stop()
    await removeNamespaces(this.#hosts.map((host) => this.namespaceOf(host)))
  }

  async #make(plan: Plan): Promise<void> {
    const fresh = Object.keys(plan.hosts).filter((host) => !this.#hosts.includes(host))
    this.#hosts = [...this.#hosts, ...fresh]
    const name = (host: string): string => this.namespaceOf(host)
    for (const host of fresh) useOwnNameServer(name(host))
    await this.#batch(fresh.map((host) => `netns add ${name(host)}`))
    await Promise.all(fresh.map((host) => this.#sh(host, prepareScript(plan.hosts[host] ?? {}))))
    await this.#batch(cableLines(plan, name))
    await Promise.all(hostsOf(plan).map((host) => this.#sh(host, configureScript(host, plan))))
  }

  async #removeCallerSide(): Promise<void> {
    const links = [
      ['caller', 'eth0'],
      ['caller', 'wwan0'],
      ['proxy', 'eth0'],
      ['access', 'home'],
      ['access', 'mobile'],
    ] as const
    await Promise.all(links.map(([host, link]) => this.#ip(host, [`link del ${link}`])))
    const gone = CALLERS_ROUTERS.filter((host) => this.#hosts.includes(host))
    await removeNamespaces(gone.map((host) => this.namespaceOf(host)))
    this.#hosts = this.#hosts.filter((host) => !gone.some((router) => router === host))
  }

  async #shaperNamespace(): Promise<string> {
    const plan: Plan = { hosts: { shaper: {} }, cables: [] }
    await this.#make(plan)
    return this.namespaceOf('shaper')
  }

  async #batch(lines: readonly string[]): Promise<void> {
    if (lines.length > 0) await must(['ip', '-batch', '-'], { input: `${lines.join('\n')}\n` })
  }

  async #ip(host: string, lines: readonly string[]): Promise<void> {
    const argv = ['ip', '-n', this.namespaceOf(host), '-batch', '-']
    await must(argv, { input: `${lines.join('\n')}\n` })
  }

  async #sh(host: string, script: string): Promise<void> {
    if (script.trim() === '') return
    const argv = ['ip', 'netns', 'exec', this.namespaceOf(host), 'sh', '-e', '-s']
    await must(argv, { input: script })
  }
}
