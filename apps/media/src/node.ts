/** The node: its seats and the calls in them. */
import type { FromNode } from '@earshot/protocol'
import { BadOfferError } from './peer.ts'
import { startSession, type CallSettings, type EndReason, type Session } from './session.ts'

export interface NodeOptions extends CallSettings {
  readonly seats: number
  /** Sends a frame to the fleet, if it is linked. */
  readonly tellFleet: (frame: FromNode) => boolean
}

export class MediaNode {
  readonly #options: NodeOptions
  /** A seat is taken from the moment its offer arrives, before it is answered. */
  readonly #seats = new Map<string, Session | 'answering'>()
  #draining = false

  constructor(options: NodeOptions) {
    this.#options = options
  }

  get draining(): boolean {
    return this.#draining
  }

  /** The ids of the calls that hold a seat. */
  calls(): string[] {
    return [...this.#seats.keys()]
  }

  /** Takes the call or refuses it; either way the fleet is told. */
  async offer(call: string, sdp: string): Promise<void> {
    const { metrics, log, seats } = this.#options
    if (this.#draining) return this.#refuse(call, 'draining', 'the node is shutting down')
    if (this.#seats.has(call) || this.#seats.size >= seats) {
      return this.#refuse(call, 'full', `all ${seats} seats of the node are taken`)
    }
    this.#seats.set(call, 'answering')
    const startedAt = performance.now()
    try {
      const session = await startSession({
        ...this.#options,
        callId: call,
        offer: sdp,
        onEnd: () => this.#free(call),
      })
      const seconds = (performance.now() - startedAt) / 1000
      metrics.answerSeconds.observe(seconds)
      if (!this.#seats.has(call)) {
        // The caller hung up while the answer was being made.
        session.close('hung-up')
        return
      }
      this.#seats.set(call, session)
      if (!this.#options.tellFleet({ type: 'answer', call, sdp: session.answer })) {
        // The link went down meanwhile, so the caller will never see this answer.
        session.close('lost')
        return
      }
      metrics.offers.inc({ outcome: 'answered' })
      log.info({ call, ms: Math.round(seconds * 1000) }, 'answered')
    } catch (error) {
      this.#seats.delete(call)
      if (error instanceof BadOfferError) return this.#refuse(call, 'bad-offer', error.message)
      log.error({ call, error: String(error) }, 'could not take the call')
      this.#refuse(call, 'failed', 'the node could not open a connection for the call')
    }
  }

  /** The caller has hung up. */
  hangUp(call: string): void {
    const session = this.#seats.get(call)
    if (session === 'answering') this.#free(call)
    else session?.close('hung-up')
  }

  /** Takes no more calls. Resolves when the last one has ended, or after `graceMs` when it ends those left. */
  async drain(graceMs: number): Promise<void> {
    this.#draining = true
    const until = performance.now() + graceMs
    while (this.#seats.size > 0 && performance.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, Math.min(100, graceMs)))
    }
    this.closeAll('draining')
  }

  closeAll(reason: EndReason): void {
    for (const [call, session] of this.#seats) {
      if (session !== 'answering') {
        session.close(reason)
      } else {
        // Its answer, when it is made, finds the seat gone and is not sent.
        this.#seats.delete(call)
        this.#refuse(call, 'draining', 'the node is shutting down')
      }
    }
  }

  #free(call: string): void {
    if (this.#seats.delete(call)) this.#options.tellFleet({ type: 'ended', call })
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
