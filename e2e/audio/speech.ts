/** Speech to talk into a microphone: a small synthesizer whose voice ships inside its package. */
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { decodeWav, resample } from '@earshot/audio'

/** Hz of everything that a test says or hears. */
export const SAMPLE_RATE = 48_000

/** Says `text` in a woman's voice: 48 kHz mono. Takes about half a second. */
export async function speech(text: string): Promise<Int16Array> {
  const directory = await mkdtemp(join(tmpdir(), 'earshot-speech-'))
  const file = join(directory, 'speech.wav')
  const script = fileURLToPath(new URL('synthesize.ts', import.meta.url))
  try {
    await promisify(execFile)(process.execPath, ['--no-warnings', script, text, file])
    const { samples, sampleRate } = decodeWav(await readFile(file))
    return resample(samples, sampleRate, SAMPLE_RATE)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

/** Silence, 48 kHz. */
export function silence(ms: number): Int16Array {
  return new Int16Array((SAMPLE_RATE * ms) / 1000)
}
