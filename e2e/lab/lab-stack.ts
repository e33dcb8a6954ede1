/** Our real parts inside a network: coturn on the VM, media on its bridge, the worker at the edge. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Site } from '../browser/browsers.ts'
import { startEdge, type Edge } from '../../scripts/stack/edge.ts'
import { startMediaNode, type MediaNode } from '../../scripts/stack/media.ts'
import type { Place } from '../../scripts/stack/places.ts'
import { startPart, type Part } from '../../scripts/stack/process.ts'
import { startRelay, type Relay } from '../../scripts/stack/relay.ts'
import { makeSecrets, type RunSecrets } from '../../scripts/stack/secrets.ts'
import { makeCertificate, type Certificate } from './certificate.ts'
import { EDGE, MEDIA, MEDIA2, RELAY, VM, VM_PRIVATE } from './net/addresses.ts'
import type { Addressing, Host } from './net/description.ts'
import type { Lab } from './net/lab.ts'

/** How a caller may reach the relay: TURN over UDP or TCP on 3478, over TLS on 443. */
export type Transport = 'udp' | 'tcp' | 'tls'

const RELAY_NAME = 'relay.test'
const EDGE_NAME = 'edge.test'
const FAMILIES = {
  v4: ['v4'],
  'v6-only': ['v6'],
  dual: ['v6', 'v4'],
  'dual-broken-v6': ['v6', 'v4'],
} as const satisfies Record<Addressing, readonly ('v4' | 'v6')[]>
const NODE_ADDRESSES = { media: MEDIA, media2: MEDIA2 } as const
const TURN_PORT = 3478
const TLS_PORT = 443
const PAGE_PORT = 80
const MEDIA_PORTS = [40_000, 40_099] as const
const HTTP_PORT = 8080

export interface NodeChoice {
  readonly host?: 'media' | 'media2' | 'vm'
  readonly transports?: readonly Transport[]
  /** By which of the VM's addresses. */
  readonly by?: 'v4' | 'v6' | 'both'
  readonly handler?: string
}

export class LabStack {
  readonly lab: Lab
  readonly secrets: RunSecrets
  #edge: Edge
  /** The worker's server listens on one address. */
  readonly #edgeV6: Part
  readonly #certificate: Certificate
  #relay: Relay | undefined
  readonly #nodes = new Map<Host, MediaNode>()

  /** Starts the worker and the relay; nodes are started by `node()`. */
  static async start(lab: Lab): Promise<LabStack> {
    const secrets = makeSecrets()
    try {
      const certificate = await makeCertificate(secrets.makeDirectory('tls'), [RELAY_NAME])
      const place = edgePlace(lab)
      const edge = await startEdge({ mode: 'built', port: PAGE_PORT, place, secrets })
      const edgeV6 = await startPart({
        name: 'edge over IPv6',
        command: 'socat',
        args: [`TCP6-LISTEN:${PAGE_PORT},bind=[${EDGE.v6}],fork`, `TCP4:${EDGE.v4}:${PAGE_PORT}`],
        enter: place.enter,
      })
      const stack = new LabStack(lab, secrets, edge, edgeV6, certificate)
      await stack.startRelay()
      return stack
    } catch (error) {
      secrets.remove()
      throw error
    }
  }

  private constructor(
    lab: Lab,
    secrets: RunSecrets,
    edge: Edge,
    edgeV6: Part,
    certificate: Certificate,
  ) {
    this.lab = lab
    this.secrets = secrets
    this.#edge = edge
    this.#edgeV6 = edgeV6
    this.#certificate = certificate
  }

  get edge(): Edge {
    return this.#edge
  }

  /** Starts the worker again, at the address and with the secrets it had, after `edge.stop()`. */
  async startEdgeAgain(): Promise<void> {
    const place = edgePlace(this.lab)
    this.#edge = await startEdge({ mode: 'built', port: PAGE_PORT, place, secrets: this.secrets })
  }

  /** Starts coturn, on the one address of the VM that the internet's traffic arrives at. */
  async startRelay(): Promise<void> {
    this.#relay = await startRelay({
      secretFile: this.secrets.turnSecretFile,
      runtimeDirectory: this.secrets.makeDirectory('relay'),
      port: TURN_PORT,
      listen: [this.#vmAddress(), VM.v6].join(','),
      relayAddress: RELAY,
      peers: [MEDIA, MEDIA2, this.#vmAddress()],
      place: { enter: this.lab.command('vm', []) },
      tls: { cert: this.#certificate.cert, key: this.#certificate.key, port: TLS_PORT },
    })
  }

  /**
   * Where a caller's programs run. Names are looked up in a file of the network's own: one stands for
   * the addresses of both families.
   */
  async site(host: 'caller' | 'proxy' = 'caller'): Promise<Site> {
    const { caller: { addressing = 'v4' } = {} } = this.lab.network
    const file = join(this.secrets.directory, `hosts-${addressing}`)
    const families = FAMILIES[addressing]
    const lines = families.flatMap((v) => [`${VM[v]} ${RELAY_NAME}`, `${EDGE[v]} ${EDGE_NAME}`])
    await writeFile(file, `127.0.0.1 localhost\n::1 localhost\n${lines.join('\n')}\n`)
    // Nobody listens there, so that other names fail at once and not after a time-out.
    const noDns = join(this.secrets.directory, 'resolv.conf')
    await writeFile(noDns, 'nameserver 127.0.0.1\n')
    // Whoever enters a network namespace has mounts of their own.
    const script = `mount --bind '${file}' /etc/hosts && mount --bind '${noDns}' /etc/resolv.conf`
    const named = ['sh', '-c', `${script} && exec "$@"`, 'sh']
    return {
      enter: this.lab.command(host, named),
      origin: `http://${EDGE_NAME}`,
      authority: this.#certificate.authority,
    }
  }

  /** The VM's own address that the internet's IPv4 traffic arrives at. */
  #vmAddress(): string {
    return this.lab.network.vm === 'cloud-1to1' ? VM_PRIVATE : VM.v4
  }

  async stopRelay(): Promise<void> {
    await this.#relay?.stop()
    this.#relay = undefined
  }

  /**
   * Starts a media node; callers reach it by the given transports, best first. On `vm` it is in
   * direct mode: on the host's network, with its public addresses offered beside the relay.
   */
  async node(options: NodeChoice = {}): Promise<MediaNode> {
    const { host = 'media', handler = 'echo' } = options
    const node = await startMediaNode({
      edgeUrl: this.edge.url,
      tokenFile: this.secrets.nodeTokenFile,
      turnUrls: turnUrls(options),
      addresses: host === 'vm' ? [this.#vmAddress(), VM.v6] : [NODE_ADDRESSES[host]],
      ...(host === 'vm' && this.lab.network.vm === 'cloud-1to1' && { publicAddress: VM.v4 }),
      direct: host === 'vm',
      ports: MEDIA_PORTS,
      httpPort: HTTP_PORT,
      handler,
      id: host,
      seats: 8,
      bundle: true,
      place: { enter: this.lab.command(host, []) },
    })
    this.#nodes.set(host, node)
    return node
  }

  async stopNode(host: Host): Promise<void> {
    await this.#nodes.get(host)?.stop()
    this.#nodes.delete(host)
  }

  /** True when the one node that runs is this one. */
  runs({ host = 'media' }: NodeChoice): boolean {
    return this.#nodes.size === 1 && this.#nodes.get(host)?.part.running() === true
  }

  /** Ends a node as a fault would: without a word to anybody. */
  async killNode(host: Host): Promise<void> {
    const node = this.#nodes.get(host)
    if (!node) return
    process.kill(-node.part.pid, 'SIGKILL')
    await this.stopNode(host)
  }

  async stopNodes(): Promise<void> {
    await Promise.all([...this.#nodes.keys()].map((host) => this.stopNode(host)))
  }

  /** The last lines that each running part has said. */
  lastLines(): string {
    const parts = [
      this.edge.part,
      this.#relay?.part,
      ...[...this.#nodes].map(([, { part }]) => part),
    ]
    return parts
      .filter((part) => part !== undefined)
      .map((part) => `-- ${part.name}\n${part.lastLines().slice(-12).join('\n')}`)
      .join('\n')
  }

  async stop(): Promise<void> {
    await this.stopNodes()
    await this.stopRelay()
    await this.#edgeV6.stop()
    await this.edge.stop()
    this.secrets.remove()
  }
}

function edgePlace(lab: Lab): Place {
  return { address: EDGE.v4, enter: lab.command('edge', []) }
}

/**
 * Four at most. Bare addresses, but for TLS: Firefox takes no `turns:` URL with one, and Chromium in a
 * namespace finds no relay over UDP by a name from a file.
 */
function turnUrls({ transports = ['udp', 'tcp', 'tls'], by = 'v4' }: NodeChoice): string[] {
  const url = (host: string, transport: Transport): string =>
    transport === 'tls'
      ? `turns:${RELAY_NAME}:${TLS_PORT}?transport=tcp`
      : `turn:${host}:${TURN_PORT}?transport=${transport}`
  const urls = transports.map((transport) => url(by === 'v6' ? `[${VM.v6}]` : VM.v4, transport))
  return by === 'both' ? [url(`[${VM.v6}]`, 'udp'), ...urls] : urls
}
