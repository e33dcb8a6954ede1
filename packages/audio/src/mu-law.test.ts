import { describe, expect, it } from 'vitest'
import { decodeMuLaw, encodeMuLaw } from './mu-law.ts'

describe('mu-law', () => {
  it('has the code words of G.711', () => {
    // Table 2a: silence, the largest positive and the largest negative value.
    expect([...encodeMuLaw(Int16Array.of(0, 32_767, -32_768))]).toEqual([0xff, 0x80, 0x00])
    expect([...decodeMuLaw(Uint8Array.of(0xff, 0x80, 0x00))]).toEqual([0, 32_124, -32_124])
  })

  it('keeps every sample within a 29th of its size', () => {
    const samples = Int16Array.from({ length: 65_536 }, (_, i) => i - 32_768)
    const back = decodeMuLaw(encodeMuLaw(samples))
    const worst = samples.reduce((most, sample, i) => {
      const error = Math.abs(sample - (back[i] ?? 0))
      return Math.max(most, Math.abs(sample) > 32_600 ? 0 : error - Math.abs(sample) / 29)
    }, 0)
    expect(worst).toBeLessThanOrEqual(5)
  })

  it('gives a decoded byte back as it was', () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, i) => i)
    const again = encodeMuLaw(decodeMuLaw(bytes))
    // 0x7f is minus zero, which is zero.
    expect([...again]).toEqual([...bytes].map((byte) => (byte === 0x7f ? 0xff : byte)))
  })
})
