/**
 * Frames on the WebSocket that a media node dials to its fleet: `GET /v1/nodes?region=<region>` with
 * `Authorization: Bearer <node token>`. JSON, one object a message, beside the bare texts `ping` and
 * `pong`, which the runtime answers without waking the fleet.
 *
 * The first frame is the node's `hello`; the fleet answers `welcome` and may then send offers.
 */
import * as v from 'valibot'
import { MAX_TURN_URLS, turnUrlSchema } from './ice.ts'
import { callIdSchema, MAX_SDP_BYTES, regionSchema, resumedSchema } from './join.ts'
import { parseJson } from './call-events.ts'

/** Raised when a change here would break the other end; the fleet refuses a node of another version. */
export const NODE_PROTOCOL_VERSION = 2
export const PING = 'ping'
export const PONG = 'pong'
/** How often a node sends `ping`, in ms. */
export const NODE_PING_MS = 5_000
/** A node that has been silent this long, in ms, is dead to the fleet, and the fleet to it. */
export const NODE_SILENT_MS = 15_000
/** A frame holds at most one SDP, escaped, and a hello with the ids of the calls in progress. */
export const MAX_FRAME_BYTES = 4 * MAX_SDP_BYTES

/** WebSocket close codes of the fleet, beside the standard ones. */
export const NODE_CLOSE = {
  /** The frame is not one the fleet knows. */
  badFrame: 4400,
  /** The same node id has dialled in again: the older link goes. */
  replaced: 4409,
  /** Nothing was heard from the node for `NODE_SILENT_MS`. */
  silent: 4408,
  /** The node speaks another version of this protocol. */
  version: 4426,
} as const

const nodeIdSchema = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z0-9_.-]{1,64}$/, 'must be 1-64 letters, digits, dots, dashes or underscores'),
)
const seats = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(1000))

/** The most that a handler may keep of a conversation, in bytes of JSON. */
export const MAX_STATE_BYTES = 16 * 1024
/** What outlives a node: the number of the last turn, and what the handler kept. */
const keptSchema = v.object({
  turn: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(2 ** 32)),
  /** JSON text, into which the fleet does not look; absent when the handler kept nothing. */
  state: v.optional(v.pipe(v.string(), v.maxBytes(MAX_STATE_BYTES))),
})
const sdp = v.pipe(v.string(), v.maxLength(MAX_SDP_BYTES))

export const refusalSchema = v.picklist(['full', 'draining', 'bad-offer', 'failed'])

export const fromNodeSchema = v.variant('type', [
  v.object({
    type: v.literal('hello'),
    version: v.number(),
    node: nodeIdSchema,
    region: regionSchema,
    /** The TURN URLs of the relay beside this node, best first; empty when calls go direct. */
    turnUrls: v.pipe(v.array(turnUrlSchema), v.maxLength(MAX_TURN_URLS)),
    /** True when the node's answers hold an address that a browser can reach without the relay. */
    direct: v.boolean(),
    /** How many calls the node takes at once. */
    seats,
    /** Calls in progress: a node that reconnects has them still. */
    calls: v.pipe(v.array(callIdSchema), v.maxLength(1000)),
    draining: v.boolean(),
  }),
  v.object({ type: v.literal('answer'), call: callIdSchema, sdp, resumed: resumedSchema }),
  v.object({
    type: v.literal('refuse'),
    call: callIdSchema,
    reason: refusalSchema,
    /** For the caller, in words; no stack, no path. */
    detail: v.pipe(v.string(), v.maxLength(500)),
  }),
  /** The caller's media path is open: the resume token that led to it is spent. */
  v.object({ type: v.literal('connected'), call: callIdSchema }),
  /** To be kept of the call's conversation, in place of what was kept before. */
  v.object({ type: v.literal('keep'), call: callIdSchema, kept: keptSchema }),
  /** The call is over and its seat is free. `final`: so is its conversation, there is no way back. */
  v.object({ type: v.literal('ended'), call: callIdSchema, final: v.boolean() }),
  /** `load`: share of its core that the node is using, 0-1, to break ties between equal seats. */
  v.object({ type: v.literal('status'), load: v.number(), draining: v.boolean() }),
])

export const toNodeSchema = v.variant('type', [
  v.object({ type: v.literal('welcome') }),
  v.object({
    type: v.literal('offer'),
    call: callIdSchema,
    sdp,
    /** The id of its first call names the conversation through all rejoins. */
    conversation: callIdSchema,
    /** Set on a rejoin: what was last kept, for a node that does not have the conversation. */
    resume: v.optional(keptSchema),
  }),
  /**
   * `deleted`: the caller has hung up, or has gone before the answer came; the conversation is over.
   * `moved`: the caller has joined again, by another call or on another node: this call's connection is
   * of no use any more, and neither is the conversation to a node that has no newer call of it.
   */
  v.object({
    type: v.literal('hangup'),
    call: callIdSchema,
    reason: v.picklist(['deleted', 'moved']),
  }),
])

export type FromNode = v.InferOutput<typeof fromNodeSchema>
export type ToNode = v.InferOutput<typeof toNodeSchema>
export type NodeHello = Extract<FromNode, { type: 'hello' }>
export type Kept = v.InferOutput<typeof keptSchema>
export type Refusal = v.InferOutput<typeof refusalSchema>

/** Parses a frame from a node; `undefined` when it is not one. */
export function parseFromNode(message: string): FromNode | undefined {
  return parseJson(fromNodeSchema, message, MAX_FRAME_BYTES)
}

/** Parses a frame from the fleet; `undefined` when it is not one. */
export function parseToNode(message: string): ToNode | undefined {
  return parseJson(toNodeSchema, message, MAX_FRAME_BYTES)
}
