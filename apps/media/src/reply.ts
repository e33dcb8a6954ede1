/** Runs a handler's reply into the playout: any rate in, 48 kHz out, no further ahead than there is room. */
import { Resampler, type Pcm } from '@earshot/audio'
import { SAMPLE_RATE } from './clock.ts'
import type { Playout } from './playout.ts'

/**
 * Resolves when the whole reply is queued, or `signal` aborts. A generator that is still waiting then is
 * told to return and not waited for: a handler that ignores its signal must not hold up the call.
 *
 * @throws what the handler throws, and a `TypeError` or `RangeError` for a chunk that is no PCM.
 */
export async function runReply(
  reply: AsyncIterable<Pcm>,
  playout: Playout,
  signal: AbortSignal,
): Promise<void> {
  const iterator = reply[Symbol.asyncIterator]()
  const aborted = whenAborted(signal)
  let resampler: { readonly rate: number; readonly to48k: Resampler } | undefined
  try {
    for (;;) {
      const next = await Promise.race([iterator.next(), aborted])
      if (next === ABORTED || next.done) break
      const { samples, sampleRate } = checked(next.value)
      if (resampler?.rate !== sampleRate) {
        if (resampler) playout.add(resampler.to48k.flush())
        resampler = { rate: sampleRate, to48k: new Resampler(sampleRate, SAMPLE_RATE) }
      }
      if ((await Promise.race([playout.room(), aborted])) === ABORTED) break
      playout.add(resampler.to48k.push(samples))
    }
    if (!signal.aborted && resampler) playout.add(resampler.to48k.flush())
  } finally {
    if (signal.aborted) iterator.return?.().catch(() => undefined)
    else await iterator.return?.()
  }
}

const ABORTED = Symbol('aborted')

function whenAborted(signal: AbortSignal): Promise<typeof ABORTED> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(ABORTED)
    signal.addEventListener('abort', () => resolve(ABORTED), { once: true })
  })
}

function checked(chunk: Pcm): Pcm {
  if (!(chunk?.samples instanceof Int16Array)) {
    throw new TypeError('a reply chunk must be { samples: Int16Array, sampleRate: number }')
  }
  return chunk
}
