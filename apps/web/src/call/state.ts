import type { NodeEvent, PageEvent } from '@earshot/protocol'
import type { CallFailure } from './failure.ts'

/**
 * ```
 * idle ──tap──> connecting(mic → answer → relay → late) ──open──> live ──lost──> reconnecting ──open──> live
 *                  └──failed──> failed                       └──ended──> ended   └──failed──> failed
 * ```
 * `failed`, `ended` and `idle` go to `connecting` with the next tap.
 */
export type CallState =
  | { status: 'idle' }
  | { status: 'connecting'; step: ConnectingStep; since: number }
  /** It takes long: `doubt` is what seems to be the matter, `undefined` on a network that is merely slow. */
  | { status: 'connecting'; step: 'late'; doubt: CallFailure | undefined; since: number }
  | LiveState
  /** `since` is when the connection was lost, `forMs` how long ago that was at the newest attempt. */
  | { status: 'reconnecting'; forMs: number; since: number }
  | { status: 'failed'; failure: CallFailure; call: string | undefined }
  | { status: 'ended'; why: EndReason; message: string | undefined }

/** What the tap is waiting for: the microphone, the service's answer, or the media path. */
export type ConnectingStep = 'mic' | 'answer' | 'relay'

export interface LiveState {
  status: 'live'
  call: string
  since: number
  /** `undefined` until the node has said that its handler listens. */
  mode: 'turns' | 'frames' | undefined
  floor: Floor
  speaking: boolean
  answer: Answer
  /** Gone when the next turn begins. */
  notice: Notice | undefined
}

/** What the person should know when nobody holds the floor. */
export type Notice =
  /** What the handler told about a turn that failed. */
  | { kind: 'turn-failed'; message: string }
  /** After a rejoin that could not go on with the conversation. */
  | { kind: 'started-over' }

/** Who holds the floor. */
export type Floor = 'nobody' | 'you' | 'thinking' | 'reply'

/** Where the handler is with the last turn; `turn` is unknown until the node has confirmed one. */
export type Answer =
  | { kind: 'none' }
  | { kind: 'thinking'; turn: number | undefined }
  | { kind: 'reply'; turn: number }

/** Who ended it, in good order: the person here, or the handler. */
export type EndReason = 'hung-up' | 'handler'

export type CallChange =
  | { type: 'step'; step: ConnectingStep; at: number }
  | { type: 'doubt'; doubt: CallFailure | undefined }
  | { type: 'open'; call: string; at: number; carried?: Carried }
  | { type: 'mark'; mark: Mark }
  | { type: 'event'; event: NodeEvent }
  /** No turn came of what ended: the node did not take it for speech. */
  | { type: 'no-turn' }
  | { type: 'lost'; forMs: number; at: number }
  | { type: 'failed'; failure: CallFailure; call: string | undefined }
  | { type: 'ended'; why: EndReason; message: string | undefined }

/** What a new connection has from before it. */
export type Carried = Pick<LiveState, 'speaking' | 'answer' | 'notice'>

export type Mark = Exclude<PageEvent['type'], 'call.catch-up'>

export const IDLE: CallState = { status: 'idle' }

const NOTHING_CARRIED: Carried = { speaking: false, answer: { kind: 'none' }, notice: undefined }

/** The state after `change`. Pure; what does not apply to the state leaves it as it is. */
export function nextState(state: CallState, change: CallChange): CallState {
  switch (change.type) {
    case 'step':
      // A rejoin goes through the same steps and stays `reconnecting` for the one who waits.
      if (state.status === 'reconnecting' || state.status === 'live') return state
      // What is late stays so, however far it comes.
      if (state.status === 'connecting' && state.step === 'late') return state
      return {
        status: 'connecting',
        step: change.step,
        since: state.status === 'connecting' ? state.since : change.at,
      }
    case 'doubt':
      if (state.status !== 'connecting') return state
      return { status: 'connecting', step: 'late', doubt: change.doubt, since: state.since }
    case 'open':
      return withFloor({
        status: 'live',
        call: change.call,
        since: change.at,
        mode: undefined,
        floor: 'nobody',
        ...(change.carried ?? NOTHING_CARRIED),
      })
    case 'mark':
      return state.status === 'live' ? withFloor(marked(state, change.mark)) : state
    case 'event':
      return state.status === 'live' ? withFloor(told(state, change.event)) : state
    case 'no-turn':
      return state.status === 'live' && unconfirmed(state.answer)
        ? withFloor({ ...state, answer: { kind: 'none' } })
        : state
    case 'lost':
      return {
        status: 'reconnecting',
        forMs: change.forMs,
        since: state.status === 'reconnecting' ? state.since : change.at,
      }
    case 'failed':
      return { status: 'failed', failure: change.failure, call: change.call }
    case 'ended':
      return { status: 'ended', why: change.why, message: change.message }
    default:
      return change satisfies never
  }
}

function marked(live: LiveState, mark: Mark): LiveState {
  switch (mark) {
    case 'speech.start':
      return { ...live, speaking: true, notice: undefined }
    case 'speech.confirm':
      return live
    case 'speech.cancel':
      return { ...live, speaking: false }
    case 'speech.end':
      // Ahead of the node's `turn`, so that the page does not fall back to "listening" for the
      // hangover and the round trip in between. A handler of frames makes no turns.
      return live.mode === 'frames' || live.answer.kind === 'reply'
        ? { ...live, speaking: false }
        : { ...live, speaking: false, answer: { kind: 'thinking', turn: undefined } }
    default:
      return mark satisfies never
  }
}

function told(live: LiveState, event: NodeEvent): LiveState {
  switch (event.type) {
    case 'call.ready':
      return { ...live, mode: event.mode }
    case 'turn':
      return { ...live, answer: { kind: 'thinking', turn: event.turn } }
    case 'reply.start':
      return { ...live, answer: { kind: 'reply', turn: event.turn } }
    case 'reply.end':
      // The end of an older reply says nothing about a turn that came after it.
      return live.answer.kind !== 'none' && live.answer.turn === event.turn
        ? { ...live, answer: { kind: 'none' } }
        : live
    case 'unduck':
      return unconfirmed(live.answer) ? { ...live, answer: { kind: 'none' } } : live
    case 'handler.error':
      return {
        ...live,
        answer: { kind: 'none' },
        notice: { kind: 'turn-failed', message: event.message },
      }
    case 'output':
    case 'call.end':
      return live
    default:
      return event satisfies never
  }
}

function unconfirmed(answer: Answer): boolean {
  return answer.kind === 'thinking' && answer.turn === undefined
}

function withFloor(live: LiveState): LiveState {
  const floor = live.speaking ? 'you' : live.answer.kind === 'none' ? 'nobody' : live.answer.kind
  return { ...live, floor }
}
