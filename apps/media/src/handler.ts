/** What a developer writes. The nouns are FastRTC's where it has them. */
import type { Pcm } from '@earshot/audio'

/** What the caller said, from before the first syllable to the pause after the last. */
export interface Turn {
  /** 1 for the first turn of the call. */
  readonly number: number
  /** 48 kHz mono. */
  readonly audio: Pcm
}

export interface CallContext {
  readonly callId: string
  /** Aborts when the call is over and, in a reply, when the caller speaks over it. */
  readonly signal: AbortSignal
  /**
   * Sends something to the page, as JSON: FastRTC's additional outputs.
   * @throws {RangeError} above 16 KB, and what `JSON.stringify` throws.
   */
  readonly send: (data: unknown) => void
}

/**
 * Answers a turn with sound: any number of chunks, of any length, at any whole rate from 8 to 192 kHz.
 * It is heard from the first chunk on. Stop when `context.signal` aborts; a generator that is waiting
 * when it does is left where it is and returned.
 */
export type TurnHandler = (turn: Turn, context: CallContext) => AsyncIterable<Pcm>

/** Hears every 20 ms frame (48 kHz mono) as it comes and may answer it with one; must not block. */
export type FrameHandler = (frame: Pcm, context: CallContext) => Pcm | undefined

/** A handler is made anew for each call, so what it remembers is that call's alone. */
export type HandlerDefinition =
  | { readonly mode: 'turns'; create(): TurnHandler }
  | { readonly mode: 'frames'; create(): FrameHandler }

/** A handler that answers after each pause. */
export function replyOnPause(create: () => TurnHandler): HandlerDefinition {
  return { mode: 'turns', create }
}

/** A handler that hears every frame; FastRTC: `StreamHandler`. */
export function onEveryFrame(create: () => FrameHandler): HandlerDefinition {
  return { mode: 'frames', create }
}
