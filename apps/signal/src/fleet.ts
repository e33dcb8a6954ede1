/**
 * The fleet: the media nodes of one region, the seats taken on them and the conversations they have.
 * Nodes dial in by WebSocket; the worker's routes call the RPC methods. Node facts are kept in the
 * sockets, the rest in SQLite, so the fleet sleeps between frames and nothing is lost when it wakes.
 */
import { DurableObject } from 'cloudflare:workers'
import { parseFromNode, PING, PONG, type FromNode, type NodeHello } from '@earshot/protocol'
import { ConversationTable } from './conversation-table.ts'
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
import { PendingOffers } from './pending-offers.ts'
import { place, tellMoved, type Carried, type PlaceRequest, type PlaceResult } from './placing.ts'
import { Repeats } from './repeats.ts'
import { SeatTable } from './seat-table.ts'
import { leastLoaded, pickForCall, type NodeReach } from './seats.ts'

export class Fleet extends DurableObject<Bindings> {
  /** How long a node may take to answer an offer, in ms. */
  answerTimeoutMs = 5_000
  /** How long the node that had the conversation may take when another could go on with it, in ms. */
  homeTimeoutMs = 600
  /** Unix ms. */
  now: () => number = Date.now

  readonly #seats: SeatTable
  readonly #conversations: ConversationTable
  readonly #offers = new PendingOffers()
  readonly #repeats = new Repeats<PlaceResult>()

  constructor(ctx: DurableObjectState, env: Bindings) {
    super(ctx, env)
    this.#seats = new SeatTable(ctx.storage.sql)
    this.#conversations = new ConversationTable(ctx.storage.sql)
    const nodes = new Set(this.#links().map(({ node }) => node))
    this.#seats.keepNodes(nodes)
    this.#conversations.onlyNodes(nodes, this.now())
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair(PING, PONG))
  }

  // --- what the worker calls ---

  /**
   * Finds a node for a call, and for the conversation that it may go on with. A caller who comes back is
   * in doubt whether anything gets through, and may send the same offer again: that is no other call.
   */
  placeCall(request: PlaceRequest): Promise<PlaceResult> {
    const { resume } = request
    const placing = (): Promise<PlaceResult> => this.#place(request)
    if (resume?.type !== 'token') return placing()
    const isGood = ({ type }: PlaceResult): boolean => type === 'answered'
    return this.#repeats.ask(resume.repeat, this.now(), placing, isGood)
  }

  async #place(request: PlaceRequest): Promise<PlaceResult> {
    const { answerTimeoutMs, homeTimeoutMs, now } = this
    const result = await place(
      {
        seats: this.#seats,
        conversations: this.#conversations,
        offers: this.#offers,
        links: () => {
          this.#dropSilent()
          return this.#links()
        },
        lost: (socket) => this.#lost(socket),
        now,
        answerTimeoutMs,
        homeTimeoutMs,
      },
      request,
    )
    await this.#watch()
    return result
  }

  /**
   * Ends a call, or what is kept of it after it was lost, and tells its node; `false` when neither
   * is there.
   */
  endCall(call: string): boolean {
    const kept = this.#conversations.byCall(call, this.now())
    // Its caller may know of an older call alone, while the newest is still being placed.
    const newest = kept?.call ?? call
    const node = kept?.node ?? this.#seats.nodeOf(call)
    if (node === undefined) return false
    this.#offers.settle(newest, node, { type: 'superseded' })
    this.#seats.release(newest, node)
    this.#conversations.over(newest)
    const link = this.#links().find((candidate) => candidate.node === node)
    if (link !== undefined) send(link.socket, { type: 'hangup', call: newest, reason: 'deleted' })
    return true
  }

  /** Another region has taken the conversation: this one forgets it, unless it has gone on here. */
  handOver({ conversation, call }: Carried): void {
    const kept = this.#conversations.byId(conversation)
    if (kept?.call !== call) return
    this.#conversations.over(call)
    tellMoved(this.#links(), kept.node, call)
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

  override async webSocketClose(socket: WebSocket): Promise<void> {
    this.#lost(socket)
    finish(socket)
    await this.#watch()
  }

  override async webSocketError(socket: WebSocket): Promise<void> {
    this.#lost(socket)
    await this.#watch()
  }

  override async alarm(): Promise<void> {
    this.#dropSilent()
    this.#conversations.removeExpired(this.now())
    await this.#watch()
  }

  #greet(socket: WebSocket, hello: NodeHello): void {
    const { node, seats, draining } = hello
    for (const older of this.#links().filter((link) => link.node === node)) {
      hangUp(older.socket, 'replaced', 'this node has dialled in again')
    }
    // Offers that an older link took with it have been given to other nodes: not its calls any more.
    // Nor are calls that were joined again while it was away.
    const astray = new Set([
      ...this.#offers.settleNode(node, { type: 'closed' }),
      ...hello.calls.filter((call) => (this.#seats.nodeOf(call) ?? node) !== node),
      ...hello.calls.filter((call) => this.#conversations.isElsewhere(call, node)),
    ])
    const calls = hello.calls.filter((call) => !astray.has(call))
    setState(socket, greeted(hello, this.now()))
    this.#seats.replaceNode(node, calls, this.now())
    this.#conversations.nodeGone(node, this.now())
    for (const call of calls) this.#conversations.nodeBack(call, node)
    send(socket, { type: 'welcome' })
    for (const call of astray) send(socket, { type: 'hangup', call, reason: 'moved' })
    log('info', 'node.joined', { node, seats, draining, calls: calls.length })
  }

  #hear(socket: WebSocket, state: NodeState, frame: Exclude<FromNode, NodeHello>): void {
    const { node } = state
    setState(socket, state)
    switch (frame.type) {
      case 'answer': {
        const { call, sdp, resumed } = frame
        if (this.#offers.settle(call, node, { type: 'answer', sdp, resumed })) return
        // Too late: its caller has been told so, has asked again, or has been given to another node.
        this.#seats.release(call, node)
        // Not `deleted`: the node may have a newer call of the same conversation.
        send(socket, { type: 'hangup', call, reason: 'moved' })
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
        if (frame.final) this.#conversations.over(frame.call, node)
        else this.#conversations.ended(frame.call, node, this.now())
        return
      }
      case 'connected': {
        this.#conversations.connected(frame.call, node)
        return
      }
      case 'keep': {
        this.#conversations.keep(frame.call, node, frame.kept)
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
    this.#conversations.nodeGone(node, this.now())
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

  /** Has the alarm ring when a socket has been silent for too long or a conversation expires. */
  async #watch(): Promise<void> {
    const deadlines = this.ctx.getWebSockets().flatMap((socket) => {
      const state = stateOf(socket)
      return state.type === 'closed' ? [] : [this.#silentAt(socket, state)]
    })
    const next = Math.min(...deadlines, this.#conversations.nextExpiry() ?? Infinity)
    const set = await this.ctx.storage.getAlarm()
    if (next < (set ?? Infinity)) await this.ctx.storage.setAlarm(next)
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
}
