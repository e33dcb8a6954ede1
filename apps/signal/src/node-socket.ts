/**
 * The WebSocket of one media node, with what the fleet must remember of it in the socket's
 * attachment: that outlives hibernation, when the fleet's own memory does not.
 */
import * as v from 'valibot'
import { NODE_CLOSE, NODE_SILENT_MS, type NodeHello, type ToNode } from '@earshot/protocol'
import type { NodeFacts } from './seats.ts'

/**
 *     greeting ── hello ──> node ──┐
 *         └────────────────────────┴── close ──> closed
 */
const socketStateSchema = v.variant('type', [
  v.object({ type: v.literal('greeting'), region: v.string(), heardAt: v.number() }),
  v.object({
    type: v.literal('node'),
    /** When its last frame came, Unix ms; `ping` is not counted here. */
    heardAt: v.number(),
    node: v.string(),
    turnUrls: v.array(v.string()),
    direct: v.boolean(),
    seats: v.number(),
    draining: v.boolean(),
    load: v.number(),
  }),
  v.object({ type: v.literal('closed') }),
])

export type SocketState = v.InferOutput<typeof socketStateSchema>
export type NodeState = Extract<SocketState, { type: 'node' }>

/** A node that is there, with its socket. */
export interface NodeLink extends NodeFacts {
  readonly socket: WebSocket
}

export function stateOf(socket: WebSocket): SocketState {
  const result = v.safeParse(socketStateSchema, socket.deserializeAttachment())
  return result.success ? result.output : { type: 'closed' }
}

export function setState(socket: WebSocket, state: SocketState): void {
  socket.serializeAttachment(state)
}

/** What `hello` says, as the state of its socket. */
export function greeted(hello: NodeHello, heardAt: number): NodeState {
  const { node, turnUrls, direct, seats, draining } = hello
  return { type: 'node', heardAt, node, turnUrls, direct, seats, draining, load: 0 }
}

/** Sends a frame; `false` when the socket has gone. */
export function send(socket: WebSocket, frame: ToNode): boolean {
  try {
    socket.send(JSON.stringify(frame))
    return true
  } catch {
    return false
  }
}

/** Closes for one of the protocol's reasons and forgets what the socket was. */
export function hangUp(socket: WebSocket, code: keyof typeof NODE_CLOSE, reason: string): void {
  setState(socket, { type: 'closed' })
  try {
    socket.close(NODE_CLOSE[code], reason)
  } catch {
    // It has closed already.
  }
}

/** Answers the close of the other side: until then that side waits, half open. */
export function finish(socket: WebSocket): void {
  try {
    socket.close(1000)
  } catch {
    // It was cut off, and there is nobody to answer.
  }
}

/**
 * When a socket counts as silent, Unix ms. `pingedAt` is the last `ping` that the runtime answered
 * on its own.
 */
export function silentAt({ heardAt }: { readonly heardAt: number }, pingedAt: Date | null): number {
  return Math.max(heardAt, pingedAt?.getTime() ?? 0) + NODE_SILENT_MS
}
