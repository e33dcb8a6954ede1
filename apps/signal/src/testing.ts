/** What the tests share: the worker with settings of their own, an offer, and a media node's double. */
import { env } from 'cloudflare:workers'
import {
  NODE_PROTOCOL_VERSION,
  parseToNode,
  type FromNode,
  type NodeHello,
  type ToNode,
} from '@earshot/protocol'
import { app } from './app.ts'
import type { Bindings } from './env.ts'
import type { Fleet } from './fleet.ts'

export const OFFER = [
  'v=0',
  'o=- 4611731400430051336 2 IN IP4 127.0.0.1',
  's=-',
  't=0 0',
  'm=audio 9 UDP/TLS/RTP/SAVPF 111',
  'c=IN IP4 0.0.0.0',
  'a=ice-ufrag:F7gI',
  'a=ice-pwd:x9cml/YzichV2+XlhiMu8g',
  'a=fingerprint:sha-256 D2:FA:0E:C3:22:59:5E:14:95:69:92:3D:13:B4:84:24',
  'a=rtpmap:111 opus/48000/2',
  'a=sendrecv',
  '',
].join('\r\n')

export const ANSWER = OFFER.replace('F7gI', 'node')

export const NOBODYS_CALL = 'elsewhere-AAAAAAAAAAAAAAAAAAAAAA'

export const TURN_URLS = ['turn:turn.example.org:3478?transport=udp', 'turns:turn.example.org:443']

/** The body of an answer; `text()` warns of a media type that is no text. */
export async function sdpOf(response: Response): Promise<string> {
  return new TextDecoder().decode(await response.arrayBuffer())
}

/** A worker with one or more regions, callers and a rate limit that no other test touches. */
export class World {
  /** Eight hexadecimal digits. */
  readonly #id = crypto.randomUUID().slice(0, 8)
  readonly regions: readonly string[]
  readonly bindings: Bindings

  constructor(settings: Partial<Bindings> = {}, regions = ['r']) {
    const names = regions.map((name) => `${name}${this.#id}`)
    this.regions = names
    this.bindings = { ...env, REGIONS: names.join(' '), ...settings }
  }

  get #address(): string {
    return `2001:db8:${this.#id.slice(0, 4)}:${this.#id.slice(4)}::1`
  }

  async request(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers)
    headers.set('CF-Connecting-IP', headers.get('CF-Connecting-IP') ?? this.#address)
    const request = new Request(`https://earshot.test${path}`, { ...init, headers })
    return app.fetch(request, this.bindings)
  }

  call(
    headers: Record<string, string> = {},
    body: BodyInit = OFFER,
    cf: Record<string, string> = {},
  ): Promise<Response> {
    const all = { 'Content-Type': 'application/sdp', ...headers }
    return this.request('/v1/calls', { method: 'POST', headers: all, body, cf })
  }

  fleet(region = this.regions[0] ?? ''): DurableObjectStub<Fleet> {
    return this.bindings.FLEET.get(this.bindings.FLEET.idFromName(region))
  }

  async node(node: string, options: NodeOptions = {}): Promise<FakeNode> {
    const fake = await this.dial(options.hello?.region ?? this.regions[0] ?? '')
    await fake.greet({ node, region: fake.region, ...options.hello })
    if (options.answers !== false) fake.answers()
    return fake
  }

  async dial(region: string): Promise<FakeNode> {
    const response = await this.request(`/v1/nodes?region=${region}`, {
      headers: { Upgrade: 'websocket', Authorization: `Bearer ${this.bindings.NODE_TOKEN}` },
    })
    if (response.webSocket === null) throw new Error(await response.text())
    return new FakeNode(response.webSocket, region)
  }
}

export interface NodeOptions {
  readonly hello?: Partial<NodeHello>
  /** Answers every offer at once with `ANSWER`; default true. */
  readonly answers?: boolean
}

/**
 * A media node as the fleet sees one: a real WebSocket through the worker's own route, speaking the
 * protocol's frames. It has no WebRTC, keeps no seats of its own, never pings by itself, and does
 * not check that the offer it answers is one.
 */
export class FakeNode {
  readonly region: string
  /** Frames received so far. */
  readonly frames: ToNode[] = []
  /** Settles when the fleet closes the link. */
  readonly closed: Promise<{ code: number; reason: string }>
  readonly #socket: WebSocket
  readonly #arrived = new EventTarget()
  #onOffer: (offer: Extract<ToNode, { type: 'offer' }>) => void = () => {}

  constructor(socket: WebSocket, region: string) {
    this.region = region
    this.#socket = socket
    socket.accept()
    socket.addEventListener('message', ({ data }) => {
      const frame = parseToNode(String(data))
      if (frame === undefined) return
      this.frames.push(frame)
      this.#arrived.dispatchEvent(new Event('frame'))
      if (frame.type === 'offer') this.#onOffer(frame)
    })
    this.closed = new Promise((resolve) => {
      socket.addEventListener('close', ({ code, reason }) => resolve({ code, reason }))
    })
  }

  /** Says hello and waits to be welcome. */
  async greet(hello: Partial<NodeHello> & { node: string; region: string }): Promise<void> {
    this.send({
      type: 'hello',
      version: NODE_PROTOCOL_VERSION,
      turnUrls: TURN_URLS,
      direct: false,
      seats: 4,
      calls: [],
      draining: false,
      ...hello,
    })
    await this.frame('welcome')
  }

  answers(): void {
    this.onOffer(({ call }) => this.send({ type: 'answer', call, sdp: ANSWER }))
  }

  onOffer(react: (offer: Extract<ToNode, { type: 'offer' }>) => void): void {
    this.#onOffer = react
  }

  send(frame: FromNode): void {
    this.sendText(JSON.stringify(frame))
  }

  sendText(text: string): void {
    this.#socket.send(text)
  }

  close(): void {
    this.#socket.close(1000, 'bye')
  }

  /** The first frame of this type, once it has come; rejects after two seconds. */
  async frame<T extends ToNode['type']>(type: T): Promise<Extract<ToNode, { type: T }>> {
    const signal = AbortSignal.timeout(2000)
    const isOne = (frame: ToNode): frame is Extract<ToNode, { type: T }> => frame.type === type
    for (;;) {
      const found = this.frames.find((frame) => isOne(frame))
      if (found !== undefined) return found
      await new Promise<void>((resolve, reject) => {
        this.#arrived.addEventListener('frame', () => resolve(), { once: true, signal })
        signal.addEventListener('abort', () => reject(new Error(`no ${type} frame came`)))
      })
    }
  }

  /** Settles when the fleet has taken in all that was sent: it answers what is nobody's call. */
  async heard(): Promise<void> {
    this.send({ type: 'answer', call: NOBODYS_CALL, sdp: '' })
    await this.frame('hangup')
  }

  get offers(): number {
    return this.frames.filter(({ type }) => type === 'offer').length
  }

  /** The bare text that comes next. */
  text(): Promise<string> {
    return new Promise((resolve) => {
      this.#socket.addEventListener('message', ({ data }) => resolve(String(data)), { once: true })
    })
  }
}
