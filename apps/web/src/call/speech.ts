/**
 * What the person said, as the voice detector heard it, kept until it was answered. Its marks cut it as
 * they do at the node:
 * ```
 *  pre-roll ──start──> open ──end──> ended ──turn made──> answering, until the next turn
 *     ▲                 │             │
 *     └──── cancel ─────┘             └──no speech──> forgotten
 * ```
 * Where no detector runs there are marks, by hand, and no samples.
 */
import { toInt16 } from '@earshot/audio'
import { MAX_MISSED_SAMPLES, MISSED_SAMPLE_RATE } from '@earshot/protocol'
import type { Mark } from './state.ts'
import { Tail } from './tail.ts'

/** As long as the node's own pre-roll (400 ms), and the frame in which the detector found speech. */
const PRE_ROLL_SAMPLES = 0.4 * MISSED_SAMPLE_RATE + 512
const NO_SAMPLES = new Int16Array(0)

/** Under way; `isRecorded`: frames have come since it began. */
interface Open {
  readonly said: Tail
  isRecorded: boolean
  isConfirmed: boolean
}

export class Speech {
  readonly #preRoll = new Tail(PRE_ROLL_SAMPLES)
  readonly #ended = new Tail(MAX_MISSED_SAMPLES)
  #open: Open | undefined
  #isEnded = false
  #isUnsettled = false
  #answering: Int16Array = NO_SAMPLES

  get isSpeaking(): boolean {
    return this.#open !== undefined
  }

  /** The person speaks, for long enough to be sure. */
  get isConfirmed(): boolean {
    return this.#open?.isConfirmed ?? false
  }

  /** Speech is over of which the node has made nothing yet. */
  get isEnded(): boolean {
    return this.#isEnded
  }

  /** The node was told that speech has begun, and has not said what came of it. */
  get isUnsettled(): boolean {
    return this.#isUnsettled
  }

  /** The samples of the last turn. */
  get answering(): Int16Array {
    return this.#answering
  }

  /** All of which the node has made nothing yet, as one: the pauses between its parts are not in it. */
  unanswered(): Int16Array {
    const all = new Tail(MAX_MISSED_SAMPLES)
    all.push(this.#ended.samples())
    if (this.#open?.isRecorded) all.push(this.#open.said.samples())
    return all.samples()
  }

  frame(samples: Float32Array): void {
    if (this.#open) this.#open.isRecorded = true
    const tail = this.#open?.said ?? this.#preRoll
    tail.push(toInt16(samples))
  }

  /** `isTold`: it is sent to the node as well. */
  mark(mark: Mark, isTold: boolean): void {
    switch (mark) {
      case 'speech.start':
        this.#isUnsettled ||= isTold
        this.#open ??= openedWith(this.#preRoll.take())
        return
      case 'speech.confirm':
        if (this.#open) this.#open.isConfirmed = true
        return
      case 'speech.end':
        if (!this.#open) return
        this.#ended.push(saidIn(this.#open))
        this.#isEnded = true
        this.#open = undefined
        return
      case 'speech.cancel':
        if (this.#open) this.#preRoll.push(saidIn(this.#open))
        this.#open = undefined
        return
      default:
        mark satisfies never
    }
  }

  /** The node has made a turn of it. */
  turnMade(): void {
    this.settled()
    // Under speech it is one of what was said before that, or the first minute of a long one.
    const said = this.#isEnded ? this.#ended : this.#open?.said
    this.#answering = said?.take() ?? NO_SAMPLES
    this.#isEnded = false
  }

  /** The node knows of all that has ended. */
  settled(): void {
    this.#isUnsettled = this.isSpeaking
  }

  /** The node has found no speech in what has ended. */
  forgetEnded(): void {
    this.settled()
    this.#ended.take()
    this.#isEnded = false
  }

  /** There was no such turn; `isOwed`: it is to become one. */
  turnUnmade(isOwed: boolean): void {
    if (isOwed) this.#ended.push(this.#answering)
    this.#isEnded ||= isOwed
    this.#answering = NO_SAMPLES
  }
}

function openedWith(preRoll: Int16Array): Open {
  const said = new Tail(MAX_MISSED_SAMPLES)
  said.push(preRoll)
  return { said, isRecorded: false, isConfirmed: false }
}

/** Marked by hand while no detector runs: what it heard before is none of it. */
function saidIn({ said, isRecorded }: Open): Int16Array {
  return isRecorded ? said.take() : NO_SAMPLES
}
