/** Plays the reply. The one owner of the `<audio>` element. */
import type { Clock } from './clock.ts'

/** How loud a ducked reply is, as a share of full volume. */
const DUCKED_VOLUME = 0.15
const RAMP_STEPS = 3
const RAMP_STEP_MS = 8

/** The part of `HTMLAudioElement` that is used here. */
export type AudioElement = Pick<
  HTMLAudioElement,
  'srcObject' | 'volume' | 'muted' | 'autoplay' | 'play' | 'pause'
>

export interface Speaker {
  /** Plays this stream from now on. */
  attach(stream: MediaStream): void
  /** Turns the reply down, or up again, within 30 ms. */
  duck(ducked: boolean): void
  /** Tries to play again; to be called in a tap when `onBlocked(true)` was told. */
  unblock(): void
  /** Stops playing; `attach` starts again. */
  detach(): void
}

/**
 * Plays through an element rather than through Web Audio: what an element plays is what every
 * browser's echo cancellation takes out of the microphone.
 *
 * `onBlocked(true)` when the browser does not play without a tap, `false` once it plays.
 */
export function createSpeaker(
  element: AudioElement,
  clock: Clock,
  onBlocked: (blocked: boolean) => void,
): Speaker {
  let ramp = new AbortController()
  element.autoplay = true
  const settable = canSetVolume(element)

  return {
    attach(stream) {
      element.srcObject = stream
      start()
    },
    duck(ducked) {
      ramp.abort()
      // iOS leaves the volume to the person: there a ducked reply is silent.
      if (!settable) {
        element.muted = ducked
        return
      }
      ramp = new AbortController()
      void rampTo(ducked ? DUCKED_VOLUME : 1, ramp.signal)
    },
    unblock: start,
    detach() {
      ramp.abort()
      element.pause()
      element.srcObject = null
      element.muted = false
      if (settable) element.volume = 1
      onBlocked(false)
    },
  }

  function start(): void {
    element.play().then(
      () => onBlocked(false),
      (error: unknown) => {
        // An AbortError is only the next stream taking over.
        if (error instanceof Error && error.name === 'NotAllowedError') onBlocked(true)
      },
    )
  }

  async function rampTo(target: number, signal: AbortSignal): Promise<void> {
    const from = element.volume
    try {
      for (let step = 1; step <= RAMP_STEPS; step += 1) {
        element.volume = from + ((target - from) * step) / RAMP_STEPS
        if (step < RAMP_STEPS) await clock.wait(RAMP_STEP_MS, signal)
      }
    } catch {
      // The next ramp has taken over.
    }
  }
}

function canSetVolume(element: AudioElement): boolean {
  element.volume = 0.5
  const settable = element.volume === 0.5
  element.volume = 1
  return settable
}
