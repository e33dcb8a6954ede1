/** What a page says first on a new connection: what it heard, and what was said meanwhile. Pure. */
import { concat, decodeMuLaw, Resampler } from '@earshot/audio'
import { MISSED_SAMPLE_RATE, type CatchUp } from '@earshot/protocol'
import { SAMPLE_RATE } from './clock.ts'

export interface CatchUpPlan {
  /** The number of the last turn, from now on. */
  readonly turn: number
  /**
   * `hear`: speech follows that is to be answered. `swallow`: speech follows that has been answered
   * already. `none`: nothing follows.
   */
  readonly missed: 'hear' | 'swallow' | 'none'
  /** How much of the reply to what was missed has been heard already, in ms. */
  readonly skipMs: number
}

/** What `catchUp` comes to in a conversation whose last turn is number `turn`. */
export function planCatchUp({ turn, heard, missed }: CatchUp, last: number): CatchUpPlan {
  // Numbers never go back, though a node was lost before it could say how far they were.
  if (!missed) return { turn: Math.max(turn, last), missed: 'none', skipMs: 0 }
  if (missed.again) {
    if (last >= turn) return { turn: last, missed: 'swallow', skipMs: 0 }
    return { turn: turn - 1, missed: 'hear', skipMs: heard?.turn === turn ? heard.ms : 0 }
  }
  // Marks are reliable: a turn that the page was not told of is this very speech, heard by its mark.
  if (last > turn && !missed.speaking) return { turn: last, missed: 'swallow', skipMs: 0 }
  return { turn: Math.max(turn, last), missed: 'hear', skipMs: 0 }
}

/** Collects the bytes that a `call.catch-up` has announced, and not one more. */
export class MissedSpeech {
  /** False when the bytes are counted and thrown away. */
  readonly wanted: boolean
  #left: number
  readonly #chunks: Int16Array[] = []
  readonly #to48k = new Resampler(MISSED_SAMPLE_RATE, SAMPLE_RATE)

  constructor(samples: number, wanted: boolean) {
    this.wanted = wanted
    this.#left = samples
  }

  get complete(): boolean {
    return this.#left === 0
  }

  /** Takes mu-law; what is beyond the announced length is dropped. */
  push(bytes: Uint8Array): void {
    const announced = bytes.subarray(0, this.#left)
    this.#left -= announced.length
    // Resampled as it comes: 15 s at once would make every call of the process late by some frames.
    if (this.wanted) this.#chunks.push(this.#to48k.push(decodeMuLaw(announced)))
  }

  /** What has come, 48 kHz mono. */
  samples(): Int16Array {
    return concat([...this.#chunks, this.#to48k.flush()])
  }
}
