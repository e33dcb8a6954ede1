/** The real parts, started for one test file's worker and reused: relay, edge, and a node per test. */
import { freePort, freeRange } from '../scripts/stack/ports.ts'
import { startEdge, type Edge } from '../scripts/stack/edge.ts'
import { startMediaNode, type MediaNode } from '../scripts/stack/media.ts'
import { LOOPBACK } from '../scripts/stack/places.ts'
import { startRelay, type Relay } from '../scripts/stack/relay.ts'
import { makeSecrets, type RunSecrets } from '../scripts/stack/secrets.ts'

export interface NodeChoice {
  /** Which way callers reach it: through the relay by one of its URLs, or directly. */
  readonly via: 'udp' | 'tcp' | 'direct'
  readonly handler?: string
  readonly seats?: number
}

export class Stack {
  readonly secrets: RunSecrets
  readonly relayPort: number
  #edge: Edge
  #relay: Relay | undefined
  readonly #nodes = new Set<MediaNode>()

  static async start(vars: Readonly<Record<string, string>> = {}): Promise<Stack> {
    const secrets = makeSecrets()
    const edge = await startEdge({ mode: 'built', port: await freePort(), secrets, vars })
    return new Stack(secrets, edge, await freePort())
  }

  private constructor(secrets: RunSecrets, edge: Edge, relayPort: number) {
    this.secrets = secrets
    this.#edge = edge
    this.relayPort = relayPort
  }

  get edge(): Edge {
    return this.#edge
  }

  /** Starts the worker again at the address it had, after `edge.stop()`. */
  async startEdgeAgain(): Promise<void> {
    const { port } = this.#edge
    this.#edge = await startEdge({ mode: 'built', port, secrets: this.secrets })
  }

  /** Starts coturn if it is not running. `secretFile`: another secret than the worker signs with. */
  async relay(secretFile = this.secrets.turnSecretFile): Promise<Relay> {
    this.#relay ??= await startRelay({
      secretFile,
      runtimeDirectory: this.secrets.makeDirectory('relay'),
      port: this.relayPort,
    })
    return this.#relay
  }

  async stopRelay(): Promise<void> {
    await this.#relay?.stop()
    this.#relay = undefined
  }

  /** Starts a media node, from its bundle; ready when it is linked to the worker. */
  async node({ via, handler = 'echo', seats = 4 }: NodeChoice): Promise<MediaNode> {
    const size = 40
    const first = await freeRange(size, LOOPBACK.media)
    const host = LOOPBACK.listen
    const node = await startMediaNode({
      edgeUrl: this.edge.url,
      tokenFile: this.secrets.nodeTokenFile,
      turnUrls: via === 'direct' ? [] : [`turn:${host}:${this.relayPort}?transport=${via}`],
      addresses: [LOOPBACK.media],
      direct: via === 'direct',
      ports: [first, first + size - 1],
      httpPort: await freePort(),
      handler,
      seats,
      bundle: true,
    })
    this.#nodes.add(node)
    return node
  }

  /** The last lines that each running part has said. */
  lastLines(): string {
    const parts = [this.#edge.part, this.#relay?.part, ...[...this.#nodes].map(({ part }) => part)]
    const said = parts.filter((part) => part !== undefined)
    return said
      .map((part) => `-- ${part.name}\n${part.lastLines().slice(-12).join('\n')}`)
      .join('\n')
  }

  async stopNodes(): Promise<void> {
    await Promise.all([...this.#nodes].map((node) => node.stop()))
    this.#nodes.clear()
  }

  async stop(): Promise<void> {
    await this.stopNodes()
    await this.stopRelay()
    await this.edge.stop()
    this.secrets.remove()
  }
}
