/**
 * How far the newest reply was heard, to the frame. `reply.start` says which RTP timestamp the reply
 * begins with, the browser says which one it has played last. Pure.
 */
import type { NodeEvent } from '@earshot/protocol'

/** Opus counts at 48 kHz, whatever it carries. */
const TICKS_PER_MS = 48
/** The timestamp of a packet is that of its beginning: once it is played, 20 ms more were heard. */
const FRAME_TICKS = 20 * TICKS_PER_MS

export interface Hearing {
  /** The RTP timestamp that was played last on this connection; `undefined` where the browser is silent. */
  readonly played: number | undefined
  /** The newest reply that the node has told of. */
  readonly reply: Reply | undefined
}

interface Reply {
  readonly turn: number
  /** At the packet with timestamp `rtp` the reply is `fromMs` old. */
  readonly fromMs: number
  /** `undefined` while it is not under way on this connection. */
  readonly rtp: number | undefined
  /** How much of it there is, in ms, once it is over. */
  readonly endMs: number | undefined
}

export const NOTHING_HEARD: Hearing = { played: undefined, reply: undefined }

/** After an event of the node. */
export function hearEvent(hearing: Hearing, event: NodeEvent): Hearing {
  switch (event.type) {
    case 'reply.start': {
      const { turn, fromMs, rtp } = event
      return { ...hearing, reply: { turn, fromMs, rtp, endMs: undefined } }
    }
    case 'reply.end': {
      const { turn, playedMs, reason } = event
      const { reply } = hearing
      // An older one, that was cut short by the newest.
      if (reply && reply.turn > turn) return hearing
      const begun = reply?.turn === turn ? reply : { turn, fromMs: 0, rtp: undefined }
      // What was cut is not wanted any more: nobody is to hear the rest of it.
      const rtp = reason === 'complete' ? begun.rtp : undefined
      return { ...hearing, reply: { ...begun, rtp, endMs: playedMs } }
    }
    default:
      return hearing
  }
}

/** After a look at what was played: `rtp` is the last timestamp, if the browser knows one. */
export function hearPlayed(hearing: Hearing, rtp: number | undefined): Hearing {
  if (rtp === undefined || rtp === hearing.played) return hearing
  const next = { ...hearing, played: rtp }
  const { reply } = next
  if (reply?.endMs === undefined || placeIn(next, reply) < reply.endMs) return next
  // Heard out, and so for good: the clock of RTP goes on in silence and begins again some day.
  return { ...next, reply: { ...reply, rtp: undefined } }
}

/** After the loss of the connection, with whose timestamps the next one's have nothing in common. */
export function hearNoMore(hearing: Hearing): Hearing {
  const { reply } = hearing
  if (!reply) return NOTHING_HEARD
  const fromMs = placeIn(hearing, reply)
  // Of one that is over and not heard out the end will be told again.
  const endMs = fromMs === reply.endMs ? fromMs : undefined
  return { played: undefined, reply: { ...reply, fromMs, rtp: undefined, endMs } }
}

/** How far the newest reply was heard, in ms from its beginning; `undefined` before the first. */
export function heardOf(hearing: Hearing): { turn: number; ms: number } | undefined {
  const { reply } = hearing
  return reply && { turn: reply.turn, ms: placeIn(hearing, reply) }
}

/** Whether the reply to `turn` is over and was heard to its end, or is not to be heard any more. */
export function heardOut(hearing: Hearing, turn: number): boolean {
  const { reply } = hearing
  return reply?.turn === turn && reply.endMs !== undefined && placeIn(hearing, reply) >= reply.endMs
}

function placeIn({ played }: Hearing, { fromMs, rtp, endMs }: Reply): number {
  // Where nothing is known of what was played, all that was sent counts as heard.
  if (rtp === undefined || played === undefined) return endMs ?? fromMs
  // The difference of two 32-bit counters, which may have begun again between them.
  const ticks = (played + FRAME_TICKS - rtp) | 0
  const ms = fromMs + Math.max(0, ticks) / TICKS_PER_MS
  return endMs === undefined ? ms : Math.min(ms, endMs)
}
