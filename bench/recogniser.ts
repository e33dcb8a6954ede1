/** PocketSphinx, a speech recogniser of its own that knows nothing of ours: which word is this? */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { encodeWav, resample } from '@earshot/audio'

const MODEL = '/usr/share/pocketsphinx/model/en-us'
/** Hz. */
const RATE = 16_000

export interface Recogniser {
  /** The one of its words that `samples` (48 kHz mono) sound most like, or '' for none of them. */
  word(samples: Int16Array): Promise<string>
}

/** @throws when it is not installed, with what to install. */
export async function createRecogniser(
  words: readonly string[],
  directory: string,
): Promise<Recogniser> {
  if (!existsSync(MODEL)) {
    throw new Error('Missing: apt-get install pocketsphinx pocketsphinx-en-us')
  }
  const grammar = join(directory, 'words.gram')
  await writeFile(grammar, `#JSGF V1.0;\ngrammar words;\npublic <words> = ${words.join(' | ')} ;\n`)
  let number = 0
  return {
    async word(samples) {
      const file = join(directory, `word-${number++}.wav`)
      await writeFile(
        file,
        encodeWav({ samples: resample(samples, 48_000, RATE), sampleRate: RATE }),
      )
      const { stdout } = await promisify(execFile)('pocketsphinx_continuous', [
        '-hmm',
        `${MODEL}/en-us`,
        '-dict',
        `${MODEL}/cmudict-en-us.dict`,
        '-jsgf',
        grammar,
        '-infile',
        file,
        '-logfn',
        '/dev/null',
      ])
      return stdout.trim().split(/\s+/)[0] ?? ''
    },
  }
}
