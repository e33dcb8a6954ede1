/** What `sockets.ts` and the process in the host say to each other. */
import * as v from 'valibot'

const id = v.number()
const port = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(65_535))
const address = v.string()
const timeoutMs = v.number()

export const order = v.variant('do', [
  v.object({ do: v.literal('bind'), id, port, address }),
  v.object({ do: v.literal('send'), id, from: port, port, address, text: v.string() }),
  v.object({ do: v.literal('listen'), id, port }),
  v.object({ do: v.literal('connect'), id, address, port, timeoutMs }),
  v.object({ do: v.literal('get'), id, url: v.string(), timeoutMs }),
])

/** Of an order, by its id; or a datagram that came to a port. */
export const answer = v.union([
  v.object({ id, outcome: v.string() }),
  v.object({ at: port, from: v.object({ address, port }), text: v.string() }),
])

export type Order = v.InferOutput<typeof order>
export type Answer = v.InferOutput<typeof answer>
