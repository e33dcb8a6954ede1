/** What every part of the audio path agrees on. */

/** Hz. */
export const SAMPLE_RATE = 48_000
/** Length of a frame in ms: one Opus packet, one tick. */
export const FRAME_MS = 20
/** Samples of a frame. */
export const FRAME_SAMPLES = (SAMPLE_RATE * FRAME_MS) / 1000

/** Whole frames that cover `ms`. */
export function framesFor(ms: number): number {
  return Math.ceil(ms / FRAME_MS)
}
