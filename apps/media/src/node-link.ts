/**
 * The WebSocket that the node dials to its fleet, and dials again for as long as the node lives.
 * Calls do not depend on it: while it is down they go on, and the next hello names them.
 */
import {
  MAX_FRAME_BYTES,
  NODE_PING_MS,
  NODE_SILENT_MS,
  PING,
  PONG,
  parseToNode,
  type FromNode,
  type NodeHello,
  type ToNode,
} from '@earshot/protocol'
import WebSocket from 'ws'
import type { Log } from './log.ts'

export interface NodeLinkOptions {
  /** The worker's origin, `ws:` or `wss:`. */
  readonly fleetUrl: string
  readonly region: string
  readonly token: string
  /** Said first on every new link. */
  readonly hello: () => NodeHello
  /** The fleet has welcomed the node: what it may have missed can be said again. */
  readonly onLinked: () => void
  readonly onFrame: (frame: Exclude<ToNode, { type: 'welcome' }>) => void
  readonly log: Log
  /** Ends the link for good. */
  readonly signal: AbortSignal
  /** Jitter, 0-1; a fleet that restarts must not be dialled by all its nodes in one instant. */
  readonly random?: () => number
}

export interface NodeLink {
  /** True between the fleet's welcome and the end of that link. */
  linked(): boolean
  /** Sends a frame; false when there is no link (the next hello says what matters). */
  send(frame: FromNode): boolean
}

const FIRST_RETRY_MS = 250
const LAST_RETRY_MS = 8_000

/** Delay before retry number `attempt` (0, 1, …) in ms: doubled each time, its upper half random. */
export function retryDelayMs(attempt: number, random: number): number {
  const ceiling = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(attempt, 10))
  return ceiling / 2 + (ceiling / 2) * random
}

export function startNodeLink(options: NodeLinkOptions): NodeLink {
  const { log, signal, random = Math.random } = options
  let socket: WebSocket | undefined
  let linked = false
  let attempt = 0
  /** How many links in a row ended soon after their welcome. */
  let shortLinks = 0
  let retry: NodeJS.Timeout | undefined

  const dial = (): void => {
    const url = `${options.fleetUrl}/v1/nodes?region=${options.region}`
    const current = new WebSocket(url, {
      headers: { authorization: `Bearer ${options.token}` },
      handshakeTimeout: NODE_SILENT_MS,
      perMessageDeflate: false,
      maxPayload: MAX_FRAME_BYTES,
    })
    socket = current
    let heardAt = performance.now()
    let linkedAt: number | undefined
    let refusal: string | undefined
    const ping = setInterval(() => {
      if (current.readyState !== WebSocket.OPEN) return
      if (performance.now() - heardAt > NODE_SILENT_MS) {
        refusal = `nothing was heard from the fleet for ${NODE_SILENT_MS / 1000} s`
        current.terminate()
      } else {
        current.send(PING)
      }
    }, NODE_PING_MS)

    current.on('open', () => current.send(JSON.stringify(options.hello() satisfies FromNode)))
    current.on('message', (data: Buffer) => {
      const text = data.toString('utf8')
      // The runtime answers pings without the fleet: before its welcome they prove nothing of it.
      if (text !== PONG || linked) heardAt = performance.now()
      if (text === PONG) return
      const frame = parseToNode(text)
      if (!frame) {
        log.warn({ bytes: text.length }, 'ignored a frame that is not of this protocol version')
      } else if (frame.type === 'welcome') {
        linked = true
        linkedAt = performance.now()
        log.info('linked to the fleet')
        options.onLinked()
      } else {
        options.onFrame(frame)
      }
    })
    current.on('unexpected-response', (_request, response) => {
      refusal = `the fleet answered HTTP ${response.statusCode}${hint(response.statusCode)}`
      response.resume()
      current.terminate()
    })
    current.on('error', (error) => {
      refusal ??= error.message
    })
    current.on('close', (code, reason) => {
      clearInterval(ping)
      if (socket !== current) return
      linked = false
      if (signal.aborted) return
      // A fleet that welcomes and then drops us (another node has our id) must not be dialled in a loop.
      if (linkedAt !== undefined) {
        shortLinks = performance.now() - linkedAt > LAST_RETRY_MS ? 0 : shortLinks + 1
        attempt = Math.max(0, shortLinks - 1)
      }
      const delay = retryDelayMs(attempt++, random())
      const why = refusal ?? (reason.toString('utf8') || `closed with code ${code}`)
      log.warn({ why, retryMs: Math.round(delay), attempt }, 'no link to the fleet')
      retry = setTimeout(dial, delay)
    })
  }

  signal.addEventListener('abort', () => {
    clearTimeout(retry)
    socket?.close(1000, 'node is shutting down')
  })
  if (!signal.aborted) dial()

  return {
    linked: () => linked,
    send(frame) {
      if (!linked || socket?.readyState !== WebSocket.OPEN) return false
      socket.send(JSON.stringify(frame))
      return true
    },
  }
}

function hint(status: number | undefined): string {
  if (status === 401) return ': NODE_TOKEN is not the one the worker has'
  if (status === 404) return ': is FLEET_URL the worker, and REGION one of its REGIONS?'
  if (status === 500)
    return ": see the worker's /v1/health for what is wrong with its configuration"
  return ''
}
