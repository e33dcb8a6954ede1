import { describe, expect, it } from 'vitest'
import {
  Framer,
  concat,
  decodeWav,
  encodeWav,
  levelDbfs,
  resample,
  Resampler,
  tone,
  toneShare,
  toFloat32,
  toInt16,
} from './index.ts'

describe('pcm', () => {
  it('survives the way to floats and back', () => {
    const samples = Int16Array.of(0, 1, -1, 12_345, 32_767, -32_768)
    expect(toInt16(toFloat32(samples))).toEqual(samples)
  })

  it('clips what is too loud and silences what is not a number', () => {
    expect(toInt16(Float32Array.of(2, -2, Number.NaN))).toEqual(Int16Array.of(32_767, -32_768, 0))
  })
})

describe('Framer', () => {
  it('gives exact frames whatever the chunks are', () => {
    const samples = Int16Array.from({ length: 1000 }, (_, i) => i)
    const framer = new Framer(96)
    const frames: Int16Array[] = []
    for (let at = 0, size = 1; at < samples.length; at += size++) {
      frames.push(...framer.push(samples.slice(at, at + size)))
    }
    expect(frames.every((frame) => frame.length === 96)).toBe(true)
    const last = framer.flush()
    expect(concat([...frames, last ?? new Int16Array(0)]).slice(0, 1000)).toEqual(samples)
    expect(framer.flush()).toBeUndefined()
  })

  it('refuses a size that is no count', () => {
    expect(() => new Framer(0)).toThrow('frame size 0')
  })
})

describe('level', () => {
  it('is in dBFS', () => {
    expect(levelDbfs(new Int16Array(100))).toBe(-Infinity)
    expect(
      levelDbfs(tone({ frequency: 1000, sampleRate: 48_000, ms: 1000, peakDbfs: -10 })),
    ).toBeCloseTo(-13, 0)
  })
})

describe('toneShare', () => {
  const note = tone({ frequency: 440, sampleRate: 48_000, ms: 200 })

  it('is near one at the tone and near nothing beside it', () => {
    expect(toneShare(note, 48_000, 440)).toBeGreaterThan(0.95)
    expect(toneShare(note, 48_000, 620)).toBeLessThan(0.02)
  })

  it('is nothing for silence', () => {
    expect(toneShare(new Int16Array(960), 48_000, 440)).toBe(0)
  })
})

describe('resample', () => {
  it.each([
    [8_000, 48_000],
    [16_000, 48_000],
    [22_050, 48_000],
    [24_000, 48_000],
    [44_100, 48_000],
    [48_000, 16_000],
    [48_000, 48_000],
  ])('keeps a tone, its level and its length from %i to %i Hz', (from, to) => {
    const out = resample(
      tone({ frequency: 1000, sampleRate: from, ms: 500, peakDbfs: -6 }),
      from,
      to,
    )
    expect(out.length).toBe(to / 2)
    expect(toneShare(out, to, 1000)).toBeGreaterThan(0.97)
    expect(levelDbfs(out.slice(to / 10, (to * 4) / 10))).toBeCloseTo(-9, 0)
  })

  it('keeps out what the lower rate cannot hold', () => {
    const out = resample(
      tone({ frequency: 11_000, sampleRate: 48_000, ms: 500, peakDbfs: -6 }),
      48_000,
      16_000,
    )
    expect(levelDbfs(out.slice(1600, 6400))).toBeLessThan(-70)
  })

  it('does not care how its input is cut', () => {
    const samples = tone({ frequency: 700, sampleRate: 22_050, ms: 300 })
    const whole = new Resampler(22_050, 48_000).push(samples)
    const resampler = new Resampler(22_050, 48_000)
    const parts: Int16Array[] = []
    for (let at = 0, size = 1; at < samples.length; at += size, size = (size * 7) % 401) {
      parts.push(resampler.push(samples.slice(at, at + size)))
    }
    expect(concat(parts)).toEqual(whole)
  })

  it('refuses rates that are none', () => {
    expect(() => new Resampler(0, 48_000)).toThrow('sample rate 0 Hz')
    expect(() => new Resampler(44_101, 48_000)).toThrow('no small terms')
  })
})

describe('wav', () => {
  it('reads what it wrote', () => {
    const pcm = {
      samples: tone({ frequency: 300, sampleRate: 16_000, ms: 50 }),
      sampleRate: 16_000,
    }
    expect(decodeWav(encodeWav(pcm))).toEqual(pcm)
  })

  it('says what a wrong file is', () => {
    expect(() => decodeWav(new Uint8Array(100))).toThrow('not a WAV file')
    const wav = encodeWav({ samples: new Int16Array(4), sampleRate: 8000 })
    wav[34] = 8
    expect(() => decodeWav(wav)).toThrow('8 bits')
  })
})
