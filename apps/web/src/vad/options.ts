export type { Mark } from '../call/state.ts'

/**
 * How the model's probabilities (32 ms frames) become marks. The library's defaults wait 1.4 s
 * after the last word, which is not a conversation.
 */
export const VAD_OPTIONS = {
  positiveSpeechThreshold: 0.5,
  negativeSpeechThreshold: 0.35,
  /** Silence that ends speech, in ms. */
  redemptionMs: 320,
  /** Shorter than this, in ms, is a cough or a click: `speech.cancel`. */
  minSpeechMs: 128,
  /** Kept elsewhere: by the node, and in `call/speech.ts` for when there is no node. */
  preSpeechPadMs: 0,
  submitUserSpeechOnPause: false,
} as const
