import { tone as sine } from '@earshot/audio'
import { SAMPLE_RATE } from '../clock.ts'
import { replyOnPause } from '../handler.ts'

/** Hz. Far from the strong partials of speech, so that it can be told from an echo. */
export const TONE_HZ = 1_250
const CHUNK_MS = 200

/**
 * Answers every turn with `ms` of a pure tone, which a test finds in the received sound. Long by
 * default, so that it can be spoken over.
 */
export const tone = replyOnPause(
  () =>
    async function* (_turn, { signal }) {
      const chunk = sine({ frequency: TONE_HZ, sampleRate: SAMPLE_RATE, ms: CHUNK_MS })
      for (let played = 0; played < REPLY_MS && !signal.aborted; played += CHUNK_MS) {
        yield { samples: chunk, sampleRate: SAMPLE_RATE }
      }
    },
)

const REPLY_MS = 6_000
