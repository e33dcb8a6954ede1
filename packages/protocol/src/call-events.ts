/**
 * Events on the call's data channel, JSON, one object a message.
 *
 * Unknown event types are to be ignored by the receiver and unknown fields are dropped by the
 * schemas, so that a page and a node of different ages still talk.
 */
import * as v from 'valibot'

/** The label of the data channel. The page opens it; it is ordered and reliable. */
export const CALL_CHANNEL = 'earshot'

/** Raised when a change here would break the other end. */
export const PROTOCOL_VERSION = 2

/** Largest message either end sends or accepts, in bytes: it fits the smallest SCTP limit in use. */
export const MAX_CALL_EVENT_BYTES = 16 * 1024

/** In silence the node sends a packet this often, in ms, so that a dead path is seen at once. */
export const KEEP_ALIVE_MS = 80

/** The rate of the mu-law samples that follow a `call.catch-up`, in Hz. */
export const MISSED_SAMPLE_RATE = 16_000

/** The most that may follow one: 15 s, a turn of 12 s and a gap of 3 s. */
export const MAX_MISSED_SAMPLES: number = 15 * MISSED_SAMPLE_RATE

/** Bounded, so that there is always a next one: turns are counted on from what a page says. */
const count = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(2 ** 32 - 1))
/** Up to a day. */
const ms = v.pipe(v.number(), v.minValue(0), v.maxValue(86_400_000))

/**
 * What the page tells first on every connection where it has something to tell: how far it was when
 * the last one was lost, and what was said while there was none.
 */
const catchUp = v.object({
  type: v.literal('call.catch-up'),
  /** The number of the last turn that the page was told of; 0 before the first. */
  turn: count,
  /** How far the newest reply that it was told of was heard, in ms from the reply's beginning. */
  heard: v.optional(v.object({ turn: count, ms })),
  /**
   * Speech that the node may not have, one utterance, whole or its last 15 s. `samples` mu-law bytes
   * of `MISSED_SAMPLE_RATE` follow in binary messages of at most `MAX_CALL_EVENT_BYTES`, before any
   * other event of the page.
   */
  missed: v.optional(
    v.object({
      samples: v.pipe(count, v.minValue(1), v.maxValue(MAX_MISSED_SAMPLES)),
      /** The person still speaks: what comes by RTP from now on belongs to the same turn. */
      speaking: v.boolean(),
      /**
       * It is the turn numbered `turn` again, whose reply was not heard to its end. A node that has that
       * turn has no use for it; one that does not answers it, and leaves out what was `heard`.
       */
      again: v.boolean(),
    }),
  ),
})

/** A mark: `at` is the sender's clock in ms (`performance.now()`), for measuring, never for order. */
const at = v.number()

export const pageEventSchema = v.variant('type', [
  /** The voice detector heard speech begin. The page has already ducked the reply. */
  v.object({ type: v.literal('speech.start'), at }),
  /** It has lasted long enough to be speech and no cough: the reply may be stopped. */
  v.object({ type: v.literal('speech.confirm'), at }),
  /** The voice detector heard speech end. */
  v.object({ type: v.literal('speech.end'), at }),
  /** What began was too short to be speech (a cough, a click): forget it and un-duck. */
  v.object({ type: v.literal('speech.cancel'), at }),
  catchUp,
])

/** Why a reply is over. */
export const replyEndSchema = v.picklist(['complete', 'interrupted', 'failed'])

export const nodeEventSchema = v.variant('type', [
  /** First message: the call is set up and the handler is listening. */
  v.object({
    type: v.literal('call.ready'),
    version: v.number(),
    handler: v.string(),
    /** `turns`: the handler answers after a pause. `frames`: it answers continuously, no marks needed. */
    mode: v.picklist(['turns', 'frames']),
    /** The longest that the node is silent while the call lasts, in ms; absent: for ever. */
    keepAliveMs: v.optional(v.pipe(v.number(), v.minValue(20))),
    /** The number of the conversation's last turn; 0 before the first. */
    turn: v.optional(count, 0),
  }),
  /** A turn is complete and the handler has it. `ms`: its length, pre-roll included. */
  v.object({ type: v.literal('turn'), turn: v.number(), ms: v.number() }),
  /**
   * The first packet of the reply to `turn` has left the node, or goes on leaving after a rejoin.
   * `rtp`: that packet's RTP timestamp. `fromMs`: its place in the reply, in ms.
   */
  v.object({
    type: v.literal('reply.start'),
    turn: v.number(),
    rtp: v.optional(count),
    fromMs: v.optional(ms, 0),
  }),
  /** The last packet has left, or the reply was cut. `playedMs`: how much of it was sent. */
  v.object({
    type: v.literal('reply.end'),
    turn: v.number(),
    reason: replyEndSchema,
    playedMs: v.number(),
  }),
  /** What ducked the reply was not speech: raise it again. */
  v.object({ type: v.literal('unduck') }),
  /** Something a handler chose to tell the page (FastRTC: additional outputs). */
  v.object({ type: v.literal('output'), data: v.unknown() }),
  /** The handler failed at `turn`; the call goes on. `message` is for a person. */
  v.object({ type: v.literal('handler.error'), turn: v.number(), message: v.string() }),
  /** The node ends the call. `message` is for a person. */
  v.object({
    type: v.literal('call.end'),
    reason: v.picklist(['handler', 'draining', 'silent', 'deleted', 'moved']),
    message: v.string(),
  }),
])

export type PageEvent = v.InferOutput<typeof pageEventSchema>
export type CatchUp = Extract<PageEvent, { type: 'call.catch-up' }>
export type NodeEvent = v.InferOutput<typeof nodeEventSchema>
export type ReplyEnd = v.InferOutput<typeof replyEndSchema>

/** Parses a message from the page; `undefined` for anything that is not a known, well-formed event. */
export function parsePageEvent(message: string): PageEvent | undefined {
  return parseJson(pageEventSchema, message, MAX_CALL_EVENT_BYTES)
}

/** Parses a message from the node; `undefined` for anything that is not a known, well-formed event. */
export function parseNodeEvent(message: string): NodeEvent | undefined {
  return parseJson(nodeEventSchema, message, MAX_CALL_EVENT_BYTES)
}

/** Parses JSON of at most `limit` characters against `schema`; `undefined` when it does not fit. */
export function parseJson<const S extends v.GenericSchema>(
  schema: S,
  message: string,
  limit: number,
): v.InferOutput<S> | undefined {
  if (message.length > limit) return undefined
  let data: unknown
  try {
    data = JSON.parse(message)
  } catch {
    return undefined
  }
  const result = v.safeParse(schema, data)
  return result.success ? result.output : undefined
}
