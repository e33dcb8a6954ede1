/** Where the voice detector's worklet and model are: `/vad/<version>/`. */
declare const VAD_BASE_URL: string

/** The Audio Session API, in Safari alone so far. */
interface Navigator {
  readonly audioSession?: { type: string }
}
