/**
 * Cuts the caller's audio into turns by the marks that the page's voice detector sends.
 *
 * ```
 *          start              end                    hangover over
 *   idle ─────────▶ speaking ─────▶ trailing ─────────────────────▶ idle + turn
 *    ▲                │  ▲              │
 *    └─── cancel ─────┘  └─── start ────┘
 *
 *   any ── catchUp ──▶ catching ── missed ──▶ speaking, or idle + turn
 * ```
 *
 * Marks never gate: audio flows all the time and the last `preRollMs` of it are kept, so the first
 * syllable, spoken before the detector was sure, is in the turn. Pure: time is the count of `tick()`s.
 */
import { concat } from '@earshot/audio'
import { framesFor, SAMPLE_RATE } from './clock.ts'

export interface TurnOptions {
  /** Audio kept from before the mark, in ms. */
  readonly preRollMs: number
  /** How long after the end mark more speech still belongs to the turn, in ms. */
  readonly hangoverMs: number
  /** A turn is cut here and handed on, in ms, so that a handler never waits for ever. */
  readonly maxTurnMs: number
}

export const TURN_DEFAULTS: TurnOptions = { preRollMs: 400, hangoverMs: 160, maxTurnMs: 60_000 }

export type Mark = 'start' | 'confirm' | 'end' | 'cancel'

export type TurnEvent =
  /** Speech is certain: a reply in progress must stop. */
  | { readonly type: 'speech' }
  /** What looked like speech was none. */
  | { readonly type: 'cancelled' }
  /** A whole turn, 48 kHz mono. */
  | { readonly type: 'turn'; readonly samples: Int16Array }

type State =
  | { readonly phase: 'idle' }
  /** `certain`: it has been confirmed, or an earlier stretch of this same turn has. */
  | { readonly phase: 'speaking'; readonly audio: Int16Array[]; certain: boolean }
  | { readonly phase: 'trailing'; readonly audio: Int16Array[]; ticksLeft: number }
  /** The beginning of the turn is on its way by the data channel; `audio` is what came by RTP since. */
  | { readonly phase: 'catching'; readonly audio: Int16Array[]; readonly speaking: boolean }

export class Turns {
  readonly #options: TurnOptions
  readonly #emit: (event: TurnEvent) => void
  #state: State = { phase: 'idle' }
  #preRoll: Int16Array[] = []
  #preRollSamples = 0
  #turnSamples = 0

  constructor(emit: (event: TurnEvent) => void, options: Partial<TurnOptions> = {}) {
    this.#emit = emit
    this.#options = { ...TURN_DEFAULTS, ...options }
  }

  /** The caller's audio, 48 kHz mono, any length. */
  audio(samples: Int16Array): void {
    if (samples.length === 0) return
    if (this.#state.phase === 'idle') {
      this.#keep(samples)
      return
    }
    this.#state.audio.push(samples)
    this.#turnSamples += samples.length
    if (this.#turnSamples >= toSamples(this.#options.maxTurnMs)) this.#cut()
  }

  mark(mark: Mark): void {
    switch (mark) {
      case 'start':
        return this.#start()
      case 'confirm':
        return this.#confirm()
      case 'end':
        return this.#end()
      case 'cancel':
        return this.#cancel()
      default:
        mark satisfies never
    }
  }

  /**
   * What was said while there was no connection is on its way, from the beginning of the turn: a part
   * of it that is here, and what was kept from before it, are of no use any more.
   */
  catchUp(speaking: boolean): void {
    this.#dropPreRoll()
    this.#turnSamples = 0
    this.#state = { phase: 'catching', audio: [], speaking }
    this.#emit({ type: 'speech' })
  }

  /** What was missed is here, 48 kHz mono: it goes before what has come since `catchUp()`. */
  missed(samples: Int16Array): void {
    if (this.#state.phase !== 'catching') return
    const { audio, speaking } = this.#state
    if (speaking) {
      this.#state = { phase: 'speaking', audio: [samples, ...audio], certain: true }
      this.#turnSamples += samples.length
      return
    }
    // What came since is after the turn: the pause, or the first syllable of the next one.
    this.#state = { phase: 'idle' }
    for (const later of audio) this.#keep(later)
    this.#finish([samples])
  }

  /** The connection is gone. What it was to bring will be sent again; a turn without it has a hole. */
  lost(): void {
    if (this.#state.phase === 'catching') this.#state = { phase: 'idle' }
  }

  /** To be called every 20 ms. */
  tick(): void {
    if (this.#state.phase !== 'trailing') return
    if (--this.#state.ticksLeft <= 0) {
      const { audio } = this.#state
      this.#finish(audio)
    }
  }

  #start(): void {
    if (this.#state.phase === 'idle') {
      this.#state = { phase: 'speaking', audio: this.#preRoll, certain: false }
      this.#turnSamples = this.#preRollSamples
      this.#dropPreRoll()
    } else if (this.#state.phase === 'trailing') {
      this.#state = { phase: 'speaking', audio: this.#state.audio, certain: true }
    }
  }

  #confirm(): void {
    if (this.#state.phase !== 'speaking' || this.#state.certain) return
    this.#state.certain = true
    this.#emit({ type: 'speech' })
  }

  #end(): void {
    // An end without its confirmation, from a detector that has none, says the same.
    this.#confirm()
    if (this.#state.phase !== 'speaking') return
    this.#trail(this.#state.audio)
  }

  #cancel(): void {
    if (this.#state.phase !== 'speaking') return
    if (this.#state.certain) {
      this.#trail(this.#state.audio)
      return
    }
    const { audio } = this.#state
    this.#state = { phase: 'idle' }
    for (const samples of audio) this.#keep(samples)
    this.#emit({ type: 'cancelled' })
  }

  #trail(audio: Int16Array[]): void {
    this.#state = { phase: 'trailing', audio, ticksLeft: framesFor(this.#options.hangoverMs) }
  }

  /** The turn is too long: hand over what there is and go on listening. */
  #cut(): void {
    if (this.#state.phase === 'idle') return
    const samples = concat(this.#state.audio)
    if (this.#state.phase !== 'trailing') {
      this.#confirm()
      this.#state = { phase: 'speaking', audio: [], certain: true }
    } else {
      this.#state = { phase: 'idle' }
    }
    this.#turnSamples = 0
    this.#emit({ type: 'turn', samples })
  }

  #finish(audio: Int16Array[]): void {
    this.#state = { phase: 'idle' }
    this.#turnSamples = 0
    const samples = concat(audio)
    // Marks around nothing (no packet came, or all of it was cut off before) are no turn to answer.
    this.#emit(samples.length === 0 ? { type: 'cancelled' } : { type: 'turn', samples })
  }

  #keep(samples: Int16Array): void {
    this.#preRoll.push(samples)
    this.#preRollSamples += samples.length
    for (;;) {
      const [oldest] = this.#preRoll
      const excess = this.#preRollSamples - toSamples(this.#options.preRollMs)
      if (!oldest || excess <= 0) return
      if (oldest.length > excess) {
        // A pause comes as one long stretch of silence: only the end of it belongs here.
        this.#preRoll[0] = oldest.slice(excess)
        this.#preRollSamples -= excess
        return
      }
      this.#preRoll.shift()
      this.#preRollSamples -= oldest.length
    }
  }

  #dropPreRoll(): void {
    this.#preRoll = []
    this.#preRollSamples = 0
  }
}

function toSamples(ms: number): number {
  return (ms * SAMPLE_RATE) / 1000
}
