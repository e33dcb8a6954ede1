import { FULL_SCALE } from './pcm.ts'

export interface ToneOptions {
  /** Hz. */
  readonly frequency: number
  /** Hz. */
  readonly sampleRate: number
  readonly ms: number
  /** Peak level in dBFS, default -12. */
  readonly peakDbfs?: number
}

/** A sine with 5 ms ramps at both ends, so that it starts and stops without a click. */
export function tone(options: ToneOptions): Int16Array {
  const { frequency, sampleRate, ms, peakDbfs = -12 } = options
  const samples = new Int16Array(Math.round((sampleRate * ms) / 1000))
  const peak = (FULL_SCALE - 1) * 10 ** (peakDbfs / 20)
  const ramp = sampleRate * 0.005
  for (let i = 0; i < samples.length; i++) {
    const gain = Math.min(1, i / ramp, (samples.length - 1 - i) / ramp)
    samples[i] = Math.round(gain * peak * Math.sin((2 * Math.PI * frequency * i) / sampleRate))
  }
  return samples
}

/**
 * The share (0-1) of the signal's energy that lies at `frequency`, by the Goertzel algorithm: near 1
 * for that tone alone, near 0 for speech, noise or silence. The band is about `sampleRate / length` Hz wide.
 */
export function toneShare(
  samples: ArrayLike<number>,
  sampleRate: number,
  frequency: number,
): number {
  const coefficient = 2 * Math.cos((2 * Math.PI * frequency) / sampleRate)
  let before = 0
  let last = 0
  let energy = 0
  for (let i = 0; i < samples.length; i++) {
    const sample = samples[i] ?? 0
    const value = sample + coefficient * last - before
    before = last
    last = value
    energy += sample * sample
  }
  if (energy === 0) return 0
  const power = last * last + before * before - coefficient * last * before
  // A sine of amplitude A over n samples: power = (A n / 2)², energy = A² n / 2.
  return Math.min(1, (2 * power) / (samples.length * energy))
}
