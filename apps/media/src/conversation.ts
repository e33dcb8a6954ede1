/**
 * One conversation: its handler, its turns and its replies. It outlives connections.
 *
 * ```
 *   waiting ──attach──▶ held ──catch-up, a mark, or 1 s──▶ on ──detach──▶ waiting
 *                                                      `close()` is legal in every state
 * ```
 *
 * While it waits, nothing is heard and nothing is sent; the handler may go on until its reply fills the
 * queue. While it is held the page is there and has not said yet what it heard and what was missed.
 */
import { Framer } from '@earshot/audio'
import {
  KEEP_ALIVE_MS,
  MAX_CALL_EVENT_BYTES,
  PROTOCOL_VERSION,
  type CatchUp,
  type Kept,
  type NodeEvent,
} from '@earshot/protocol'
import { planCatchUp } from './catch-up.ts'
import { FRAME_SAMPLES, framesFor, SAMPLE_RATE } from './clock.ts'
import type { CallContext, FrameHandler, HandlerDefinition } from './handler.ts'
import { Keeper } from './keeper.ts'
import type { Log } from './log.ts'
import type { Metrics } from './metrics.ts'
import { Replies } from './replies.ts'
import { Turns, type Mark, type TurnEvent } from './turns.ts'
import { Unsent } from './unsent.ts'

/** How long the reply waits for the page to say what it heard. */
const HOLD_TICKS = framesFor(1_000)
/** What is kept outside a turn is saved no more often than this. */
const SAVE_TICKS = framesFor(1_000)

export interface ConversationOptions {
  readonly id: string
  /** What another node has kept of it. */
  readonly resume?: Kept | undefined
  readonly handlerName: string
  readonly handler: HandlerDefinition
  /** Saves what is to outlive this node. */
  readonly save: (kept: Kept) => void
  readonly metrics: Metrics
  readonly log: Log
}

/** A connection, as the conversation sees it. */
export interface Line {
  /** False when the page cannot be told: there is no data channel open. */
  tell(event: NodeEvent): boolean
  /** Sends one 20 ms frame. */
  play(frame: Int16Array): void
  /** The RTP timestamp of the next packet; `undefined` when nothing can be played. */
  timestamp(): number | undefined
}

export class Conversation {
  readonly id: string
  readonly #options: ConversationOptions
  readonly #ended = new AbortController()
  readonly #keeper: Keeper
  readonly #unsent = new Unsent()
  readonly #turns = new Turns((event) => this.#turnEvent(event))
  readonly #framer = new Framer(FRAME_SAMPLES)
  readonly #replies: Replies | undefined
  readonly #onFrame: FrameHandler | undefined
  #line: Line | undefined
  #reached = false
  /** Ticks until the reply goes on though the page has said nothing; `undefined` when it goes on. */
  #holdTicks: number | undefined
  #saveTicks = 0
  #turn: number
  /** How much of the reply to the next turn has been heard already, in ms. */
  #skipMs = 0

  /** @throws what the making of the handler throws. */
  constructor(options: ConversationOptions) {
    const { id, resume, handler } = options
    this.id = id
    this.#options = { ...options, log: options.log.child({ conversation: id }) }
    this.#keeper = new Keeper(resume)
    this.#turn = resume?.turn ?? 0
    this.#onFrame = handler.mode === 'frames' ? handler.create() : undefined
    if (handler.mode === 'turns') this.#replies = this.#makeReplies(handler.create())
  }

  /** The number of its last turn. */
  get turn(): number {
    return this.#turn
  }

  /** The connection that it is on. */
  get line(): Line | undefined {
    return this.#line
  }

  /** A connection has reached it: there is something to come back to. */
  get reached(): boolean {
    return this.#reached
  }

  /** What the fleet should have of it; `undefined` before the end of the first turn. */
  get committed(): Kept | undefined {
    return this.#keeper.committed
  }

  /** Goes on by this line alone. Without a data channel (`channel` false) no catch-up can come. */
  attach(line: Line, channel: boolean): void {
    this.#line = line
    this.#reached = true
    this.#holdTicks = channel ? Infinity : HOLD_TICKS
    this.#replies?.moved()
  }

  /** The line's data channel is open. */
  opened(): void {
    const { handlerName, handler } = this.#options
    this.#tell({
      type: 'call.ready',
      version: PROTOCOL_VERSION,
      handler: handlerName,
      mode: handler.mode,
      keepAliveMs: KEEP_ALIVE_MS,
      turn: this.#turn,
    })
    for (const event of this.#unsent.take()) this.#tell(event)
    if (this.#holdTicks !== undefined) this.#holdTicks = HOLD_TICKS
  }

  /** The line is gone; without effect when the conversation is on another. */
  detach(line: Line): void {
    if (this.#line !== line) return
    this.#line = undefined
    this.#turns.lost()
    this.#skipMs = 0
    this.#saveLate()
  }

  /** Ends it and everything that the handler left running. Idempotent. */
  close(): void {
    this.#line = undefined
    this.#ended.abort()
  }

  // --- what the line brings ---

  /** 48 kHz mono of any length. */
  sound(samples: Int16Array): void {
    if (this.#replies) this.#turns.audio(samples)
    else for (const frame of this.#framer.push(samples)) this.#answerFrame(frame)
  }

  /** The caller sent nothing for so many samples. */
  silence(samples: number): void {
    if (this.#replies) this.#turns.audio(new Int16Array(samples))
  }

  mark(mark: Mark): void {
    // The catch-up comes first or not at all.
    this.#holdTicks = undefined
    if (this.#replies) this.#turns.mark(mark)
  }

  /** What the page heard, and what was missed. True when the speech that follows is wanted. */
  catchUp(event: CatchUp): boolean {
    this.#holdTicks = undefined
    if (!this.#replies) return false
    const { turn, missed, skipMs } = planCatchUp(event, this.#turn)
    this.#turn = turn
    this.#options.log.info({ turn, missed, heard: event.heard }, 'caught up')
    if (missed === 'hear') {
      this.#skipMs = skipMs
      this.#replies.tellEnd()
      this.#turns.catchUp(event.missed?.speaking ?? false)
      return true
    }
    this.#letGo()
    this.#replies.goOn(event, missed === 'swallow')
    return false
  }

  /** The speech that the catch-up announced, 48 kHz mono. */
  missed(samples: Int16Array): void {
    this.#turns.missed(samples)
  }

  /** To be called by the line every 20 ms; plays what there is to play. */
  tick(): void {
    if (this.#holdTicks !== undefined && --this.#holdTicks > 0) return
    if (this.#holdTicks !== undefined) this.#letGo()
    this.#holdTicks = undefined
    this.#turns.tick()
    const frame = this.#replies?.next()
    if (frame) this.#line?.play(frame)
    if (++this.#saveTicks >= SAVE_TICKS) this.#saveLate()
  }

  // --- turns and replies ---

  #makeReplies(
    handler: ReturnType<Extract<HandlerDefinition, { mode: 'turns' }>['create']>,
  ): Replies {
    return new Replies({
      ...this.#options,
      handler,
      context: (signal) => this.#context(signal),
      tell: (event) => this.#tell(event),
      timestamp: () => this.#line?.timestamp(),
      onOver: (turn) => this.#save(turn),
      signal: this.#ended.signal,
    })
  }

  #turnEvent(event: TurnEvent): void {
    if (event.type === 'speech') this.#replies?.interrupt()
    else if (event.type === 'cancelled') this.#tell({ type: 'unduck' })
    else {
      const skipMs = this.#skipMs
      this.#skipMs = 0
      this.#replies?.answer(++this.#turn, event.samples, skipMs)
    }
  }

  /**
   * What was begun on a connection that is gone, and was not missed, is over: nobody will mark its end.
   * A person who still speaks marks a start, which is soon enough to go on with it.
   */
  #letGo(): void {
    if (this.#replies) this.#turns.mark('cancel')
  }

  #answerFrame(frame: Int16Array): void {
    try {
      const audio = { samples: frame, sampleRate: SAMPLE_RATE }
      const reply = this.#onFrame?.(audio, this.#context(this.#ended.signal))
      if (reply) this.#line?.play(reply.samples)
    } catch (error) {
      this.#options.log.error({ error: String(error) }, 'the handler failed on a frame')
    }
  }

  #context(signal: AbortSignal): CallContext {
    const keeper = this.#keeper
    return {
      callId: this.id,
      signal,
      send: (data) => this.#output(data),
      get kept() {
        return keeper.value
      },
      keep: (value) => keeper.keep(value),
    }
  }

  // --- what is kept ---

  #save(turn: number): void {
    this.#saveTicks = 0
    if (!this.#ended.signal.aborted) this.#options.save(this.#keeper.commit(turn))
  }

  /** Saves what was kept after the turn was over, by a handler that was interrupted, say. */
  #saveLate(): void {
    if (this.#keeper.changed && !this.#replies?.active) this.#save(this.#turn)
  }

  #output(data: unknown): void {
    const event = { type: 'output', data } as const
    const bytes = Buffer.byteLength(JSON.stringify(event))
    // The page drops what is longer, and nobody would learn why.
    if (bytes > MAX_CALL_EVENT_BYTES) {
      throw new RangeError(
        `an output of ${bytes} bytes is over the ${MAX_CALL_EVENT_BYTES} of a message`,
      )
    }
    this.#tell(event)
  }

  #tell(event: NodeEvent): void {
    if (!this.#line?.tell(event)) this.#unsent.add(event)
  }
}
