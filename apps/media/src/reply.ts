/** Runs a handler's reply into the playout: any rate in, 48 kHz out, no further ahead than there is room. */
import { Resampler, type Pcm } from '@earshot/audio'
import { SAMPLE_RATE } from './clock.ts'
import type { Playout } from './playout.ts'

/**
 * Resolves when the whole reply is queued, or `signal` aborts. A generator that is not at its end then is
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
  let resampler: { readonly rate: number; readonly to48k: Resampler } | undefined
  let atEnd = false
  try {
    while (!signal.aborted) {
      const next = await unlessAborted(iterator.next(), signal)
      // Asked again, because the abort may have come after the chunk but before we did: what is added
      // now would be heard in the next reply.
      if (next === ABORTED || signal.aborted) return
      if (next.done) {
        atEnd = true
        break
      }
      const { samples, sampleRate } = checked(next.value)
      if (!resampler || resampler.rate !== sampleRate) {
        if (resampler) playout.add(resampler.to48k.flush())
        resampler = { rate: sampleRate, to48k: new Resampler(sampleRate, SAMPLE_RATE) }
      }
      await unlessAborted(playout.room(), signal)
      if (!signal.aborted) playout.add(resampler.to48k.push(samples))
    }
    if (!signal.aborted && resampler) playout.add(resampler.to48k.flush())
  } finally {
    if (!atEnd) void giveUp(iterator)
  }
}

const ABORTED = Symbol('aborted')

/**
 * What `promise` comes to, or `ABORTED` as soon as `signal` aborts. Not `Promise.race` with one promise
 * for the whole reply: that one would hold on to every chunk until the reply is over.
 */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | typeof ABORTED> {
  return new Promise((resolve, reject) => {
    const onAbort = () => resolve(ABORTED)
    signal.addEventListener('abort', onAbort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
    if (signal.aborted) onAbort()
  })
}

/** Lets the generator clean up. How that goes changes nothing any more: the reply is over. */
async function giveUp(iterator: AsyncIterator<Pcm>): Promise<void> {
  try {
    await iterator.return?.()
  } catch {
    // See above.
  }
}

function checked(chunk: Pcm): Pcm {
  if (!(chunk?.samples instanceof Int16Array)) {
    throw new TypeError('a reply chunk must be { samples: Int16Array, sampleRate: number }')
  }
  return chunk
}
