/** A media node's double, for the tests, and the two SDPs of a call. */
import {
  NODE_PROTOCOL_VERSION,
  parseToNode,
  regionOf,
  type FromNode,
  type NodeHello,
  type ToNode,
} from '@earshot/protocol'

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

export const TURN_URLS = ['turn:turn.example.org:3478?transport=udp', 'turns:turn.example.org:443']

type Offer = Extract<ToNode, { type: 'offer' }>

export interface NodeOptions {
  readonly hello?: Partial<NodeHello>
  /** Answers every offer at once with `ANSWER`; default true. */
  readonly answers?: boolean
}

/**
 * A media node as the fleet sees one: a real WebSocket through the worker's own route, speaking the
 * protocol's frames. It has no WebRTC, keeps no seats and no conversations of its own, never pings by
 * itself, and does not check that the offer it answers is one.
 */
export class FakeNode {
  readonly region: string
  /** Frames received so far. */
  readonly frames: ToNode[] = []
  /** Settles when the fleet closes the link. */
  readonly closed: Promise<{ code: number; reason: string }>
  readonly #socket: WebSocket
  readonly #arrived = new EventTarget()
  readonly #probed = new EventTarget()
  #onOffer: (offer: Offer) => void = () => {}

  constructor(socket: WebSocket, region: string) {
    this.region = region
    this.#socket = socket
    socket.accept()
    socket.addEventListener('message', ({ data }) => {
      const frame = parseToNode(String(data))
      if (frame === undefined) return
      if (frame.type === 'hangup' && regionOf(frame.call) === 'probe') {
        this.#probed.dispatchEvent(new Event(frame.call))
        return
      }
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

  /** Answers every offer from now on; it has a conversation if it was offered a call of it before. */
  answers(): void {
    this.onOffer((offer) => this.answer(offer))
  }

  onOffer(react: (offer: Offer) => void): void {
    this.#onOffer = react
  }

  answer({ call, conversation, resume }: Offer): void {
    const had = this.frames.some(
      (frame) =>
        frame.type === 'offer' && frame.conversation === conversation && frame.call !== call,
    )
    const resumed = resume === undefined ? 'no' : had ? 'here' : 'moved'
    this.send({ type: 'answer', call, sdp: ANSWER, resumed })
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
  heard(): Promise<void> {
    const call = `probe-${crypto.randomUUID().replaceAll('-', '').slice(0, 22)}`
    this.send({ type: 'answer', call, sdp: '', resumed: 'no' })
    const signal = AbortSignal.timeout(2000)
    return new Promise((resolve, reject) => {
      this.#probed.addEventListener(call, () => resolve(), { once: true, signal })
      signal.addEventListener('abort', () => reject(new Error('the fleet hears nothing')))
    })
  }

  /** How many offers have come. */
  get offers(): number {
    return this.frames.filter(({ type }) => type === 'offer').length
  }

  /** The offer that came last. */
  get lastOffer(): Offer | undefined {
    return this.frames.findLast((frame) => frame.type === 'offer')
  }

  /** Of which calls it was told that they are over, and why: `<call> <reason>`. */
  get hangups(): string[] {
    return this.frames.flatMap((frame) =>
      frame.type === 'hangup' ? [`${frame.call} ${frame.reason}`] : [],
    )
  }

  /** The bare text that comes next. */
  text(): Promise<string> {
    return new Promise((resolve) => {
      this.#socket.addEventListener('message', ({ data }) => resolve(String(data)), { once: true })
    })
  }
}
