/**
 * From packets as the network brings them to PCM in order, on the sender's timeline.
 *
 * In-order packets pass at once: turns need order, not even pace, so nothing is held to smooth jitter.
 * A gap is waited out for 60 ms, or for as long as a caller that was asked for its packets again may still
 * send them (`lost-packets.ts`). Then it is filled: the last lost frame from the next packet's FEC, those
 * before it by concealment, long ones by silence. A pause of the sender (DTX: timestamps jump, sequence
 * numbers do not) becomes silence at once.
 */
import { FRAME_SAMPLES, SAMPLE_RATE } from './clock.ts'
import { LostPackets } from './lost-packets.ts'
import type { AudioPacket } from './peer.ts'

/** Waiting longer for a late packet costs every listener that time; 60 ms covers usual Wi-Fi reordering. */
const MAX_WAIT_MS = 60
/** Concealment beyond this sounds like a robot: silence is kinder. */
const MAX_CONCEALED_FRAMES = 5
/** A longer pause is not filled up: the timeline starts anew after it. */
const MAX_SILENCE_SAMPLES = SAMPLE_RATE
/** More than this cannot be in order any more: the gap before them is given up at once. */
const MAX_BUFFERED = 50
/** Sequence numbers further apart than this are no gap: the sender has restarted. */
const MAX_GAP_PACKETS = 1000
/** So many packets from the past with none from the future between them: the sender has restarted. */
const MAX_LATE_IN_A_ROW = 25
/** The shortest stretch that the codec can fill in: 2.5 ms. */
const SHORTEST_FILL = SAMPLE_RATE / 400

/** A burst may bring this much at once; in the long run twice the pace of speech, and no more. */
const MAX_AHEAD_SAMPLES = 5 * SAMPLE_RATE

export interface Decoder {
  decode(packet: Uint8Array): Int16Array
  recover(next: Uint8Array, samples: number): Int16Array
  conceal(samples: number): Int16Array
}

export interface ReceiverStats {
  readonly received: number
  readonly late: number
  /** The caller was asked to send it again. */
  readonly asked: number
  /** It was asked for, and came in time. */
  readonly regained: number
  readonly recovered: number
  readonly concealed: number
  readonly corrupt: number
  /** Beyond what a caller can say in the time that passed. */
  readonly flooded: number
}

export interface ReceiverOutput {
  /** 48 kHz mono of any length, in order. */
  sound(samples: Int16Array): void
  /** The sender was silent for so many samples; nothing was sent, so nothing has been decoded. */
  silence(samples: number): void
}

export class Receiver {
  readonly #decoder: Decoder
  readonly #output: ReceiverOutput
  readonly #waiting = new Map<
    number,
    { readonly timestamp: number; readonly payload: Uint8Array; readonly at: number }
  >()
  readonly #lost: LostPackets | undefined
  readonly #stats = {
    received: 0,
    late: 0,
    regained: 0,
    recovered: 0,
    concealed: 0,
    corrupt: 0,
    flooded: 0,
  }
  /** Where the next packet should stand: sequence and timestamp, both unwrapped. */
  #next: { sequence: number; timestamp: number } | undefined
  #lateInARow = 0
  /** Samples that may still come out; refilled by the clock. */
  #room = MAX_AHEAD_SAMPLES

  /** `ask` asks the caller for packets again; left out when it cannot be asked. */
  constructor(
    decoder: Decoder,
    output: ReceiverOutput,
    ask?: (sequences: readonly number[]) => void,
  ) {
    this.#decoder = decoder
    this.#lost = ask && new LostPackets(ask)
    this.#output = {
      sound: (samples) => {
        this.#room -= samples.length
        output.sound(samples)
      },
      silence: (samples) => {
        this.#room -= samples
        output.silence(samples)
      },
    }
  }

  get stats(): ReceiverStats {
    return { ...this.#stats, asked: this.#lost?.asked ?? 0 }
  }

  /** Takes a packet; `now` in ms. */
  push(packet: AudioPacket, now: number): void {
    this.#stats.received++
    if (this.#room <= 0) {
      this.#stats.flooded++
      return
    }
    this.#next ??= { sequence: packet.sequence, timestamp: packet.timestamp }
    const sequence = unwrap(packet.sequence, this.#next.sequence, 16)
    const timestamp = unwrap(packet.timestamp, this.#next.timestamp, 32)
    const isLate = sequence < this.#next.sequence || this.#waiting.has(sequence)
    const askedFor = this.#lost?.has(sequence) ?? false
    if (!isLate) this.#lateInARow = 0
    else if (!askedFor) this.#lateInARow++
    const startsOver =
      Math.abs(sequence - this.#next.sequence) > MAX_GAP_PACKETS ||
      this.#lateInARow > MAX_LATE_IN_A_ROW
    if (startsOver) {
      this.#waiting.clear()
      this.#lost?.clear()
      this.#next = { sequence, timestamp }
      this.#lateInARow = 0
    }
    this.#lost?.arrived(sequence, now)
    if (isLate && !startsOver) {
      this.#stats.late++
      return
    }
    if (askedFor && !startsOver) this.#stats.regained++
    this.#waiting.set(sequence, { timestamp, payload: packet.payload, at: now })
    this.#drain()
    if (this.#waiting.size > MAX_BUFFERED) this.#skipGap()
  }

  /** To be called every frame: gives up on what has been waited for long enough. */
  tick(now: number): void {
    this.#room = Math.min(MAX_AHEAD_SAMPLES, this.#room + 2 * FRAME_SAMPLES)
    if (this.#next) this.#lost?.tick(this.#next.sequence, now)
    for (;;) {
      const [oldest] = this.#waiting.values()
      if (!oldest || !this.#next || now - oldest.at < MAX_WAIT_MS) return
      if (this.#lost?.canCome(this.#next.sequence, now)) return
      this.#skipGap()
    }
  }

  /** Plays what stands next in sequence, for as long as there is something. */
  #drain(): void {
    for (;;) {
      if (!this.#next) return
      const packet = this.#waiting.get(this.#next.sequence)
      if (!packet) return
      this.#waiting.delete(this.#next.sequence)
      this.#silence(packet.timestamp - this.#next.timestamp)
      this.#play(this.#next.sequence, packet)
    }
  }

  /** Gives up on the packets before the first one that is here, and fills their place. */
  #skipGap(): void {
    if (!this.#next || this.#waiting.size === 0) return
    const sequence = Math.min(...this.#waiting.keys())
    const packet = this.#waiting.get(sequence)
    if (!packet) return
    const missing = packet.timestamp - this.#next.timestamp
    const last = Math.min(FRAME_SAMPLES, missing - (missing % SHORTEST_FILL))
    if (last > 0) {
      const frames = Math.floor((missing - last) / FRAME_SAMPLES)
      const concealed = Math.min(frames, MAX_CONCEALED_FRAMES)
      for (let i = 0; i < concealed; i++) this.#output.sound(this.#decoder.conceal(FRAME_SAMPLES))
      this.#stats.concealed += concealed
      this.#silence(missing - last - concealed * FRAME_SAMPLES)
      this.#recover(packet.payload, last)
    }
    this.#next = { sequence, timestamp: packet.timestamp }
    this.#drain()
  }

  #recover(next: Uint8Array, samples: number): void {
    let recovered: Int16Array
    try {
      recovered = this.#decoder.recover(next, samples)
      this.#stats.recovered++
    } catch {
      // The packet is broken, which is counted when it is played.
      recovered = this.#decoder.conceal(samples)
      this.#stats.concealed++
    }
    this.#output.sound(recovered)
  }

  #play(
    sequence: number,
    packet: { readonly timestamp: number; readonly payload: Uint8Array },
  ): void {
    let samples: Int16Array
    try {
      samples = this.#decoder.decode(packet.payload)
    } catch {
      // One broken packet is one lost packet: its place is filled and the call goes on.
      this.#stats.corrupt++
      samples = this.#decoder.conceal(FRAME_SAMPLES)
    }
    this.#next = { sequence: sequence + 1, timestamp: packet.timestamp + samples.length }
    this.#output.sound(samples)
  }

  #silence(samples: number): void {
    if (samples > 0 && samples <= MAX_SILENCE_SAMPLES) this.#output.silence(samples)
  }
}

/** The value nearest to `near` that is `value` modulo 2^bits. */
function unwrap(value: number, near: number, bits: 16 | 32): number {
  const span = 2 ** bits
  return value + Math.round((near - value) / span) * span
}
