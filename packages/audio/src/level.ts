import { FULL_SCALE } from './pcm.ts'

/** RMS level in dBFS: 0 for a full-scale square wave, -3 for a full-scale sine, -Infinity for silence. */
export function levelDbfs(samples: Int16Array): number {
  if (samples.length === 0) return -Infinity
  let sum = 0
  for (const sample of samples) sum += sample * sample
  return 10 * Math.log10(sum / samples.length / (FULL_SCALE * FULL_SCALE))
}
