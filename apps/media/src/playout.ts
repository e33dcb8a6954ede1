/**
 * The reply on its way out: any-size PCM in, one exact 20 ms frame a tick out.
 *
 * ```
 *   idle ──begin──▶ waiting ──first frame──▶ playing ──last frame──▶ over ──15 s──▶ idle
 *                                               ▲                     │
 *                                               └────── rewind ───────┘
 * ```
 *
 * Nothing is sent between replies. Within one, a handler that falls behind is heard as silence, frame
 * by frame, so that the reply does not stutter when it catches up. What has been played is kept for a
 * while: a connection that is lost takes with it what was sent and never heard.
 */
import { Framer } from '@earshot/audio'
import { FRAME_MS, FRAME_SAMPLES, framesFor, SAMPLE_RATE } from './clock.ts'

/** Room for a reply ahead of what is being heard; a handler that is faster waits. */
const MAX_QUEUED_FRAMES = 10_000 / FRAME_MS
/** A path may be dead for 12 s before anybody says so, and what was under way is lost too. */
const KEPT_FRAMES = framesFor(14_000)
/** How long a reply that is over can still be rewound. */
const KEPT_OVER_TICKS = framesFor(15_000)
/** Less than this is not worth saying again: it is the page's clock against ours. */
const TOLERANCE_FRAMES = framesFor(40)

/** What is heard of a handler that has fallen behind. Known by its identity; never written to. */
const FILL = new Int16Array(FRAME_SAMPLES)

type State =
  | { readonly phase: 'idle' }
  /** Begun, nothing played yet. */
  | { readonly phase: 'waiting'; done: boolean }
  /** `told`: the start of this stretch has been told. */
  | { readonly phase: 'playing'; done: boolean; told: boolean }
  | { readonly phase: 'over'; ticksLeft: number }

export interface PlayoutEvents {
  /**
   * The first frame of the reply is being taken, or the first one of a stretch that goes on after a
   * rewind or on another connection. `fromMs`: its place in the reply.
   */
  start(fromMs: number): void
  /** The last frame has been taken; `playedMs` of sound were played. */
  end(playedMs: number): void
}

export class Playout {
  readonly #events: PlayoutEvents
  #framer = new Framer(FRAME_SAMPLES)
  #queue: Int16Array[] = []
  #state: State = { phase: 'idle' }
  #roomWanted: (() => void) | undefined
  /** Where the reply begins for its listener, in ms: what came before has been left out. */
  #fromMs = 0
  /** Samples that are still to be left out. */
  #skip = 0
  /** Frames since `#fromMs`, those of silence included: they too pass on the listener's clock. */
  #at = 0
  /** Frames of the handler's sound among them. */
  #sounded = 0
  /** The newest frames before `#at`. */
  #past: Int16Array[] = []

  constructor(events: PlayoutEvents) {
    this.#events = events
  }

  get active(): boolean {
    return this.#state.phase === 'waiting' || this.#state.phase === 'playing'
  }

  /** True once the first frame of the newest reply has been taken, until that reply is forgotten. */
  get begun(): boolean {
    return this.#state.phase === 'playing' || this.#state.phase === 'over'
  }

  /** Opens a reply and leaves out its first `skipMs`. What was left of another is dropped. */
  begin(skipMs = 0): void {
    this.#clear()
    this.#fromMs = skipMs
    this.#skip = Math.round((skipMs * SAMPLE_RATE) / 1000)
    this.#state = { phase: 'waiting', done: false }
  }

  /** Adds 48 kHz mono to the open reply; ignored when there is none. */
  add(samples: Int16Array): void {
    if (!this.#open()) return
    const skipped = Math.min(this.#skip, samples.length)
    this.#skip -= skipped
    // One by one: a chunk of an hour would be more arguments than a call can have.
    for (const frame of this.#framer.push(samples.subarray(skipped))) this.#queue.push(frame)
  }

  /** Resolves when there is room for more, at once if there is. Call before each `add`. */
  room(): Promise<void> {
    if (this.#queue.length < MAX_QUEUED_FRAMES) return Promise.resolve()
    return new Promise((resolve) => {
      this.#roomWanted = resolve
    })
  }

  /** The reply is complete; it ends when the last of it has been played. */
  finish(): void {
    const open = this.#open()
    if (!open) return
    const last = this.#framer.flush()
    if (last) this.#queue.push(last)
    open.done = true
    if (this.#queue.length === 0) this.#end()
  }

  /** Drops everything at once. Returns how many ms of the reply had been played. */
  flush(): number {
    const playedMs = this.#sounded * FRAME_MS
    this.#clear()
    this.#state = { phase: 'idle' }
    return playedMs
  }

  /** Another connection takes the next frame: its listener has to be told of a start again. */
  moved(): void {
    if (this.#state.phase === 'playing') this.#state.told = false
  }

  /**
   * Goes back to `toMs` of the reply, or as far as is kept, also when the reply was over. False when
   * there is nothing to say again, to within 40 ms.
   */
  rewind(toMs: number): boolean {
    if (!this.begun) return false
    const target = Math.max(0, Math.floor((toMs - this.#fromMs) / FRAME_MS))
    const back = Math.min(this.#at - target, this.#past.length)
    if (back <= TOLERANCE_FRAMES) return false
    // The pauses of a handler that fell behind were of that time; the sound alone is said again.
    const again = this.#past.splice(-back).filter((frame) => frame !== FILL)
    this.#at -= back
    this.#sounded -= again.length
    this.#queue.unshift(...again)
    if (this.#state.phase === 'playing') this.#state.told = false
    else if (again.length > 0) this.#state = { phase: 'playing', done: true, told: false }
    return again.length > 0
  }

  /** The frame to send at this tick; `undefined` when there is nothing to say. */
  next(): Int16Array | undefined {
    if (this.#state.phase === 'over' && --this.#state.ticksLeft <= 0) this.flush()
    if (this.#state.phase !== 'waiting' && this.#state.phase !== 'playing') return undefined
    const sound = this.#queue.shift()
    if (this.#queue.length < MAX_QUEUED_FRAMES) this.#giveRoom()
    if (this.#state.phase === 'waiting') {
      if (!sound) return undefined
      this.#state = { phase: 'playing', done: this.#state.done, told: false }
    }
    if (!this.#state.told) {
      this.#state.told = true
      this.#events.start(this.#fromMs + this.#at * FRAME_MS)
    }
    if (sound) this.#sounded++
    this.#keep(sound ?? FILL)
    if (this.#state.done && this.#queue.length === 0) this.#end()
    return sound ?? FILL
  }

  /** The state of a reply that takes more sound. */
  #open(): { done: boolean } | undefined {
    const { phase } = this.#state
    if ((phase !== 'waiting' && phase !== 'playing') || this.#state.done) return undefined
    return this.#state
  }

  #keep(frame: Int16Array): void {
    this.#at++
    this.#past.push(frame)
    if (this.#past.length > KEPT_FRAMES) this.#past.shift()
  }

  #end(): void {
    this.#state = { phase: 'over', ticksLeft: KEPT_OVER_TICKS }
    this.#events.end(this.#sounded * FRAME_MS)
  }

  #clear(): void {
    this.#queue = []
    this.#past = []
    this.#framer = new Framer(FRAME_SAMPLES)
    this.#fromMs = 0
    this.#skip = 0
    this.#at = 0
    this.#sounded = 0
    this.#giveRoom()
  }

  #giveRoom(): void {
    this.#roomWanted?.()
    this.#roomWanted = undefined
  }
}
