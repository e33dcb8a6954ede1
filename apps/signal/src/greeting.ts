import * as v from 'valibot'
import {
  MAX_FRAME_BYTES,
  type NODE_CLOSE,
  NODE_PROTOCOL_VERSION,
  parseFromNode,
  parseJson,
  type NodeHello,
} from '@earshot/protocol'

export type Greeting =
  | { readonly ok: true; readonly hello: NodeHello }
  /** Why the link is to be closed. */
  | { readonly ok: false; readonly code: keyof typeof NODE_CLOSE; readonly reason: string }

/** Reads the first message of a link to the fleet of `region`: a `hello` that fits, or a refusal. */
export function readGreeting(message: string | ArrayBuffer, region: string): Greeting {
  if (isOtherVersion(message)) {
    const reason = `this fleet speaks version ${NODE_PROTOCOL_VERSION}`
    return { ok: false, code: 'version', reason }
  }
  const hello = typeof message === 'string' ? parseFromNode(message) : undefined
  if (hello?.type !== 'hello') {
    return { ok: false, code: 'badFrame', reason: 'the first frame must be a complete hello' }
  }
  if (hello.region !== region) {
    return { ok: false, code: 'badFrame', reason: `this is the fleet of region ${region}` }
  }
  return { ok: true, hello }
}

/** A `hello` of another version may have a shape that our schema does not know. */
function isOtherVersion(message: string | ArrayBuffer): boolean {
  if (typeof message !== 'string') return false
  const schema = v.object({ type: v.literal('hello'), version: v.number() })
  const hello = parseJson(schema, message, MAX_FRAME_BYTES)
  return hello !== undefined && hello.version !== NODE_PROTOCOL_VERSION
}
