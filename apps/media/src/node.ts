/** The node: its seats, the calls in them, and the conversations that they are about. */
import type { FromNode, Resumed, ToNode } from '@earshot/protocol'
import type { HandlerDefinition } from './handler.ts'
import { Conversations } from './conversations.ts'
import { BadOfferError } from './peer.ts'
import { startSession, type CallSettings, type EndReason, type Session } from './session.ts'

export interface NodeOptions extends CallSettings {
  readonly seats: number
  readonly handlerName: string
  readonly handler: HandlerDefinition
  /** How long a conversation waits for its caller to come back, in ms; `RESUME_MS` if not given. */
  readonly resumeMs?: number
  /** Sends a frame to the fleet, if it is linked. */
  readonly tellFleet: (frame: FromNode) => boolean
}

type Offer = Extract<ToNode, { type: 'offer' }>
type HangUp = Extract<ToNode, { type: 'hangup' }>

interface Call {
  readonly conversation: string
  /** Absent while the answer is being made. */
  session?: Session
}

export class MediaNode {
  readonly #options: NodeOptions
  readonly #conversations: Conversations
  /** From the moment an offer arrives, before it is answered; the newest last. */
  readonly #calls = new Map<string, Call>()
  #draining = false

  constructor(options: NodeOptions) {
    this.#options = options
    this.#conversations = new Conversations({
      ...options,
      maxWaiting: options.seats,
      keep: (frame) => options.tellFleet(frame),
    })
  }

  get draining(): boolean {
    return this.#draining
  }

  /** The ids of the calls that hold a seat: of each conversation the newest. */
  calls(): string[] {
    const newest = new Map([...this.#calls].map(([call, { conversation }]) => [conversation, call]))
    return [...newest.values()]
  }

  /** Takes the call or refuses it; either way the fleet is told. */
  async offer(offer: Offer): Promise<void> {
    const { call, conversation: id } = offer
    const { metrics, log, seats } = this.#options
    if (this.#draining) return this.#refuse(call, 'draining', 'the node is shutting down')
    // A call that is joined again needs no second seat: the one that it replaces goes when it is there.
    const others = new Set([...this.#calls.values()].map(({ conversation }) => conversation))
    others.delete(id)
    if (this.#calls.has(call) || others.size >= seats) {
      return this.#refuse(call, 'full', `all ${seats} seats of the node are taken`)
    }
    this.#calls.set(call, { conversation: id })
    const startedAt = performance.now()
    try {
      const { session, resumed } = await this.#start(offer)
      const seconds = (performance.now() - startedAt) / 1000
      metrics.answerSeconds.observe(seconds)
      const entry = this.#calls.get(call)
      if (!entry) {
        // The caller hung up while the answer was being made.
        session.close('never-connected')
        return
      }
      entry.session = session
      this.#dropUnreached(id, call)
      const answer = { type: 'answer', call, sdp: session.answer, resumed } as const
      if (!this.#options.tellFleet(answer)) {
        // The link went down meanwhile, so the caller will never see this answer.
        session.close('lost')
        return
      }
      metrics.offers.inc({ outcome: 'answered' })
      if (resumed !== 'no') metrics.rejoins.inc({ outcome: resumed })
      log.info({ call, resumed, ms: Math.round(seconds * 1000) }, 'answered')
    } catch (error) {
      this.#calls.delete(call)
      if (this.#callsOf(id).length === 0) this.#conversations.wait(id)
      if (error instanceof BadOfferError) return this.#refuse(call, 'bad-offer', error.message)
      log.error({ call, error: String(error) }, 'could not take the call')
      this.#refuse(call, 'failed', 'the node could not open a connection for the call')
    }
  }

  /** The caller has hung up, or goes on by another call. */
  hangUp({ call, reason }: HangUp): void {
    const entry = this.#calls.get(call)
    const id = entry?.conversation ?? this.#conversations.idOf(call)
    if (id === undefined) return
    if (reason === 'moved') {
      const newer = entry !== undefined && this.#callsOf(id).at(-1) !== call
      return newer ? this.#end(call, 'moved') : this.#endConversation(id, 'moved')
    }
    // A rejoin that was given up before its answer: the caller may ask again, and finds all there was.
    const vain = entry !== undefined && !entry.session && this.#conversations.get(id)?.reached
    return vain ? this.#end(call, 'never-connected') : this.#endConversation(id, 'hung-up')
  }

  /** The fleet may have missed what was said while the link was down. */
  linked(): void {
    for (const [call, { session }] of this.#calls) {
      if (session?.ready) this.#options.tellFleet({ type: 'connected', call })
    }
    this.#conversations.keepAll()
  }

  /** Takes no more calls. Resolves when the last one has ended, or after `graceMs` when it ends those left. */
  async drain(graceMs: number): Promise<void> {
    this.#draining = true
    const until = performance.now() + graceMs
    while (this.#calls.size > 0 && performance.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, Math.min(100, graceMs)))
    }
    this.closeAll('draining')
  }

  /** Ends all calls, and the conversations with them: their callers find what was kept on another node. */
  closeAll(reason: EndReason): void {
    for (const [call, { session }] of this.#calls) {
      if (session) {
        session.close(reason)
      } else {
        // Its answer, when it is made, finds the seat gone and is not sent.
        this.#calls.delete(call)
        this.#refuse(call, 'draining', 'the node is shutting down')
      }
    }
    this.#conversations.closeAll()
  }

  async #start(offer: Offer): Promise<{ session: Session; resumed: Resumed }> {
    const { call, sdp, conversation: id, resume } = offer
    let resumed: Resumed = 'no'
    const session = await startSession({
      ...this.#options,
      callId: call,
      offer: sdp,
      conversation: () => {
        if (this.#conversations.get(id)) resumed = 'here'
        else if (resume) resumed = 'moved'
        return this.#conversations.open(id, call, resume)
      },
      onReady: () => this.#ready(call, id),
      onEnd: (reason) => this.#over(call, id, reason),
    })
    return { session, resumed }
  }

  #ready(call: string, id: string): void {
    for (const other of this.#older(id, call)) this.#end(other, 'moved')
    this.#options.tellFleet({ type: 'connected', call })
  }

  /**
   * Ends the calls that were answered before `call` and have not reached the conversation: a page asks
   * again when it has given the last answer up, and a conversation needs two connections at most.
   */
  #dropUnreached(id: string, call: string): void {
    for (const other of this.#older(id, call)) {
      if (!this.#calls.get(other)?.session?.attached) this.#end(other, 'moved')
    }
  }

  #older(id: string, call: string): string[] {
    const calls = this.#callsOf(id)
    return calls.slice(0, calls.indexOf(call))
  }

  #callsOf(id: string): string[] {
    return [...this.#calls].flatMap(([call, { conversation }]) =>
      conversation === id ? [call] : [],
    )
  }

  #endConversation(id: string, reason: EndReason): void {
    for (const call of this.#callsOf(id)) this.#end(call, reason)
    this.#conversations.close(id)
  }

  #end(call: string, reason: EndReason): void {
    const entry = this.#calls.get(call)
    if (entry?.session) entry.session.close(reason)
    else if (entry) this.#over(call, entry.conversation, reason)
  }

  /** A call is over: its seat is free, and its conversation waits, or is over too. */
  #over(call: string, id: string, reason: EndReason): void {
    const final = reason === 'hung-up' || reason === 'failed'
    if (this.#calls.delete(call)) this.#options.tellFleet({ type: 'ended', call, final })
    if (reason === 'failed') this.#endConversation(id, reason)
    else if (this.#callsOf(id).length > 0) return
    else if (final || this.#draining) this.#conversations.close(id)
    else this.#conversations.wait(id)
  }

  #refuse(
    call: string,
    reason: Extract<FromNode, { type: 'refuse' }>['reason'],
    detail: string,
  ): void {
    this.#options.metrics.offers.inc({ outcome: reason })
    this.#options.log.warn({ call, reason, detail }, 'refused')
    this.#options.tellFleet({ type: 'refuse', call, reason, detail })
  }
}
