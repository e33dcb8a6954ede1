/**
 * The voice detector: Silero v6 in wasm on one thread. Loaded by a dynamic import after first
 * paint, so nothing of it is in the first load.
 */
import { MicVAD, type RealTimeVADOptions } from '@ricky0123/vad-web/dist/real-time-vad.js'
import wasmUrl from 'onnxruntime-web/ort-wasm-simd-threaded.wasm?url'
import { type Mark, VAD_OPTIONS } from './options.ts'

export interface Detector {
  /** Listens to this stream from now on; the one before is left alone, running. */
  listen(stream: MediaStream, news: DetectorNews): Promise<void>
  /** Stops listening. What had begun is not ended by a mark. */
  pause(): Promise<void>
}

export interface DetectorNews {
  onMark(mark: Mark): void
  /** Each frame before its marks: 512 samples at 16 kHz, -1…1. */
  onFrame(samples: Float32Array): void
}

const NOBODY: DetectorNews = { onMark: () => {}, onFrame: () => {} }

/**
 * Loads the model and runs it once on silence, so that the first word does not pay for it.
 *
 * `context` may still be suspended: the tap resumes it. Rejects where the model cannot run.
 */
export async function loadDetector(context: AudioContext): Promise<Detector> {
  try {
    return await load(context, 'AudioWorklet')
  } catch (error) {
    // Old iOS has an AudioWorklet that does not run.
    console.warn('The voice detector falls back to a script processor:', error)
    return load(context, 'ScriptProcessor')
  }
}

async function load(
  context: AudioContext,
  processorType: RealTimeVADOptions['processorType'],
): Promise<Detector> {
  let stream = context.createMediaStreamDestination().stream
  let news = NOBODY
  const vad = await MicVAD.new({
    ...VAD_OPTIONS,
    model: 'v6',
    baseAssetPath: VAD_BASE_URL,
    processorType,
    startOnLoad: false,
    audioContext: context,
    ortConfig: ({ env }) => {
      env.logLevel = 'error'
      env.wasm.numThreads = 1
      env.wasm.wasmPaths = { wasm: wasmUrl }
    },
    // The microphone is the call's: the library's own versions of these would stop its tracks.
    getStream: async () => stream,
    pauseStream: async () => {},
    resumeStream: async () => stream,
    onSpeechStart: () => news.onMark('speech.start'),
    onSpeechEnd: () => news.onMark('speech.end'),
    onVADMisfire: () => news.onMark('speech.cancel'),
    onSpeechRealStart: () => news.onMark('speech.confirm'),
    onFrameProcessed: (_, samples) => news.onFrame(samples),
  })
  await vad.start()
  await vad.processFrame(new Float32Array(512))
  await vad.pause()
  return {
    async listen(next, nextNews) {
      await vad.pause()
      stream = next
      news = nextNews
      await vad.start()
    },
    async pause() {
      news = NOBODY
      await vad.pause()
    },
  }
}
