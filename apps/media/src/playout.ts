/**
 * The reply on its way out: any-size PCM in, one exact 20 ms frame a tick out.
 *
 * Nothing is sent between replies. Within one, a handler that falls behind is heard as silence, frame
 * by frame, so that the reply does not stutter when it catches up.
 */
import { Framer } from '@earshot/audio'
import { FRAME_MS, FRAME_SAMPLES } from './clock.ts'

/** Room for a reply ahead of what is being heard; a handler that is faster waits. */
const MAX_QUEUED_FRAMES = 10_000 / FRAME_MS

type State =
  | { readonly phase: 'idle' }
  /** Begun, nothing played yet. */
  | { readonly phase: 'waiting'; done: boolean }
  | { readonly phase: 'playing'; done: boolean; frames: number }

export interface PlayoutEvents {
  /** The first frame of the reply is being taken. */
  start(): void
  /** The last frame has been taken; `playedMs` of sound were played. */
  end(playedMs: number): void
}

export class Playout {
  readonly #events: PlayoutEvents
  #framer = new Framer(FRAME_SAMPLES)
  #queue: Int16Array[] = []
  #state: State = { phase: 'idle' }
  #roomWanted: (() => void) | undefined

  constructor(events: PlayoutEvents) {
    this.#events = events
  }

  get active(): boolean {
    return this.#state.phase !== 'idle'
  }

  /** Opens a reply. What was left of another is dropped. */
  begin(): void {
    this.#clear()
    this.#state = { phase: 'waiting', done: false }
  }

  /** Adds 48 kHz mono to the open reply; ignored when there is none. */
  add(samples: Int16Array): void {
    if (this.#state.phase === 'idle' || this.#state.done) return
    // One by one: a chunk of an hour would be more arguments than a call can have.
    for (const frame of this.#framer.push(samples)) this.#queue.push(frame)
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
    if (this.#state.phase === 'idle') return
    const last = this.#framer.flush()
    if (last) this.#queue.push(last)
    this.#state.done = true
    if (this.#queue.length === 0) this.#end()
  }

  /** Drops everything at once. Returns how many ms of the reply had been played. */
  flush(): number {
    const playedMs = this.#state.phase === 'playing' ? this.#state.frames * FRAME_MS : 0
    this.#clear()
    this.#state = { phase: 'idle' }
    return playedMs
  }

  /** The frame to send at this tick; `undefined` when there is nothing to say. */
  next(): Int16Array | undefined {
    if (this.#state.phase === 'idle') return undefined
    const frame = this.#queue.shift()
    if (this.#queue.length < MAX_QUEUED_FRAMES) this.#giveRoom()
    if (!frame) return this.#state.phase === 'playing' ? new Int16Array(FRAME_SAMPLES) : undefined
    if (this.#state.phase === 'waiting') {
      this.#state = { phase: 'playing', done: this.#state.done, frames: 0 }
      this.#events.start()
    }
    this.#state.frames++
    if (this.#state.done && this.#queue.length === 0) this.#end()
    return frame
  }

  #end(): void {
    const playedMs = this.flush()
    this.#events.end(playedMs)
  }

  #clear(): void {
    this.#queue = []
    this.#framer = new Framer(FRAME_SAMPLES)
    this.#giveRoom()
  }

  #giveRoom(): void {
    this.#roomWanted?.()
    this.#roomWanted = undefined
  }
}
