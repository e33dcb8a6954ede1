import { tone, toneShare } from '@earshot/audio'
import { describe, expect, it } from 'vitest'
import {
  createOpusDecoder,
  createOpusEncoder,
  OPUS_SAMPLE_RATE,
  OpusError,
  opusMemoryBytes,
  packetSamples,
  type OpusEncoderOptions,
} from './opus.ts'

const FRAME = 960
/** Samples by which what is decoded lags behind what was encoded: libopus' look-ahead. */
const DELAY = 312

describe('encode and decode', () => {
  it('carries a tone at its level', () => {
    const sent = tone({ frequency: 440, sampleRate: OPUS_SAMPLE_RATE, ms: 1000, peakDbfs: -12 })
    const heard = decodeAll(encodeAll(sent))
    expect(heard).toHaveLength(sent.length)
    const settled = heard.subarray(10 * FRAME)
    expect(toneShare(settled, OPUS_SAMPLE_RATE, 440)).toBeGreaterThan(0.9)
    expect(toneShare(settled, OPUS_SAMPLE_RATE, 1000)).toBeLessThan(0.01)
    expect(decibels(rms(settled) / rms(sent))).toBeCloseTo(0, 0)
  })

  it('carries speech, sample for sample in place', () => {
    const sent = speechLike(2)
    const heard = decodeAll(encodeAll(sent))
    expect(snr(sent.subarray(0, -DELAY), heard.subarray(DELAY))).toBeGreaterThan(6)
  })

  it('spends about the bitrate it is given', () => {
    const speech = speechLike(4)
    for (const bitrate of [16_000, 32_000, 64_000]) {
      const bytes = encodeAll(speech, { bitrate }).reduce((sum, packet) => sum + packet.length, 0)
      expect((bytes * 8) / 4 / bitrate).toBeGreaterThan(0.7)
      expect((bytes * 8) / 4 / bitrate).toBeLessThan(1.3)
    }
  })

  it('takes every frame length of Opus and no other', () => {
    const encoder = createOpusEncoder()
    for (const samples of [120, 240, 480, 960, 1920, 2880]) {
      expect(packetSamples(encoder.encode(new Int16Array(samples)))).toBe(samples)
    }
    for (const samples of [0, 1, 961, 5760]) {
      expect(() => encoder.encode(new Int16Array(samples))).toThrow(OpusError)
    }
    encoder.close()
  })

  it('says next to nothing in silence when asked to', () => {
    const packets = encodeAll(new Int16Array(100 * FRAME), { dtx: true })
    expect(packets.filter((packet) => packet.length <= 2).length).toBeGreaterThan(50)
  })

  it('keeps streams apart', () => {
    const tones = [440, 1000].map((frequency) =>
      tone({ frequency, sampleRate: OPUS_SAMPLE_RATE, ms: 500 }),
    )
    const streams = tones.map(() => ({ in: createOpusEncoder(), out: createOpusDecoder() }))
    const heard: number[][] = [[], []]
    for (let at = 0; at < 25 * FRAME; at += FRAME) {
      streams.forEach((stream, i) => {
        const packet = stream.in.encode(tones[i]!.subarray(at, at + FRAME))
        heard[i]!.push(...stream.out.decode(packet))
      })
    }
    expect(toneShare(heard[0]!.slice(9600), OPUS_SAMPLE_RATE, 440)).toBeGreaterThan(0.9)
    expect(toneShare(heard[1]!.slice(9600), OPUS_SAMPLE_RATE, 1000)).toBeGreaterThan(0.9)
  })

  it('refuses options out of range', () => {
    for (const options of [{ bitrate: 1000 }, { complexity: 11 }, { expectedLossPercent: NaN }]) {
      expect(() => createOpusEncoder(options)).toThrow(RangeError)
    }
  })
})

describe('loss', () => {
  it('recovers a lost frame from the next packet far better than by concealment', () => {
    const speech = speechLike(4)
    const packets = encodeAll(speech)
    const intact = lostPart(decodeAll(packets))
    const recovered = lostPart(withLosses(packets, (decoder, next) => decoder.recover(next, FRAME)))
    const concealed = lostPart(withLosses(packets, (decoder) => decoder.conceal(FRAME)))
    expect(snr(intact, recovered)).toBeGreaterThan(snr(intact, concealed) + 3)
  })

  it('conceals where the next packet carries no FEC', () => {
    const packets = encodeAll(speechLike(1), { fec: false })
    const heard = withLosses(packets, (decoder, next) => decoder.recover(next, FRAME))
    expect(heard).toHaveLength(packets.length * FRAME)
  })

  it('fades out while nothing arrives', () => {
    const decoder = createOpusDecoder()
    const sent = tone({ frequency: 440, sampleRate: OPUS_SAMPLE_RATE, ms: 500 })
    for (const packet of encodeAll(sent)) decoder.decode(packet)
    const first = decoder.conceal(FRAME)
    expect(first).toHaveLength(FRAME)
    expect(rms(first)).toBeGreaterThan(rms(sent) / 10)
    expect(decoder.conceal(120)).toHaveLength(120)
    expect(decoder.conceal(5760)).toHaveLength(5760)
    for (let i = 0; i < 20; i++) decoder.conceal(FRAME)
    expect(rms(decoder.conceal(FRAME))).toBeLessThan(rms(first) / 10)
    decoder.close()
  })

  it('fills in whole multiples of 2.5 ms only', () => {
    const decoder = createOpusDecoder()
    for (const samples of [0, -120, 100, 5880, NaN]) {
      expect(() => decoder.conceal(samples)).toThrow(OpusError)
    }
    decoder.close()
  })

  it('throws on a corrupt packet and goes on', () => {
    const decoder = createOpusDecoder()
    const packets = encodeAll(tone({ frequency: 440, sampleRate: OPUS_SAMPLE_RATE, ms: 500 }))
    const heard: number[] = []
    for (const packet of packets) {
      expect(() => decoder.decode(new Uint8Array())).toThrow('Empty Opus packet')
      expect(() => decoder.decode(Uint8Array.of(0x7b, 0x00))).toThrow('corrupt packet')
      expect(() => decoder.decode(new Uint8Array(100_000))).toThrow('too long')
      heard.push(...decoder.decode(packet))
    }
    expect(toneShare(heard.slice(9600), OPUS_SAMPLE_RATE, 440)).toBeGreaterThan(0.9)
    decoder.close()
  })

  it('survives any bytes at all', () => {
    const random = generator(7)
    const decoder = createOpusDecoder()
    for (let i = 0; i < 3000; i++) {
      const bytes = Uint8Array.from({ length: 1 + random() * 200 }, () => random() * 256)
      try {
        expect(decoder.decode(bytes)).toHaveLength(packetSamples(bytes))
        decoder.recover(bytes, FRAME)
      } catch (error) {
        expect(error).toBeInstanceOf(OpusError)
      }
    }
    decoder.close()
  })
})

describe('packetSamples', () => {
  it('knows the frame length of every configuration', () => {
    const silk = [10, 20, 40, 60]
    const celt = [2.5, 5, 10, 20]
    const lengths = [...silk, ...silk, ...silk, 10, 20, 10, 20, ...celt, ...celt, ...celt, ...celt]
    expect(lengths.map((_, config) => ms([toc(config, 0)]))).toEqual(lengths)
  })

  it('counts the frames', () => {
    expect(ms([toc(1, 1)])).toBe(40)
    expect(ms([toc(1, 2)])).toBe(40)
    expect(ms([toc(1, 3), 6])).toBe(120)
    expect(ms([toc(16, 3), 48])).toBe(120)
    expect(ms([toc(16, 3), 0b1100_0000 | 3])).toBe(7.5)
  })

  it('ignores the stereo bit', () => {
    expect(ms([toc(31, 0) | 4])).toBe(20)
  })

  it('is 0 for what is no Opus packet', () => {
    expect(ms([])).toBe(0)
    expect(ms([toc(1, 3)])).toBe(0)
    expect(ms([toc(1, 3), 0])).toBe(0)
    expect(ms([toc(1, 3), 7])).toBe(0)
  })
})

describe('close', () => {
  it('may be called twice', () => {
    for (const codec of [createOpusDecoder(), createOpusEncoder()]) {
      codec.close()
      expect(() => codec.close()).not.toThrow()
    }
  })

  it('ends all use', () => {
    const decoder = createOpusDecoder()
    const encoder = createOpusEncoder()
    const packet = encoder.encode(new Int16Array(FRAME))
    decoder.close()
    encoder.close()
    expect(() => decoder.decode(packet)).toThrow('This Opus decoder is closed')
    expect(() => decoder.recover(packet, FRAME)).toThrow('This Opus decoder is closed')
    expect(() => decoder.conceal(FRAME)).toThrow('This Opus decoder is closed')
    expect(() => encoder.encode(new Int16Array(FRAME))).toThrow('This Opus encoder is closed')
  })

  it('gives the memory back', () => {
    const before = opusMemoryBytes()
    for (let i = 0; i < 500; i++) {
      const codecs = [createOpusDecoder(), createOpusEncoder()]
      for (const codec of codecs) codec.close()
    }
    expect(opusMemoryBytes()).toBe(before)
  })

  it('is not needed for memory to grow under streams in use', () => {
    const before = opusMemoryBytes()
    const packets = encodeAll(tone({ frequency: 440, sampleRate: OPUS_SAMPLE_RATE, ms: 200 }))
    const early = createOpusDecoder()
    for (const packet of packets) early.decode(packet)
    const many = Array.from({ length: 200 }, () => createOpusEncoder())
    expect(opusMemoryBytes()).toBeGreaterThan(before)
    expect(rms(early.decode(packets.at(-1)!))).toBeGreaterThan(1000)
    for (const codec of [...many, early]) codec.close()
  })
})

/** The first byte of a packet, RFC 6716 section 3.1, stereo bit clear. */
function toc(config: number, code: number): number {
  return (config << 3) | code
}

function ms(packet: number[]): number {
  return packetSamples(Uint8Array.from(packet)) / 48
}

function encodeAll(pcm: Int16Array, options?: OpusEncoderOptions): Uint8Array[] {
  const encoder = createOpusEncoder(options)
  const packets: Uint8Array[] = []
  for (let at = 0; at + FRAME <= pcm.length; at += FRAME) {
    packets.push(encoder.encode(pcm.subarray(at, at + FRAME)))
  }
  encoder.close()
  return packets
}

function decodeAll(packets: Uint8Array[]): Int16Array {
  return withLosses(packets, undefined)
}

/** Loses every fifth packet and plays what `replace` makes of it. */
function withLosses(
  packets: Uint8Array[],
  replace?: (decoder: ReturnType<typeof createOpusDecoder>, next: Uint8Array) => Int16Array,
): Int16Array {
  const decoder = createOpusDecoder()
  const heard = new Int16Array(packets.length * FRAME)
  packets.forEach((packet, i) => {
    const next = packets[i + 1]
    heard.set(
      replace && next && isLost(i) ? replace(decoder, next) : decoder.decode(packet),
      i * FRAME,
    )
  })
  decoder.close()
  return heard
}

function isLost(frame: number): boolean {
  return frame % 5 === 4
}

/** The frames that `withLosses` lost. */
function lostPart(pcm: Int16Array): Int16Array {
  return pcm.filter((_, i) => isLost(Math.floor(i / FRAME)))
}

function rms(pcm: Int16Array): number {
  return Math.sqrt(pcm.reduce((sum, sample) => sum + sample ** 2, 0) / pcm.length)
}

function decibels(ratio: number): number {
  return 20 * Math.log10(ratio)
}

function snr(signal: Int16Array, heard: Int16Array): number {
  // Halved before it is stored, so that the largest difference there can be still fits 16 bits.
  const halfNoise = signal.map((sample, i) => (sample - heard[i]!) / 2)
  return decibels(rms(signal) / (2 * rms(halfNoise)))
}

/** A repeatable sequence of numbers from 0 up to 1. */
function generator(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

/** Four syllables a second: a gliding pulse train through the formants of four vowels. */
function speechLike(seconds: number): Int16Array {
  const vowels = [
    [700, 1200, 2500],
    [300, 2300, 3000],
    [500, 900, 2400],
    [400, 1900, 2550],
  ]
  const random = generator(1)
  const resonators = [0, 1, 2].map((i) => ({ width: 60 + 40 * i, last: 0, before: 0 }))
  let phase = 0
  return Int16Array.from({ length: seconds * OPUS_SAMPLE_RATE }, (_, i) => {
    const time = i / OPUS_SAMPLE_RATE
    const syllable = Math.floor(time * 4)
    const within = time * 4 - syllable
    phase += (110 + 30 * Math.sin(2 * time) + 20 * within) / OPUS_SAMPLE_RATE
    const pulse = phase >= 1 ? 0.08 : 0
    phase %= 1
    const consonant = within < 0.15
    const source = consonant ? (random() - 0.5) * 0.002 : pulse
    const voice = resonators.reduce((sum, resonator, formant) => {
      const radius = Math.exp((-Math.PI * resonator.width) / OPUS_SAMPLE_RATE)
      const angle = (2 * Math.PI * vowels[syllable % 4]![formant]!) / OPUS_SAMPLE_RATE
      const out =
        source + 2 * radius * Math.cos(angle) * resonator.last - radius ** 2 * resonator.before
      resonator.before = resonator.last
      resonator.last = out
      return sum + out / (formant + 1)
    }, 0)
    const loudness = 9000 * Math.sin(Math.PI * within)
    return Math.max(-32_000, Math.min(32_000, voice * loudness))
  })
}
