/**
 * The replies of a conversation, one at a time: the handler runs, the playout sends, and the newest one
 * can be taken up again where a lost connection left its listener.
 */
import { durationMs } from '@earshot/audio'
import type { CatchUp, NodeEvent, ReplyEnd } from '@earshot/protocol'
import { SAMPLE_RATE } from './clock.ts'
import type { CallContext, Turn, TurnHandler } from './handler.ts'
import type { Log } from './log.ts'
import type { Metrics } from './metrics.ts'
import { Playout } from './playout.ts'
import { runReply } from './reply.ts'

export interface RepliesOptions {
  readonly handler: TurnHandler
  readonly context: (signal: AbortSignal) => CallContext
  readonly tell: (event: NodeEvent) => void
  /** The RTP timestamp of the packet that takes the next frame; `undefined` when none is sent. */
  readonly timestamp: () => number | undefined
  /** The reply to turn number `turn` is over, however it ended. */
  readonly onOver: (turn: number) => void
  /** Ends with the conversation. */
  readonly signal: AbortSignal
  readonly metrics: Metrics
  readonly log: Log
}

interface Reply {
  readonly turn: number
  /** Length of the turn, in ms. */
  readonly ms: number
  readonly abort: AbortController
  /** How it ended; absent while it is made or sent. */
  over?: Pick<Extract<NodeEvent, { type: 'reply.end' }>, 'reason' | 'playedMs'>
  counted: boolean
}

export class Replies {
  readonly #options: RepliesOptions
  readonly #playout: Playout
  #newest: Reply | undefined

  constructor(options: RepliesOptions) {
    this.#options = options
    this.#playout = new Playout({
      start: (fromMs) => this.#start(fromMs),
      end: (playedMs) => this.#over('complete', playedMs),
    })
    options.signal.addEventListener('abort', () => this.#playout.flush())
  }

  /** A reply is being made or sent. */
  get active(): boolean {
    return this.#newest !== undefined && !this.#newest.over
  }

  /** Answers a turn; a reply in progress is interrupted. `skipMs` of the new one are left out. */
  answer(number: number, samples: Int16Array, skipMs = 0): void {
    this.interrupt()
    const { metrics, tell, signal: ended } = this.#options
    const audio = { samples, sampleRate: SAMPLE_RATE }
    const abort = new AbortController()
    const ms = durationMs(audio)
    this.#newest = { turn: number, ms, abort, counted: false }
    metrics.turns.inc()
    tell({ type: 'turn', turn: number, ms })
    this.#playout.begin(skipMs)
    // Also after the reply is over: what a handler left running ends with the conversation.
    const signal = AbortSignal.any([abort.signal, ended])
    this.#run({ number, audio }, signal).catch((error: unknown) => {
      if (!signal.aborted) this.#failed(number, error)
    })
  }

  /** The caller speaks over the reply. */
  interrupt(): void {
    if (!this.#newest || this.#newest.over) return
    this.#newest.abort.abort()
    this.#over('interrupted', this.#playout.flush())
  }

  /** The frame to send at this tick, if there is one. */
  next(): Int16Array | undefined {
    return this.#playout.next()
  }

  /** Another connection takes what follows. */
  moved(): void {
    this.#playout.moved()
  }

  /**
   * Goes on with the newest reply from where it was heard, on a new connection. `turn` is the last turn
   * that the page was told of, `heard` is what it says of the newest reply that it was told of. With
   * `owed` it waits for the reply to that turn, which may have been lost with the node that had made it.
   */
  goOn({ turn, heard }: Pick<CatchUp, 'turn' | 'heard'>, owed: boolean): void {
    const { tell } = this.#options
    const newest = this.#newest
    if (!newest) {
      const playedMs = heard?.turn === turn ? heard.ms : 0
      if (owed) tell({ type: 'reply.end', turn, reason: 'interrupted', playedMs })
      return
    }
    if (newest.turn > turn || !this.#playout.begun) this.#tellTurn(newest)
    const again = this.#playout.rewind(heard?.turn === newest.turn ? heard.ms : 0)
    if (again) delete newest.over
    this.tellEnd()
  }

  /** Tells again how the newest reply ended, if it has: the page may have been away. */
  tellEnd(): void {
    if (!this.#newest?.over) return
    this.#options.tell({ type: 'reply.end', turn: this.#newest.turn, ...this.#newest.over })
  }

  async #run(turn: Turn, signal: AbortSignal): Promise<void> {
    const { handler, context } = this.#options
    await runReply(handler(turn, context(signal)), this.#playout, signal)
    if (!signal.aborted) this.#playout.finish()
  }

  #start(fromMs: number): void {
    if (!this.#newest) return
    const rtp = this.#options.timestamp()
    const event = { type: 'reply.start', turn: this.#newest.turn, fromMs } as const
    this.#options.tell(rtp === undefined ? event : { ...event, rtp })
  }

  #tellTurn({ turn, ms, over }: Reply): void {
    if (!over || this.#playout.begun) this.#options.tell({ type: 'turn', turn, ms })
  }

  #failed(turn: number, error: unknown): void {
    const { log, tell } = this.#options
    log.error({ turn, error: String(error) }, 'the handler failed; the conversation goes on')
    tell({ type: 'handler.error', turn, message: 'Something went wrong while answering.' })
    this.#over('failed', this.#playout.flush())
  }

  #over(reason: ReplyEnd, playedMs: number): void {
    const reply = this.#newest
    if (!reply || reply.over) return
    reply.over = { reason, playedMs }
    // One that was sent again in part has been counted.
    if (!reply.counted) this.#options.metrics.replies.inc({ reason })
    reply.counted = true
    this.tellEnd()
    this.#options.onOver(reply.turn)
  }
}
