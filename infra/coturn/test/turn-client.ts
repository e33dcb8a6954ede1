/**
 * A TURN client (RFC 8656) over UDP, for tests: it asks for exactly one thing at a time and says
 * what the relay answered, errors included.
 */
import { createSocket } from 'node:dgram'
import type { Socket } from 'node:dgram'
import { once } from 'node:events'
import { ATTRIBUTE, decode, encode, errorCode, longTermKey, METHOD } from './stun.ts'
import { readXorAddress, xorAddress } from './stun.ts'
import type { Endpoint, StunMessage } from './stun.ts'

export interface TurnLogin {
  readonly username: string
  readonly credential: string
}

/** What came of a request: 'ok', or the STUN error code (401, 403, 486 …). */
export type TurnOutcome = 'ok' | number

export interface TurnClient {
  /** Where the relay is reached by peers, once `allocate()` was 'ok'. */
  readonly relayed: Endpoint | undefined
  /** Answers the challenge once; 401 is then final. `family` 6 asks for an IPv6 relay address. */
  allocate(family?: 4 | 6): Promise<TurnOutcome>
  createPermission(peer: Endpoint): Promise<TurnOutcome>
  channelBind(peer: Endpoint, channel: number): Promise<TurnOutcome>
  /** A Send indication: it is never answered. */
  send(peer: Endpoint, data: Buffer): void
  sendOnChannel(channel: number, data: Buffer): void
  /** The next datagram from a peer, by Data indication or channel; `undefined` after `ms`. */
  receive(ms: number): Promise<Buffer | undefined>
  /** Gives the allocation back (its quota with it) and closes the socket. */
  close(): Promise<void>
}

/** Opens a client's socket; nothing is sent yet. */
export async function turnClient(server: Endpoint, login: TurnLogin): Promise<TurnClient> {
  const socket = createSocket(server.address.includes(':') ? 'udp6' : 'udp4')
  socket.bind()
  await once(socket, 'listening')
  return new Client(socket, server, login)
}

/** True when something answers STUN Binding requests there within `ms`. */
export async function answersStun(server: Endpoint, ms: number): Promise<boolean> {
  const socket = createSocket(server.address.includes(':') ? 'udp6' : 'udp4')
  const client = new Client(socket, server, { username: '', credential: '' })
  const answer = await client.request(METHOD.binding, () => [], ms, 1)
  await client.close()
  return answer !== undefined
}

type Attributes = readonly (readonly [number, Buffer])[]

const UDP = Buffer.from([17, 0, 0, 0])
const FAMILY_V6 = Buffer.from([2, 0, 0, 0])
const RETRY_MS = 500

class Client implements TurnClient {
  relayed: Endpoint | undefined
  #challenge: { readonly realm: Buffer; readonly nonce: Buffer } | undefined
  #closed = false
  readonly #waiting = new Map<string, (message: StunMessage) => void>()
  readonly #received: Buffer[] = []
  #wake: () => void = () => {}
  readonly #socket: Socket
  readonly #server: Endpoint
  readonly #login: TurnLogin

  constructor(socket: Socket, server: Endpoint, login: TurnLogin) {
    this.#socket = socket
    this.#server = server
    this.#login = login
    socket.on('message', (bytes) => this.#onMessage(bytes))
  }

  async allocate(family: 4 | 6 = 4): Promise<TurnOutcome> {
    const attributes: Attributes = [
      [ATTRIBUTE.requestedTransport, UDP],
      ...(family === 6 ? [[ATTRIBUTE.requestedFamily, FAMILY_V6] as const] : []),
    ]
    const first = await this.#ask(METHOD.allocate, () => attributes)
    if (errorCode(first) !== 401) throw new Error('the relay asks for no credentials')
    const realm = first.attributes.get(ATTRIBUTE.realm)
    const nonce = first.attributes.get(ATTRIBUTE.nonce)
    if (realm === undefined || nonce === undefined) throw new Error('a challenge without a nonce')
    this.#challenge = { realm, nonce }
    const second = await this.#ask(METHOD.allocate, () => attributes)
    const relayed = second.attributes.get(ATTRIBUTE.relayedAddress)
    if (relayed !== undefined && relayed[1] === 1) this.relayed = readXorAddress(relayed)
    return errorCode(second) ?? 'ok'
  }

  async createPermission(peer: Endpoint): Promise<TurnOutcome> {
    return this.#outcome(METHOD.createPermission, (id) => [
      [ATTRIBUTE.peerAddress, xorAddress(peer, id)],
    ])
  }

  async channelBind(peer: Endpoint, channel: number): Promise<TurnOutcome> {
    const number = Buffer.alloc(4)
    number.writeUInt16BE(channel, 0)
    return this.#outcome(METHOD.channelBind, (id) => [
      [ATTRIBUTE.channelNumber, number],
      [ATTRIBUTE.peerAddress, xorAddress(peer, id)],
    ])
  }

  send(peer: Endpoint, data: Buffer): void {
    this.#write(
      encode(METHOD.sendIndication, (id) => [
        [ATTRIBUTE.peerAddress, xorAddress(peer, id)],
        [ATTRIBUTE.data, data],
      ]).bytes,
    )
  }

  sendOnChannel(channel: number, data: Buffer): void {
    const head = Buffer.alloc(4)
    head.writeUInt16BE(channel, 0)
    head.writeUInt16BE(data.length, 2)
    this.#write(Buffer.concat([head, data]))
  }

  async receive(ms: number): Promise<Buffer | undefined> {
    if (this.#received.length === 0) {
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#wake = resolve
      const timer = setTimeout(resolve, ms)
      await promise
      clearTimeout(timer)
    }
    return this.#received.shift()
  }

  async close(): Promise<void> {
    if (this.#closed) return
    if (this.relayed !== undefined) {
      await this.request(METHOD.refresh, () => [[ATTRIBUTE.lifetime, Buffer.alloc(4)]], 500, 1)
    }
    this.#closed = true
    this.#socket.close()
  }

  /** Sends until an answer comes; `undefined` when none does in `tries` times `ms`. */
  async request(
    method: number,
    attributes: (transaction: Buffer) => Attributes,
    ms: number,
    tries: number,
  ): Promise<StunMessage | undefined> {
    const { bytes, transaction } = encode(method, (id) => this.#signed(attributes(id)), this.#key())
    const id = transaction.toString('hex')
    const { promise, resolve } = Promise.withResolvers<StunMessage | undefined>()
    this.#waiting.set(id, resolve)
    const retry = setInterval(() => this.#write(bytes), ms)
    const end = setTimeout(() => resolve(undefined), ms * tries)
    this.#write(bytes)
    const answer = await promise
    clearInterval(retry)
    clearTimeout(end)
    this.#waiting.delete(id)
    return answer
  }

  async #ask(method: number, attributes: (id: Buffer) => Attributes): Promise<StunMessage> {
    const answer = await this.request(method, attributes, RETRY_MS, 6)
    if (answer === undefined) throw new Error(`no answer from the relay in ${RETRY_MS * 6} ms`)
    return answer
  }

  async #outcome(method: number, attributes: (id: Buffer) => Attributes): Promise<TurnOutcome> {
    return errorCode(await this.#ask(method, attributes)) ?? 'ok'
  }

  #signed(attributes: Attributes): Attributes {
    if (this.#challenge === undefined) return attributes
    return [
      ...attributes,
      [ATTRIBUTE.username, Buffer.from(this.#login.username)],
      [ATTRIBUTE.realm, this.#challenge.realm],
      [ATTRIBUTE.nonce, this.#challenge.nonce],
    ]
  }

  #key(): Buffer | undefined {
    if (this.#challenge === undefined) return undefined
    const { username, credential } = this.#login
    return longTermKey(username, this.#challenge.realm.toString(), credential)
  }

  #onMessage(bytes: Buffer): void {
    const message = decode(bytes)
    if (message !== undefined && message.type !== METHOD.dataIndication) {
      this.#waiting.get(message.transaction.toString('hex'))?.(message)
      return
    }
    const length = bytes.readUInt16BE(2)
    const data = message?.attributes.get(ATTRIBUTE.data) ?? bytes.subarray(4, 4 + length)
    this.#received.push(data)
    this.#wake()
  }

  #write(bytes: Buffer): void {
    if (!this.#closed) this.#socket.send(bytes, this.#server.port, this.#server.address)
  }
}
