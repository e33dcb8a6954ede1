import type { NodeEvent } from '@earshot/protocol'
import type { Mark } from './state.ts'

/**
 * When the reply is turned down. The page does it at the first sign of speech, without asking; the
 * node then either stops the reply or says `unduck`.
 */
export interface Ducking {
  ducked: boolean
  speaking: boolean
  /** The reply was stopped: what is still heard of it is the tail in the jitter buffer. */
  flushing: boolean
}

export const NOT_DUCKED: Ducking = { ducked: false, speaking: false, flushing: false }

/** The state after a mark of the voice detector. */
export function duckOnMark(state: Ducking, mark: Mark): Ducking {
  switch (mark) {
    case 'speech.start':
      return { ...state, speaking: true, ducked: true }
    case 'speech.cancel':
      return { ...state, speaking: false, ducked: state.flushing }
    case 'speech.confirm':
      return state
    case 'speech.end':
      // Stays down until the node has decided what it was.
      return { ...state, speaking: false }
    default:
      return mark satisfies never
  }
}

/** The state after an event of the node. */
export function duckOnEvent(state: Ducking, event: NodeEvent): Ducking {
  switch (event.type) {
    case 'reply.start':
      // A reply that starts under speech waits for the end of it, or for its own interruption.
      return { ...state, flushing: false, ducked: state.speaking }
    case 'reply.end':
      return event.reason === 'interrupted' ? { ...state, flushing: true, ducked: true } : state
    case 'unduck':
      return state.flushing ? state : { ...state, ducked: false }
    default:
      return state
  }
}
