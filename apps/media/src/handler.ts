/** What a developer writes. The nouns are FastRTC's where it has them. */
import type { Pcm } from '@earshot/audio'

/** What the caller said, from before the first syllable to the pause after the last. */
export interface Turn {
  /** 1 for the first turn of the conversation. It goes on counting on whichever node goes on with it. */
  readonly number: number
  /** 48 kHz mono. */
  readonly audio: Pcm
}

export interface CallContext {
  /**
   * The conversation's id: the id of its first call. It stays the same when a lost call is joined again,
   * on this node or on another.
   */
  readonly callId: string
  /**
   * Aborts when the conversation is over and, in a reply, when the caller speaks over it. Not when the
   * connection is lost: the caller has 120 s to come back, and then hears what is ready by then.
   */
  readonly signal: AbortSignal
  /**
   * Sends something to the page, as JSON: FastRTC's additional outputs. While the page is away the
   * newest 64 KB wait for it.
   * @throws {RangeError} above 16 KB, and what `JSON.stringify` throws.
   */
  readonly send: (data: unknown) => void
  /**
   * What was last kept of this conversation, by this handler or by the one that had it on a node that is
   * gone; `undefined` when nothing was. It is what `JSON.parse` makes of it.
   */
  readonly kept: unknown
  /**
   * Keeps something of the conversation, as JSON, in place of what was kept before, for a node that has to
   * go on with it. It is saved outside the node at the end of the turn: what a turn kept and what it
   * answered are there together or not at all.
   * @throws {RangeError} above 16 KB, and what `JSON.stringify` throws.
   */
  readonly keep: (value: unknown) => void
}

/**
 * Answers a turn with sound: any number of chunks, of any length, at any whole rate from 8 to 192 kHz.
 * It is heard from the first chunk on. Stop when `context.signal` aborts; a generator that is waiting
 * when it does is left where it is and returned.
 */
export type TurnHandler = (turn: Turn, context: CallContext) => AsyncIterable<Pcm>

/** Hears every 20 ms frame (48 kHz mono) as it comes and may answer it with one; must not block. */
export type FrameHandler = (frame: Pcm, context: CallContext) => Pcm | undefined

/**
 * A handler is made anew for each conversation, so what it remembers is that conversation's alone. It
 * lives through lost connections; on another node it is made anew and finds what it kept in `context.kept`.
 */
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
