/**
 * What the page knows of a conversation, whatever becomes of its connections: how far it is, what was
 * heard and what was said. From it a new connection is told what its node may have missed.
 *
 * Holds no clock. Without a voice detector there are no samples, and marks and turns alone are kept.
 */
import type { CatchUp, NodeEvent, Resumed } from '@earshot/protocol'
import {
  heardOf,
  heardOut,
  hearEvent,
  hearNoMore,
  hearPlayed,
  type Hearing,
  NOTHING_HEARD,
} from './heard.ts'
import { Speech } from './speech.ts'
import type { Answer, Mark } from './state.ts'

/** What is first said on a new connection, in this order, and what it leaves the call with. */
export interface CatchingUp {
  event: CatchUp | undefined
  /** 16 kHz; the `event` announces so many, none when it announces none. */
  samples: Int16Array
  /** Marks of speech that the node would not know of otherwise. */
  marks: Mark[]
  speaking: boolean
  answer: Answer
  /** There were turns, and the node knows nothing of them. */
  startsOver: boolean
}

export class Conversation {
  readonly #speech = new Speech()
  #hearing: Hearing = NOTHING_HEARD
  /** The number of the last turn that was told of. */
  #turn = 0
  /** And no end of its reply since. */
  #isOpen = false
  /** The handler answers continuously: it makes no turns that could be missed. */
  #isFrames = false

  /** A frame of the microphone, as the detector has it: 16 kHz, -1…1. Its marks come after it. */
  frame(samples: Float32Array): void {
    if (!this.#isFrames) this.#speech.frame(samples)
  }

  /** `isTold`: it is sent to the node as well. */
  mark(mark: Mark, isTold: boolean): void {
    this.#speech.mark(mark, isTold)
  }

  event(event: NodeEvent): void {
    this.#hearing = hearEvent(this.#hearing, event)
    switch (event.type) {
      case 'call.ready':
        this.#isFrames = event.mode === 'frames'
        // The node has made a turn of what was said, and the connection was lost before it told.
        if (event.turn > this.#turn) this.#turnMade(event.turn)
        return
      case 'turn':
        this.#turnMade(event.turn)
        return
      case 'unduck':
        this.#speech.forgetEnded()
        return
      case 'reply.start':
        if (event.turn === this.#turn) this.#isOpen = true
        return
      case 'reply.end':
      case 'handler.error':
        if (event.turn === this.#turn) this.#isOpen = false
        return
      case 'output':
      case 'call.end':
        return
      default:
        event satisfies never
    }
  }

  /** The RTP timestamp that was played last, as far as the browser tells. */
  played(rtp: number | undefined): void {
    this.#hearing = hearPlayed(this.#hearing, rtp)
  }

  /** The connection is gone; `played()` has had its last timestamp. */
  lost(): void {
    this.#hearing = hearNoMore(this.#hearing)
  }

  /** There is a new connection, to a node that has of this conversation what `resumed` says. */
  reopened(resumed: Resumed): CatchingUp {
    const startsOver = resumed === 'no' && this.#turn > 0
    if (resumed === 'no') this.#beginAnew()
    const missed = this.#missed(resumed)
    const marks = this.#marksBeside(missed, resumed)
    this.#speech.settled()
    // Of that turn nothing will come any more.
    if (resumed !== 'here' && !missed?.again) this.#isOpen = false
    return {
      event: resumed === 'no' && !missed ? undefined : this.#catchUp(missed),
      samples: missed?.samples ?? new Int16Array(0),
      marks,
      speaking: this.#speech.isSpeaking,
      answer: this.#answer(missed, marks),
      startsOver,
    }
  }

  #catchUp(missed: Missed | undefined): CatchUp {
    const heard = heardOf(this.#hearing)
    return {
      type: 'call.catch-up',
      turn: this.#turn,
      ...(heard && { heard }),
      ...(missed && { missed: { ...missed, samples: missed.samples.length } }),
    }
  }

  /** What the person says or has said comes first: it interrupts whatever reply is still owed. */
  #missed(resumed: Resumed): Missed | undefined {
    if (this.#isFrames) return undefined
    const samples = this.#speech.unanswered()
    if (samples.length > 0) return { samples, speaking: this.#speech.isSpeaking, again: false }
    if (resumed === 'here' || this.#speech.isSpeaking || !this.#isOwed()) return undefined
    return { samples: this.#speech.answering, speaking: false, again: true }
  }

  /** There is a last turn, and its reply was not heard to its end. */
  #isOwed(): boolean {
    return this.#speech.answering.length > 0 && !heardOut(this.#hearing, this.#turn)
  }

  /** What has to be said by marks, beside the samples or for want of them. */
  #marksBeside(missed: Missed | undefined, resumed: Resumed): Mark[] {
    const { isSpeaking, isConfirmed, isEnded, isUnsettled } = this.#speech
    if (this.#isFrames) return []
    if (isSpeaking) {
      const start: Mark[] = missed ? [] : ['speech.start']
      return isConfirmed ? [...start, 'speech.confirm'] : start
    }
    // What had begun is over: the node still waits for the end of it.
    if (resumed !== 'here' || missed || !isUnsettled) return []
    return [isEnded ? 'speech.end' : 'speech.cancel']
  }

  #answer(missed: Missed | undefined, marks: Mark[]): Answer {
    const isAwaited = missed ? !missed.speaking && !missed.again : marks.includes('speech.end')
    if (isAwaited) return { kind: 'thinking', turn: undefined }
    return this.#isOpen || missed?.again ? { kind: 'thinking', turn: this.#turn } : { kind: 'none' }
  }

  #turnMade(turn: number): void {
    // Told again, of the same speech: by a node that has it again, or that was asked for it.
    const isTwice = turn === this.#turn && !this.#speech.isEnded
    this.#turn = turn
    this.#isOpen = true
    if (isTwice) this.#speech.settled()
    else this.#speech.turnMade()
  }

  #beginAnew(): void {
    const { isEnded, isSpeaking } = this.#speech
    this.#speech.turnUnmade(this.#isOwed() && !isEnded && !isSpeaking)
    this.#hearing = NOTHING_HEARD
    this.#turn = 0
    this.#isOpen = false
  }
}

interface Missed {
  readonly samples: Int16Array
  readonly speaking: boolean
  readonly again: boolean
}
