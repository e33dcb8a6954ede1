/** Mono 16-bit PCM: what the codec takes and gives. */
export interface Pcm {
  readonly samples: Int16Array
  /** Hz. */
  readonly sampleRate: number
}

/** Full scale of a 16-bit sample. */
export const FULL_SCALE = 32_768

/** Floats in -1…1 to 16-bit samples; what is louder is clipped, NaN becomes silence. */
export function toInt16(samples: Float32Array): Int16Array {
  const out = new Int16Array(samples.length)
  for (let i = 0; i < samples.length; i++) {
    const value = (samples[i] ?? 0) * FULL_SCALE
    out[i] = value > 32_767 ? 32_767 : value < -32_768 ? -32_768 : Math.round(value) || 0
  }
  return out
}

/** 16-bit samples to floats in -1…1. */
export function toFloat32(samples: Int16Array): Float32Array {
  const out = new Float32Array(samples.length)
  for (let i = 0; i < samples.length; i++) out[i] = (samples[i] ?? 0) / FULL_SCALE
  return out
}

/** One array out of many, in order. */
export function concat(chunks: readonly Int16Array[]): Int16Array {
  const out = new Int16Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0))
  let offset = 0
  for (const chunk of chunks) {
    out.set(chunk, offset)
    offset += chunk.length
  }
  return out
}

/** Duration in ms. */
export function durationMs(pcm: Pcm): number {
  return (pcm.samples.length / pcm.sampleRate) * 1000
}
