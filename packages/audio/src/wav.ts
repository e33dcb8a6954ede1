import type { Pcm } from './pcm.ts'

/** A RIFF/WAVE file of 16-bit mono PCM. */
export function encodeWav(pcm: Pcm): Uint8Array {
  const data = pcm.samples.length * 2
  const bytes = new Uint8Array(44 + data)
  const view = new DataView(bytes.buffer)
  writeText(view, 0, 'RIFF')
  view.setUint32(4, 36 + data, true)
  writeText(view, 8, 'WAVEfmt ')
  view.setUint32(16, 16, true)
  view.setUint16(20, 1, true)
  view.setUint16(22, 1, true)
  view.setUint32(24, pcm.sampleRate, true)
  view.setUint32(28, pcm.sampleRate * 2, true)
  view.setUint16(32, 2, true)
  view.setUint16(34, 16, true)
  writeText(view, 36, 'data')
  view.setUint32(40, data, true)
  pcm.samples.forEach((sample, i) => view.setInt16(44 + i * 2, sample, true))
  return bytes
}

/**
 * Reads a RIFF/WAVE file of 16-bit PCM; several channels are averaged into one.
 *
 * @throws {Error} saying what the file is instead.
 */
export function decodeWav(bytes: Uint8Array): Pcm {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < 12 || readText(view, 0) !== 'RIFF' || readText(view, 8) !== 'WAVE') {
    throw new Error('not a WAV file: it does not start with RIFF…WAVE')
  }
  let format: { channels: number; sampleRate: number } | undefined
  for (let at = 12; at + 8 <= bytes.length;) {
    const id = readText(view, at)
    const size = view.getUint32(at + 4, true)
    const body = at + 8
    if (id === 'fmt ') format = readFormat(view, body, size)
    if (id === 'data') {
      if (!format) throw new Error('WAV file has its data before its format')
      return {
        samples: readSamples(view, body, size, format.channels),
        sampleRate: format.sampleRate,
      }
    }
    at = body + size + (size % 2)
  }
  throw new Error('WAV file has no data')
}

function readFormat(view: DataView, at: number, size: number) {
  if (size < 16 || at + 16 > view.byteLength) throw new Error('WAV file is cut off in its format')
  const encoding = view.getUint16(at, true)
  const channels = view.getUint16(at + 2, true)
  const bits = view.getUint16(at + 14, true)
  if (encoding !== 1 || bits !== 16 || channels < 1) {
    throw new Error(
      `WAV file has encoding ${encoding}, ${bits} bits, ${channels} channels; 16-bit PCM is read`,
    )
  }
  return { channels, sampleRate: view.getUint32(at + 4, true) }
}

function readSamples(view: DataView, at: number, size: number, channels: number): Int16Array {
  // Streamed files carry a size of 0xFFFFFFFF or 0 and end where they end.
  const available = view.byteLength - at
  const length = Math.floor(Math.min(size === 0 ? available : size, available) / 2 / channels)
  const samples = new Int16Array(length)
  for (let i = 0; i < length; i++) {
    let sum = 0
    for (let c = 0; c < channels; c++) sum += view.getInt16(at + (i * channels + c) * 2, true)
    samples[i] = Math.round(sum / channels)
  }
  return samples
}

function writeText(view: DataView, at: number, text: string): void {
  for (let i = 0; i < text.length; i++) view.setUint8(at + i, text.charCodeAt(i))
}

function readText(view: DataView, at: number): string {
  return String.fromCharCode(...[0, 1, 2, 3].map((i) => view.getUint8(at + i)))
}
