/**
 * The fleet: the media nodes of one region and the seats taken on them. Nodes dial in by WebSocket;
 * the worker's routes call the RPC methods. Node facts are kept in the sockets and seats in SQLite,
 * so the fleet sleeps between frames and nothing is lost when it wakes.
 */
import { DurableObject } from 'cloudflare:workers'
import { parseFromNode, PING, PONG, type FromNode, type NodeHello } from '@earshot/protocol'
import type { Bindings } from './env.ts'
import { readGreeting } from './greeting.ts'
import { log } from './log.ts'
import {
  finish,
  greeted,
  hangUp,
  send,
  setState,
  silentAt,
  stateOf,
  type NodeLink,
  type NodeState,
} from './node-socket.ts'
import { PendingOffers, type OfferOutcome } from './pending-offers.ts'
import { SeatTable } from './seat-table.ts'
import { leastLoaded, pickForCall, type NodeReach } from './seats.ts'

/** What became of a call that was to be placed. `detail` is the node's, for the caller, in words. */
export type PlaceResult =
  | { type: 'answered'; node: string; sdp: string; turnUrls: string[]; direct: boolean }
  | { type: 'no-node' }
  | { type: 'full' }
  | { type: 'timeout'; node: string }
  | { type: 'bad-offer'; node: string; detail: string }
  | { type: 'failed'; node: string; detail: string }

export class Fleet extends DurableObject<Bindings> {
  /** How long a node may take to answer an offer, in ms. */
  answerTimeoutMs = 5_000
  /** Unix ms. */
  now: () => number = Date.now

  readonly #seats: SeatTable
  readonly #offers = new PendingOffers()

  constructor(ctx: DurableObjectState, env: Bindings) {
    super(ctx, env)
    this.#seats = new SeatTable(ctx.storage.sql)
    this.#seats.keepNodes(new Set(this.#links().map(({ node }) => node)))
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair(PING, PONG))
  }

  // --- what the worker calls ---

  /** Finds a node that answers the offer. Each node is asked at most once. */
  async placeCall(request: { call: string; sdp: string }): Promise<PlaceResult> {
    const { call, sdp } = request
    const tried = new Set<string>()
    for (;;) {
      this.#dropSilent()
      const pick = pickForCall(this.#links(), this.#seats.used(), tried)
      if (pick.type !== 'node') return pick
      const { socket, node, turnUrls, direct } = pick.node
      tried.add(node)
      // Taken before anything is awaited: no other offer can see this seat free.
      this.#seats.take(call, node, this.now())
      const outcome = await this.#offer(socket, node, call, sdp)
      if (outcome.type === 'answer') {
        return { type: 'answered', node, sdp: outcome.sdp, turnUrls: [...turnUrls], direct }
      }
      this.#seats.release(call, node)
      const result = resultOf(outcome, node)
      if (result !== undefined) return result
      log('info', 'call.passed-on', { call, node, why: outcome.type })
    }
  }

  /** Ends a call and tells its node; `false` when no node has it. */
  endCall(call: string): boolean {
    const node = this.#seats.nodeOf(call)
    if (node === undefined) return false
    this.#seats.release(call, node)
    const link = this.#links().find((candidate) => candidate.node === node)
    if (link !== undefined) send(link.socket, { type: 'hangup', call })
    return true
  }

  /** How to reach the least loaded node, without taking a seat; `undefined` when there is none. */
  reach(): NodeReach | undefined {
    this.#dropSilent()
    const links = this.#links()
    const staying = links.filter(({ draining }) => !draining)
    const best = leastLoaded(staying.length > 0 ? staying : links, this.#seats.used())
    return best && { turnUrls: [...best.turnUrls], direct: best.direct }
  }

  /** True when a call could be placed now. */
  ready(): boolean {
    this.#dropSilent()
    return pickForCall(this.#links(), this.#seats.used(), new Set()).type === 'node'
  }

  /** Takes a node's WebSocket in. The worker has checked its token. */
  override async fetch(request: Request): Promise<Response> {
    const { 0: client, 1: server } = new WebSocketPair()
    const region = new URL(request.url).searchParams.get('region') ?? ''
    this.ctx.acceptWebSocket(server)
    setState(server, { type: 'greeting', region, heardAt: this.now() })
    await this.#watch()
    return new Response(null, { status: 101, webSocket: client })
  }

  // --- what the sockets say ---

  override async webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): Promise<void> {
    const state = stateOf(socket)
    if (state.type === 'greeting') {
      const greeting = readGreeting(message, state.region)
      if (greeting.ok) this.#greet(socket, greeting.hello)
      else hangUp(socket, greeting.code, greeting.reason)
    } else if (state.type === 'node') {
      const frame = typeof message === 'string' ? parseFromNode(message) : undefined
      if (frame === undefined || frame.type === 'hello') {
        this.#drop(socket, state, 'badFrame', 'not a frame that fits here')
      } else this.#hear(socket, { ...state, heardAt: this.now() }, frame)
    }
    await this.#watch()
  }

  override webSocketClose(socket: WebSocket): void {
    this.#lost(socket)
    finish(socket)
  }

  override webSocketError(socket: WebSocket): void {
    this.#lost(socket)
  }

  override async alarm(): Promise<void> {
    this.#dropSilent()
    await this.#watch()
  }

  #greet(socket: WebSocket, hello: NodeHello): void {
    const { node, seats, draining } = hello
    for (const older of this.#links().filter((link) => link.node === node)) {
      hangUp(older.socket, 'replaced', 'this node has dialled in again')
    }
    // Offers that an older link took with it have been given to other nodes: not its calls any more.
    const astray = new Set([
      ...this.#offers.settleNode(node, { type: 'closed' }),
      ...hello.calls.filter((call) => (this.#seats.nodeOf(call) ?? node) !== node),
    ])
    const calls = hello.calls.filter((call) => !astray.has(call))
    setState(socket, greeted(hello, this.now()))
    this.#seats.replaceNode(node, calls, this.now())
    send(socket, { type: 'welcome' })
    for (const call of astray) send(socket, { type: 'hangup', call })
    log('info', 'node.joined', { node, seats, draining, calls: calls.length })
  }

  #hear(socket: WebSocket, state: NodeState, frame: Exclude<FromNode, NodeHello>): void {
    const { node } = state
    setState(socket, state)
    switch (frame.type) {
      case 'answer': {
        if (this.#offers.settle(frame.call, node, { type: 'answer', sdp: frame.sdp })) return
        // Too late: its caller has been told so, or has been given to another node.
        this.#seats.release(frame.call, node)
        send(socket, { type: 'hangup', call: frame.call })
        return
      }
      case 'refuse': {
        const { reason, detail } = frame
        if (!this.#offers.settle(frame.call, node, { type: 'refuse', reason, detail })) {
          this.#seats.release(frame.call, node)
        }
        return
      }
      case 'ended': {
        const detail = 'The node ended the call before it had answered.'
        this.#offers.settle(frame.call, node, { type: 'refuse', reason: 'failed', detail })
        this.#seats.release(frame.call, node)
        return
      }
      case 'status': {
        const { load, draining } = frame
        if (draining && !state.draining) log('info', 'node.draining', { node })
        setState(socket, { ...state, load, draining })
        return
      }
      default:
        frame satisfies never
    }
  }

  // --- nodes that go ---

  #lost(socket: WebSocket): void {
    const state = stateOf(socket)
    // Marked first, so that an offer that moves on cannot pick the same socket again.
    setState(socket, { type: 'closed' })
    if (state.type === 'node') this.#forget(state.node, 'closed')
  }

  #drop(socket: WebSocket, state: NodeState, code: 'badFrame' | 'silent', reason: string): void {
    hangUp(socket, code, reason)
    this.#forget(state.node, code)
  }

  #forget(node: string, why: string): void {
    this.#seats.releaseNode(node)
    this.#offers.settleNode(node, { type: 'closed' })
    log('info', 'node.left', { node, why })
  }

  #dropSilent(): void {
    for (const socket of this.ctx.getWebSockets()) {
      const state = stateOf(socket)
      if (state.type === 'closed' || this.now() < this.#silentAt(socket, state)) continue
      if (state.type === 'node') this.#drop(socket, state, 'silent', 'nothing heard for too long')
      else hangUp(socket, 'silent', 'no hello')
    }
  }

  /** Has the alarm ring when the first of the sockets would have been silent for too long. */
  async #watch(): Promise<void> {
    const deadlines = this.ctx.getWebSockets().flatMap((socket) => {
      const state = stateOf(socket)
      return state.type === 'closed' ? [] : [this.#silentAt(socket, state)]
    })
    if (deadlines.length === 0) return
    if ((await this.ctx.storage.getAlarm()) !== null) return
    await this.ctx.storage.setAlarm(Math.min(...deadlines))
  }

  // --- the rest ---

  #links(): NodeLink[] {
    return this.ctx.getWebSockets().flatMap((socket) => {
      const state = stateOf(socket)
      return state.type === 'node' ? [{ ...state, socket }] : []
    })
  }

  #silentAt(socket: WebSocket, state: { heardAt: number }): number {
    return silentAt(state, this.ctx.getWebSocketAutoResponseTimestamp(socket))
  }

  async #offer(socket: WebSocket, node: string, call: string, sdp: string): Promise<OfferOutcome> {
    if (!send(socket, { type: 'offer', call, sdp })) {
      this.#lost(socket)
      return { type: 'closed' }
    }
    const outcome = await this.#offers.wait(call, node, this.answerTimeoutMs)
    if (outcome.type === 'timeout') send(socket, { type: 'hangup', call })
    return outcome
  }
}

/** What an offer that was not answered means for its caller; `undefined`: ask the next node. */
function resultOf(
  outcome: Exclude<OfferOutcome, { type: 'answer' }>,
  node: string,
): PlaceResult | undefined {
  if (outcome.type === 'timeout') return { type: 'timeout', node }
  if (outcome.type === 'closed') return undefined
  const { reason, detail } = outcome
  return reason === 'bad-offer' || reason === 'failed' ? { type: reason, node, detail } : undefined
}
