import { FRAME_SAMPLES } from './clock.ts'
import type { AudioPacket } from './peer.ts'

/**
 * Numbers the packets of one direction. The timeline runs with the clock whether or not anything is sent,
 * so that after a pause the caller's jitter buffer sees a pause and not a burst of late packets.
 */
export class Outgoing {
  #sequence = Math.floor(Math.random() * 0x1_0000)
  #timestamp = Math.floor(Math.random() * 0x1_0000_0000)
  /** The first timestamp that has not been used. */
  #free = 0
  #clock = 0

  /** To be called every 20 ms. */
  tick(): void {
    this.#clock += FRAME_SAMPLES
  }

  /** The RTP timestamp of the next packet, if it leaves before the next tick. */
  get timestamp(): number {
    return (this.#timestamp + Math.max(this.#clock, this.#free)) % 0x1_0000_0000
  }

  /** Numbers one 20 ms packet; `marker` says that it follows a pause. */
  next(payload: Uint8Array): { readonly packet: AudioPacket; readonly marker: boolean } {
    const at = Math.max(this.#clock, this.#free)
    const { timestamp } = this
    const marker = at !== this.#free || this.#free === 0
    this.#free = at + FRAME_SAMPLES
    this.#sequence = (this.#sequence + 1) & 0xffff
    return { packet: { sequence: this.#sequence, timestamp, payload }, marker }
  }
}
