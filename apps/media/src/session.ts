/**
 * One call: its connection, its ears (receiver, turns), its handler and its mouth (playout).
 *
 * ```
 *   connecting ──▶ live ──▶ closed        `close()` is legal in every state and ends everything below
 * ```
 */
import { performance } from 'node:perf_hooks'
import { durationMs, Framer } from '@earshot/audio'
import {
  KEEP_ALIVE_MS,
  MAX_CALL_EVENT_BYTES,
  PROTOCOL_VERSION,
  parsePageEvent,
  type NodeEvent,
  type PageEvent,
  type ReplyEnd,
} from '@earshot/protocol'
import { FRAME_MS, FRAME_SAMPLES, SAMPLE_RATE } from './clock.ts'
import type { CallContext, FrameHandler, HandlerDefinition, TurnHandler } from './handler.ts'
import type { Log } from './log.ts'
import type { Metrics } from './metrics.ts'
import { createOpusDecoder, createOpusEncoder, type OpusDecoder, type OpusEncoder } from './opus.ts'
import { Outgoing } from './outgoing.ts'
import { answerOffer, type AudioPacket, type Peer } from './peer.ts'
import { Playout } from './playout.ts'
import { Receiver } from './receiver.ts'
import { runReply } from './reply.ts'
import type { Ticker } from './ticker.ts'
import { Turns, type Mark, type TurnEvent } from './turns.ts'

/** A caller that has not connected by then never will: its ICE has given up. */
const CONNECT_TIMEOUT_MS = 15_000
/** Browsers send at least a check every few seconds; a caller this quiet is gone. */
const SILENT_TIMEOUT_MS = 12_000

const KEEP_ALIVE_TICKS = KEEP_ALIVE_MS / FRAME_MS
/** 20 ms of silence, mono, CELT (RFC 6716): the same bytes in every state of the codec. */
const OPUS_SILENCE = Uint8Array.of(0xf8, 0xff, 0xfe)

/** What all calls of a node have in common. */
export interface CallSettings {
  readonly addresses: readonly string[]
  readonly ports: readonly [number, number]
  readonly handlerName: string
  readonly handler: HandlerDefinition
  readonly ticker: Ticker
  readonly metrics: Metrics
  readonly log: Log
}

export interface SessionOptions extends CallSettings {
  readonly callId: string
  readonly offer: string
  /** Called once, when the call is over for whatever reason. */
  readonly onEnd: () => void
}

export type EndReason = 'hung-up' | 'lost' | 'silent' | 'never-connected' | 'draining' | 'failed'

/** Answers the offer and runs the call. @throws {BadOfferError} */
export async function startSession(options: SessionOptions): Promise<Session> {
  let session: Session | undefined
  const peer = await answerOffer({
    offer: options.offer,
    addresses: options.addresses,
    ports: options.ports,
    events: {
      connected: () => session?.connected(),
      channelOpen: () => session?.channelOpen(),
      lost: () => session?.close('lost'),
      audio: (packet) => session?.packet(packet),
      message: (text) => session?.message(text),
    },
  })
  // Nothing can have arrived before this line: the caller has no answer yet.
  try {
    session = new Session(options, peer)
  } catch (error) {
    // A handler that cannot be made: the connection must not stay open without an owner.
    await peer.close()
    throw error
  }
  return session
}

export class Session {
  readonly callId: string
  readonly answer: string
  readonly #options: SessionOptions
  readonly #peer: Peer
  readonly #log: Log
  readonly #ended = new AbortController()
  readonly #decoder: OpusDecoder
  readonly #encoder: OpusEncoder
  readonly #outgoing = new Outgoing()
  readonly #receiver: Receiver
  readonly #turns: Turns
  readonly #playout: Playout
  readonly #framer = new Framer(FRAME_SAMPLES)
  readonly #onTurn: TurnHandler | undefined
  readonly #onFrame: FrameHandler | undefined
  readonly #startedAt = performance.now()
  #live = false
  /** Ticks since the last packet to the caller. */
  #quietTicks = 0
  #turn = 0
  #reply: { readonly turn: number; readonly abort: AbortController } | undefined

  constructor(options: SessionOptions, peer: Peer) {
    this.#options = options
    this.#peer = peer
    this.callId = options.callId
    this.answer = peer.answer
    this.#log = options.log.child({ call: options.callId })
    const { handler } = options
    this.#onTurn = handler.mode === 'turns' ? handler.create() : undefined
    this.#onFrame = handler.mode === 'frames' ? handler.create() : undefined

    // After the handler, whose making may throw: the codec's memory is not garbage-collected.
    this.#decoder = createOpusDecoder()
    this.#encoder = createOpusEncoder()
    this.#turns = new Turns((event) => this.#turnEvent(event))
    this.#playout = new Playout({
      start: () => this.#tell({ type: 'reply.start', turn: this.#reply?.turn ?? 0 }),
      end: (playedMs) => this.#replyOver('complete', playedMs),
    })
    this.#receiver = new Receiver(this.#decoder, {
      sound: (samples) => (this.#onFrame ? this.#hearFrames(samples) : this.#turns.audio(samples)),
      silence: (samples) => {
        if (this.#onTurn) this.#turns.audio(new Int16Array(samples))
      },
    })
    const untick = options.ticker.subscribe(
      () => this.#tick(),
      (error) => this.#fault(error),
    )
    this.#ended.signal.addEventListener('abort', untick)
  }

  // --- the peer's events ---

  connected(): void {
    if (this.#live) return
    this.#live = true
    const ms = performance.now() - this.#startedAt
    this.#options.metrics.connectSeconds.observe(ms / 1000)
    this.#log.info({ ms: Math.round(ms) }, 'connected')
  }

  channelOpen(): void {
    const { handlerName, handler } = this.#options
    this.#tell({
      type: 'call.ready',
      version: PROTOCOL_VERSION,
      handler: handlerName,
      mode: handler.mode,
      keepAliveMs: KEEP_ALIVE_MS,
    })
  }

  packet(packet: AudioPacket): void {
    this.#guard(() => this.#receiver.push(packet, performance.now()))
  }

  message(text: string): void {
    const event = parsePageEvent(text)
    if (event) this.#guard(() => this.#turns.mark(MARKS[event.type]))
    else this.#log.debug({ bytes: text.length }, 'ignored a message that is no event')
  }

  /** Ends the call and everything that belongs to it. Idempotent. */
  close(reason: EndReason): void {
    if (this.#ended.signal.aborted) return
    if (reason === 'draining') {
      this.#tell({
        type: 'call.end',
        reason: 'draining',
        message: 'This server is being restarted.',
      })
    }
    this.#ended.abort()
    this.#reply?.abort.abort()
    this.#playout.flush()
    this.#decoder.close()
    this.#encoder.close()
    this.#options.metrics.ends.inc({ reason })
    this.#options.metrics.packets(this.#receiver.stats)
    const seconds = Math.round((performance.now() - this.#startedAt) / 1000)
    this.#log.info({ reason, seconds, turns: this.#turn, ...this.#receiver.stats }, 'call ended')
    this.#peer
      .close()
      .catch((error: unknown) =>
        this.#log.warn({ error: String(error) }, 'peer did not close cleanly'),
      )
    this.#options.onEnd()
  }

  // --- the clock ---

  #tick(): void {
    const now = performance.now()
    this.#outgoing.tick()
    this.#receiver.tick(now)
    this.#turns.tick()
    const frame = this.#playout.next()
    if (frame) this.#send(frame)
    else if (this.#live && ++this.#quietTicks >= KEEP_ALIVE_TICKS) this.#sendPacket(OPUS_SILENCE)
    if (!this.#live && now - this.#startedAt > CONNECT_TIMEOUT_MS) this.close('never-connected')
    else if (this.#live && now - this.#peer.heardAt() > SILENT_TIMEOUT_MS) this.close('silent')
  }

  #send(frame: Int16Array): void {
    if (this.#peer.canPlay && !this.#ended.signal.aborted) {
      this.#sendPacket(this.#encoder.encode(frame))
    }
  }

  #sendPacket(payload: Uint8Array): void {
    if (!this.#peer.canPlay || this.#ended.signal.aborted) return
    this.#quietTicks = 0
    const { packet, marker } = this.#outgoing.next(payload)
    this.#peer.play(packet, marker)
  }

  // --- turns and replies ---

  #turnEvent(event: TurnEvent): void {
    if (event.type === 'speech') this.#interrupt()
    else if (event.type === 'cancelled') this.#tell({ type: 'unduck' })
    else this.#answer(event.samples)
  }

  #answer(samples: Int16Array): void {
    if (!this.#onTurn) return
    this.#interrupt()
    const audio = { samples, sampleRate: SAMPLE_RATE }
    const number = ++this.#turn
    const abort = new AbortController()
    this.#reply = { turn: number, abort }
    this.#options.metrics.turns.inc()
    this.#tell({ type: 'turn', turn: number, ms: durationMs(audio) })
    this.#playout.begin()
    // Also after the reply is over: what a handler left running ends with the call.
    const signal = AbortSignal.any([abort.signal, this.#ended.signal])
    this.#run(this.#onTurn, { number, audio }, signal).catch((error: unknown) => {
      if (signal.aborted) return
      this.#log.error(
        { turn: number, handler: this.#options.handlerName, error: String(error) },
        'the handler failed; the call goes on',
      )
      this.#tell({
        type: 'handler.error',
        turn: number,
        message: 'Something went wrong while answering.',
      })
      this.#replyOver('failed', this.#playout.flush())
    })
  }

  async #run(
    handler: TurnHandler,
    turn: Parameters<TurnHandler>[0],
    signal: AbortSignal,
  ): Promise<void> {
    await runReply(handler(turn, this.#context(signal)), this.#playout, signal)
    if (!signal.aborted) this.#playout.finish()
  }

  #interrupt(): void {
    if (!this.#reply) return
    this.#reply.abort.abort()
    this.#replyOver('interrupted', this.#playout.flush())
  }

  #replyOver(reason: ReplyEnd, playedMs: number): void {
    if (!this.#reply) return
    const { turn } = this.#reply
    this.#reply = undefined
    this.#options.metrics.replies.inc({ reason })
    this.#tell({ type: 'reply.end', turn, reason, playedMs })
  }

  // --- frame by frame ---

  #hearFrames(samples: Int16Array): void {
    for (const frame of this.#framer.push(samples)) this.#answerFrame(frame)
  }

  #answerFrame(frame: Int16Array): void {
    try {
      const reply = this.#onFrame?.(
        { samples: frame, sampleRate: SAMPLE_RATE },
        this.#context(this.#ended.signal),
      )
      if (reply) this.#send(reply.samples)
    } catch (error) {
      this.#log.error(
        { handler: this.#options.handlerName, error: String(error) },
        'the handler failed on a frame',
      )
    }
  }

  #context(signal: AbortSignal): CallContext {
    return {
      callId: this.callId,
      signal,
      send: (data) => this.#output(data),
    }
  }

  /** What breaks in this call that nobody foresaw ends this call, and no other notices. */
  #guard(run: () => void): void {
    try {
      run()
    } catch (error) {
      this.#fault(error)
    }
  }

  #fault(error: unknown): void {
    this.#log.error({ error: String(error) }, 'the call failed')
    this.close('failed')
  }

  #output(data: unknown): void {
    const text = JSON.stringify({ type: 'output', data } satisfies NodeEvent)
    const bytes = Buffer.byteLength(text)
    // The page drops what is longer, and nobody would learn why.
    if (bytes > MAX_CALL_EVENT_BYTES) {
      throw new RangeError(
        `an output of ${bytes} bytes is over the ${MAX_CALL_EVENT_BYTES} of a message`,
      )
    }
    this.#peer.send(text)
  }

  #tell(event: NodeEvent): void {
    this.#peer.send(JSON.stringify(event))
  }
}

const MARKS: Readonly<Record<PageEvent['type'], Mark>> = {
  'speech.start': 'start',
  'speech.confirm': 'confirm',
  'speech.end': 'end',
  'speech.cancel': 'cancel',
}
