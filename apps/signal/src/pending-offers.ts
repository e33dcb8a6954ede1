/** Offers that a node has been sent and has not answered. Pure but for its timers. */
import type { Refusal, Resumed } from '@earshot/protocol'

export type OfferOutcome =
  | { readonly type: 'answer'; readonly sdp: string; readonly resumed: Resumed }
  | { readonly type: 'refuse'; readonly reason: Refusal; readonly detail: string }
  /** The node's link closed first. */
  | { readonly type: 'closed' }
  | { readonly type: 'timeout' }
  /** The caller has asked again or hung up: nobody waits for the answer any more. */
  | { readonly type: 'superseded' }

interface Pending {
  readonly node: string
  readonly settle: (outcome: OfferOutcome) => void
}

export class PendingOffers {
  readonly #pending = new Map<string, Pending>()

  /** What `node` makes of the offer of `call`, within `timeoutMs`. One node at a time a call. */
  wait(call: string, node: string, timeoutMs: number): Promise<OfferOutcome> {
    return new Promise((resolve) => {
      const settle = (outcome: OfferOutcome): void => {
        clearTimeout(timer)
        this.#pending.delete(call)
        resolve(outcome)
      }
      const timer = setTimeout(() => settle({ type: 'timeout' }), timeoutMs)
      this.#pending.set(call, { node, settle })
    })
  }

  /** Settles the offer of `call` to `node`; `false` when there is none, or no more. */
  settle(call: string, node: string, outcome: OfferOutcome): boolean {
    const pending = this.#pending.get(call)
    if (pending?.node !== node) return false
    pending.settle(outcome)
    return true
  }

  /** Settles every offer to `node` and returns their calls. */
  settleNode(node: string, outcome: OfferOutcome): string[] {
    const calls = [...this.#pending].filter(([, pending]) => pending.node === node)
    for (const [, pending] of calls) pending.settle(outcome)
    return calls.map(([call]) => call)
  }
}
