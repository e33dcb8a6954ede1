/** Loads the voice detector and points it at the microphone of the moment. */
import type { Detector, DetectorNews } from '../vad/detector.ts'
import type { DetectorState } from './page.ts'

/** A detector that loads longer than this, in ms, is stood in for by a button. */
const SLOW_MS = 5_000
/** How long the audio clock may take to run after the tap, in ms. */
const RESUME_MS = 2_000

export interface Listening {
  /** Starts to load, unless that was done; again after a failure. */
  warmUp: () => void
  /** Listens to this stream as soon as the detector is there, or to none. */
  to: (stream: MediaStream | undefined) => void
}

export interface ListeningNews extends DetectorNews {
  onDetector: (state: DetectorState) => void
  /** The source is about to change: speech into the one before gets no end of its own. */
  onChange: () => void
}

export function createListening(audio: () => AudioContext, news: ListeningNews): Listening {
  /** Resolves with nothing when it could not be loaded; then the next call tries again. */
  let detector: Promise<Detector | undefined> | undefined
  let wanted: MediaStream | undefined
  /** One after the other: the detector has one source. */
  let turning: Promise<void> = Promise.resolve()

  return {
    warmUp() {
      detector ??= load()
    },
    to(stream) {
      wanted = stream
      turning = turn(turning, stream)
    },
  }

  async function load(): Promise<Detector | undefined> {
    news.onDetector('loading')
    const slow = setTimeout(() => news.onDetector('slow'), SLOW_MS)
    try {
      const { loadDetector } = await import('../vad/detector.ts')
      const loaded = await loadDetector(audio())
      news.onDetector('ready')
      return loaded
    } catch (error) {
      failed(error)
      detector = undefined
      return undefined
    } finally {
      clearTimeout(slow)
    }
  }

  async function turn(before: Promise<void>, stream: MediaStream | undefined): Promise<void> {
    await before
    const loaded = await detector
    if (!loaded || wanted !== stream) return
    try {
      news.onChange()
      if (!stream) {
        await loaded.pause()
        return
      }
      await loaded.listen(stream, news)
      news.onDetector((await runs(audio())) ? 'ready' : 'failed')
    } catch (error) {
      failed(error)
    }
  }

  function failed(error: unknown): void {
    console.warn('The voice detector does not run:', error)
    news.onDetector('failed')
  }
}

/** Whether the audio clock runs: without a sound device, and on a phone in use, it does not. */
async function runs(context: AudioContext): Promise<boolean> {
  const late = new Promise((resolve) => {
    setTimeout(resolve, RESUME_MS)
  })
  await Promise.race([context.resume(), late])
  return context.state === 'running'
}
