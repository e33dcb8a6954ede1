/** Where the voice detector's worklet and model are: `/vad/<version>/`. */
declare const VAD_BASE_URL: string

interface Navigator {
  /** The Network Information API, in Chromium alone; `type` on phones alone. */
  readonly connection?: EventTarget & { readonly type?: string }
  /** The Audio Session API, in Safari alone so far. */
  readonly audioSession?: { type: string }
}
