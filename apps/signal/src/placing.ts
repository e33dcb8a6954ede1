/** How a fleet finds a node for a call: for a new one, or for one that goes on with a conversation. */
import type { Kept, Resumed } from '@earshot/protocol'
import type { Conversation, ConversationTable } from './conversation-table.ts'
import { log } from './log.ts'
import { send, type NodeLink } from './node-socket.ts'
import type { OfferOutcome, PendingOffers } from './pending-offers.ts'
import type { SeatTable } from './seat-table.ts'
import { pickForCall } from './seats.ts'

/** A conversation on its way to another region. */
export interface Carried {
  readonly conversation: string
  /** The call that was lost. */
  readonly call: string
  readonly kept: Kept
}

export interface PlaceRequest {
  readonly call: string
  readonly sdp: string
  /** The resume token that its caller will be given, which is not stored, */
  readonly next: string
  /** and its hash. */
  readonly token: string
  /** The conversation to go on with: by the hash of the token shown, or handed over by its region. */
  readonly resume?:
    | {
        readonly type: 'token'
        readonly hash: string
        readonly attempt: number
        /** Hash of the token and the offer: alike for a request that is sent again. */
        readonly repeat: string
      }
    | ({ readonly type: 'carried' } & Carried)
}

/** What became of a call that was to be placed. `detail` is the node's, for the caller, in words. */
export type PlaceResult =
  | {
      type: 'answered'
      /** Those of the request, or of the one that it repeats. */
      call: string
      next: string
      node: string
      sdp: string
      turnUrls: string[]
      direct: boolean
      resumed: Resumed
    }
  /** Not here. `carried`: what another region needs, when the token shown was good. */
  | { type: 'no-node' | 'full'; carried?: Carried }
  | { type: 'timeout'; node: string; carried?: Carried }
  | { type: 'bad-offer' | 'failed'; node: string; detail: string }
  /** Its caller has asked again or hung up before or meanwhile, and waits no more. */
  | { type: 'superseded'; node: string }

/** What placing needs of its fleet. */
export interface Floor {
  readonly seats: SeatTable
  readonly conversations: ConversationTable
  readonly offers: PendingOffers
  /** The nodes that are there now. */
  links(): NodeLink[]
  /** A socket turns out to have gone. */
  lost(socket: WebSocket): void
  /** Unix ms. */
  now(): number
  /** How long a node may take to answer an offer, in ms, */
  readonly answerTimeoutMs: number
  /** and the node that had the conversation, when another could go on with it. */
  readonly homeTimeoutMs: number
}

/**
 * Finds a node that answers the offer. Each node is asked at most once.
 *
 * Up to its first offer this runs in one piece: the token is looked up, the lost call's seat freed
 * and the new one taken before any other request can see the difference.
 */
export async function place(floor: Floor, request: PlaceRequest): Promise<PlaceResult> {
  const { call, token, resume } = request
  const lost =
    resume?.type === 'token' ? floor.conversations.byToken(resume.hash, floor.now()) : undefined
  if (lost && resume?.type === 'token') {
    if (resume.attempt < lost.attempt) return { type: 'superseded', node: lost.node }
    takeBack(floor, lost)
  }
  const carried = resume?.type === 'carried' ? resume : lost && carriedOf(lost)
  const result = await offerAround(floor, request, {
    conversation: carried?.conversation ?? call,
    call,
    token,
    ...(lost && resume?.type === 'token' ? wayBack(lost, resume) : NO_WAY_BACK),
    carried,
    home: lost?.node,
  })
  if (result.type === 'answered') floor.conversations.answered(call)
  if (result.type === 'answered' || result.type === 'superseded') {
    if (lost && lost.node !== result.node) tellMoved(floor.links(), lost.node, lost.call)
    return result
  }
  if (lost === undefined) {
    floor.conversations.over(call)
    return result
  }
  // The token is still good: its caller may try again.
  floor.conversations.restore(lost, call, floor.now())
  return 'detail' in result ? result : { ...result, carried: carriedOf(lost) }
}

/** Tells `node`, if it is there, that the conversation of `call` goes on elsewhere. */
export function tellMoved(links: readonly NodeLink[], node: string, call: string): void {
  const link = links.find((candidate) => candidate.node === node)
  if (link !== undefined) send(link.socket, { type: 'hangup', call, reason: 'moved' })
}

// --- the lost call ---

const NO_WAY_BACK = { previous: null, former: null, attempt: 0 }

/** Frees the seat of the call that was lost, which may still wait for its own answer. */
function takeBack({ offers, seats }: Floor, lost: Conversation): void {
  offers.settle(lost.call, lost.node, { type: 'superseded' })
  seats.release(lost.call, lost.node)
}

/** By which token and call the caller knows the conversation until it is connected again. */
function wayBack(
  lost: Conversation,
  { hash, attempt }: { readonly hash: string; readonly attempt: number },
): Pick<Conversation, 'previous' | 'former' | 'attempt'> {
  // An older token means that the answer with the newest was lost, and its call's id with it.
  const former = hash === lost.token ? lost.call : lost.former
  return { previous: hash, former, attempt: Number.isFinite(attempt) ? attempt : lost.attempt }
}

function carriedOf(lost: Conversation): Carried {
  const { conversation, call, turn, state } = lost
  return { conversation, call, kept: state === null ? { turn } : { turn, state } }
}

// --- offers ---

interface Placing extends Pick<
  Conversation,
  'conversation' | 'call' | 'token' | 'previous' | 'former' | 'attempt'
> {
  readonly carried: Carried | undefined
  /** The node that had the conversation. */
  readonly home: string | undefined
}

async function offerAround(
  floor: Floor,
  { sdp, next }: PlaceRequest,
  placing: Placing,
): Promise<PlaceResult> {
  const { seats, conversations } = floor
  const { carried, home, ...names } = placing
  const { call } = names
  const { turn, state = null } = carried?.kept ?? { turn: 0 }
  const tried = new Set<string>()
  for (;;) {
    const pick = pickForCall(floor.links(), seats.used(), tried, home)
    if (pick.type !== 'node') return pick
    const { node, turnUrls, direct } = pick.node
    tried.add(node)
    // Taken before anything is awaited: no other offer can see this seat free.
    seats.take(call, node, floor.now())
    conversations.offered({ ...names, node, turn, state }, floor.now())
    const others = node === home && pickForCall(floor.links(), seats.used(), tried).type === 'node'
    const timeoutMs = others ? floor.homeTimeoutMs : floor.answerTimeoutMs
    const outcome = await offer(floor, pick.node, sdp, placing, timeoutMs)
    if (outcome.type === 'answer') {
      const { sdp: answer, resumed } = outcome
      const reach = { turnUrls: [...turnUrls], direct }
      return { type: 'answered', call, next, node, sdp: answer, ...reach, resumed }
    }
    seats.release(call, node)
    const result = others && outcome.type === 'timeout' ? undefined : resultOf(outcome, node)
    if (result !== undefined) return result
    log('info', 'call.passed-on', { call, node, why: outcome.type })
  }
}

async function offer(
  floor: Floor,
  { socket, node }: NodeLink,
  sdp: string,
  { call, conversation, carried }: Placing,
  timeoutMs: number,
): Promise<OfferOutcome> {
  const resume = carried && { resume: carried.kept }
  if (!send(socket, { type: 'offer', call, sdp, conversation, ...resume })) {
    floor.lost(socket)
    return { type: 'closed' }
  }
  const outcome = await floor.offers.wait(call, node, timeoutMs)
  if (outcome.type === 'timeout') {
    // Else the node would keep a connection for a call that nobody knows.
    send(socket, { type: 'hangup', call, reason: carried ? 'moved' : 'deleted' })
  }
  return outcome
}

/** What an offer that was not answered means for its caller; `undefined`: ask the next node. */
function resultOf(
  outcome: Exclude<OfferOutcome, { type: 'answer' }>,
  node: string,
): PlaceResult | undefined {
  switch (outcome.type) {
    case 'timeout':
      return { type: 'timeout', node }
    case 'closed':
      return undefined
    case 'superseded':
      return { type: 'superseded', node }
    case 'refuse': {
      const { reason, detail } = outcome
      return reason === 'bad-offer' || reason === 'failed'
        ? { type: reason, node, detail }
        : undefined
    }
    default:
      return outcome satisfies never
  }
}
