/**
 * One call: a connection and its ends of the audio path. The conversation is given to it.
 *
 * ```
 *   connecting ──▶ live ──▶ ready ──▶ closed    `close()` is legal in every state and ends everything below
 *                  media     + data channel
 * ```
 *
 * A conversation that is on no connection goes on by this one as soon as it is live, so that its first
 * words are in the pre-roll. One that is on another is taken over when this one is ready, not at the
 * offer: an answer that gets lost must not end a connection that still works.
 */
import { performance } from 'node:perf_hooks'
import { KEEP_ALIVE_MS, parsePageEvent, type NodeEvent, type PageEvent } from '@earshot/protocol'
import { MissedSpeech } from './catch-up.ts'
import { FRAME_MS } from './clock.ts'
import type { Conversation, Line } from './conversation.ts'
import type { Log } from './log.ts'
import type { Metrics } from './metrics.ts'
import { createOpusDecoder, createOpusEncoder, type OpusDecoder, type OpusEncoder } from './opus.ts'
import { Outgoing } from './outgoing.ts'
import { answerOffer, type AudioPacket, type Peer } from './peer.ts'
import { Receiver } from './receiver.ts'
import type { Ticker } from './ticker.ts'
import type { Mark } from './turns.ts'

/** A caller that has not come this far by then never will: its ICE has given up. */
const CONNECT_TIMEOUT_MS = 15_000
/** Browsers send at least a check every few seconds; a caller this quiet is gone. */
const SILENT_TIMEOUT_MS = 12_000

const KEEP_ALIVE_TICKS = KEEP_ALIVE_MS / FRAME_MS
/** 20 ms of silence, mono, CELT (RFC 6716): the same bytes in every state of the codec. */
const OPUS_SILENCE = Uint8Array.of(0xf8, 0xff, 0xfe)

/** What all calls of a node have in common. */
export interface CallSettings {
  readonly addresses: readonly string[]
  readonly publicAddress?: string
  readonly ports: readonly [number, number]
  readonly ticker: Ticker
  readonly metrics: Metrics
  readonly log: Log
  /** How long a caller may be quiet, in ms; 12 s if not given. */
  readonly silentMs?: number
}

export interface SessionOptions extends CallSettings {
  readonly callId: string
  readonly offer: string
  /** The conversation of the call, asked for once the connection can be made. May throw. */
  readonly conversation: () => Conversation
  /** Called once, when media and data channel are up: older calls of the conversation must go now. */
  readonly onReady: () => void
  /** Called once, when the call is over for whatever reason. */
  readonly onEnd: (reason: EndReason) => void
}

export type EndReason =
  | 'hung-up'
  | 'moved'
  | 'lost'
  | 'silent'
  | 'never-connected'
  | 'draining'
  | 'failed'

/** What the page is told when the node ends the call; of the other ends it knows or cannot be told. */
const LAST_WORDS: Partial<Record<EndReason, NodeEvent>> = {
  draining: { type: 'call.end', reason: 'draining', message: 'This server is being restarted.' },
  moved: {
    type: 'call.end',
    reason: 'moved',
    message: 'The call goes on over another connection.',
  },
}

/** Answers the offer and runs the call. @throws {BadOfferError} */
export async function startSession(options: SessionOptions): Promise<Session> {
  let session: Session | undefined
  const peer = await answerOffer({
    offer: options.offer,
    addresses: options.addresses,
    ...(options.publicAddress !== undefined && { publicAddress: options.publicAddress }),
    ports: options.ports,
    events: {
      connected: () => session?.connected(),
      channelOpen: () => session?.channelOpen(),
      lost: () => session?.close('lost'),
      audio: (packet) => session?.packet(packet),
      message: (text) => session?.message(text),
      bytes: (bytes) => session?.bytes(bytes),
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

export class Session implements Line {
  readonly answer: string
  readonly #options: SessionOptions
  readonly #peer: Peer
  readonly #log: Log
  readonly #ended = new AbortController()
  readonly #conversation: Conversation
  readonly #decoder: OpusDecoder
  readonly #encoder: OpusEncoder
  readonly #outgoing = new Outgoing()
  readonly #receiver: Receiver
  readonly #startedAt = performance.now()
  #live = false
  #channelOpen = false
  #ready = false
  /** Ticks since the last packet to the caller. */
  #quietTicks = 0
  #caughtUp = false
  /** Speech that the page has announced and not yet sent to its end. */
  #missed: MissedSpeech | undefined

  constructor(options: SessionOptions, peer: Peer) {
    this.#options = options
    this.#peer = peer
    this.answer = peer.answer
    this.#conversation = options.conversation()
    this.#log = options.log.child({ call: options.callId })
    // After the conversation, whose making may throw: the codec's memory is not garbage-collected.
    this.#decoder = createOpusDecoder()
    this.#encoder = createOpusEncoder()
    this.#receiver = new Receiver(this.#decoder, this.#conversation, peer.askAgain)
    const untick = options.ticker.subscribe(
      () => this.#tick(),
      (error) => this.#fault(error),
    )
    this.#ended.signal.addEventListener('abort', untick)
  }

  /** The conversation goes on by this call. */
  get attached(): boolean {
    return this.#conversation.line === this
  }

  /** Media and data channel are up, or have been. */
  get ready(): boolean {
    return this.#ready
  }

  // --- the peer's events ---

  connected(): void {
    if (this.#live) return
    this.#live = true
    const ms = performance.now() - this.#startedAt
    this.#options.metrics.connectSeconds.observe(ms / 1000)
    this.#log.info({ ms: Math.round(ms) }, 'connected')
    this.#guard(() => {
      if (!this.#conversation.line) this.#attach()
      this.#readyIfUp()
    })
  }

  channelOpen(): void {
    this.#channelOpen = true
    this.#guard(() => this.#readyIfUp())
  }

  packet(packet: AudioPacket): void {
    if (this.attached) this.#guard(() => this.#receiver.push(packet, performance.now()))
  }

  message(text: string): void {
    const event = parsePageEvent(text)
    if (!event) this.#log.debug({ bytes: text.length }, 'ignored a message that is no event')
    else if (this.attached) this.#guard(() => this.#pageEvent(event))
  }

  bytes(bytes: Uint8Array): void {
    if (!this.#missed || !this.attached) {
      this.#log.debug({ bytes: bytes.length }, 'ignored bytes that no event has announced')
      return
    }
    this.#missed.push(bytes)
    if (this.#missed.complete) this.#guard(() => this.#missedOver())
  }

  /** Ends the call and everything that belongs to it, the conversation not. Idempotent. */
  close(reason: EndReason): void {
    if (this.#ended.signal.aborted) return
    const words = LAST_WORDS[reason]
    if (words) this.tell(words)
    this.#ended.abort()
    this.#conversation.detach(this)
    this.#missed = undefined
    this.#decoder.close()
    this.#encoder.close()
    this.#options.metrics.ends.inc({ reason })
    this.#options.metrics.packets(this.#receiver.stats)
    const seconds = Math.round((performance.now() - this.#startedAt) / 1000)
    const { turn } = this.#conversation
    this.#log.info({ reason, seconds, turn, ...this.#receiver.stats }, 'call ended')
    this.#peer
      .close()
      .catch((error: unknown) =>
        this.#log.warn({ error: String(error) }, 'peer did not close cleanly'),
      )
    this.#options.onEnd(reason)
  }

  // --- the conversation's line ---

  tell(event: NodeEvent): boolean {
    // Not before `call.ready`, which is the first.
    return this.#ready && !this.#ended.signal.aborted && this.#peer.send(JSON.stringify(event))
  }

  play(frame: Int16Array): void {
    if (this.#peer.canPlay && !this.#ended.signal.aborted) {
      this.#sendPacket(this.#encoder.encode(frame))
    }
  }

  timestamp(): number | undefined {
    return this.#peer.canPlay ? this.#outgoing.timestamp : undefined
  }

  // --- the clock ---

  #tick(): void {
    const now = performance.now()
    this.#outgoing.tick()
    this.#quietTicks++
    if (this.attached) {
      this.#receiver.tick(now)
      this.#conversation.tick()
    }
    if (this.#live && this.#quietTicks >= KEEP_ALIVE_TICKS) this.#sendPacket(OPUS_SILENCE)
    const { silentMs = SILENT_TIMEOUT_MS } = this.#options
    const connecting = !this.#live || !this.attached
    if (connecting && now - this.#startedAt > CONNECT_TIMEOUT_MS) this.close('never-connected')
    else if (this.#live && now - this.#peer.heardAt() > silentMs) this.close('silent')
  }

  #sendPacket(payload: Uint8Array): void {
    if (!this.#peer.canPlay || this.#ended.signal.aborted) return
    this.#quietTicks = 0
    const { packet, marker } = this.#outgoing.next(payload)
    this.#peer.play(packet, marker)
  }

  // --- the conversation ---

  #attach(): void {
    this.#conversation.attach(this, this.#peer.offersData)
  }

  #readyIfUp(): void {
    const up = this.#live && (this.#channelOpen || !this.#peer.offersData)
    if (!up || this.#ready || this.#ended.signal.aborted) return
    this.#ready = true
    this.#options.onReady()
    if (!this.attached) this.#attach()
    this.#conversation.opened()
  }

  #pageEvent(event: PageEvent): void {
    if (event.type === 'call.catch-up') {
      if (this.#caughtUp) return this.#log.debug('ignored a second catch-up')
      this.#caughtUp = true
      const wanted = this.#conversation.catchUp(event)
      if (event.missed) this.#missed = new MissedSpeech(event.missed.samples, wanted)
      return
    }
    if (this.#missed) {
      this.#log.debug('an event came before all of the speech that was announced')
      this.#missedOver()
    }
    this.#conversation.mark(MARKS[event.type])
  }

  #missedOver(): void {
    const missed = this.#missed
    this.#missed = undefined
    if (missed?.wanted) this.#conversation.missed(missed.samples())
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
}

const MARKS: Readonly<Record<Exclude<PageEvent['type'], 'call.catch-up'>, Mark>> = {
  'speech.start': 'start',
  'speech.confirm': 'confirm',
  'speech.end': 'end',
  'speech.cancel': 'cancel',
}
