import { create } from 'zustand'
import type { FailureCode } from '../call/failure.ts'
import type { MicChoice } from '../call/microphone.ts'
import { type CallState, IDLE } from '../call/state.ts'
import type { CallPath } from '../call/stats.ts'

/** Whether the voice detector marks turns; with `slow` and `failed` the person may, by a button. */
export type DetectorState = 'loading' | 'slow' | 'ready' | 'failed'

/** What the page shows, and nothing else: levels are drawn without passing through here. */
export interface PageState {
  call: CallState
  path: CallPath | undefined
  detector: DetectorState
  muted: boolean
  /** The browser plays no sound before a tap. */
  soundBlocked: boolean
  mics: MicChoice[]
  /** The chosen microphone; `undefined` is the browser's default. */
  micId: string | undefined
  /** Why the microphone that was asked for during the call could not be taken. */
  micProblem: FailureCode | undefined
  /** What worked on some network is remembered. */
  knowsNetworks: boolean
}

export const usePage = create<PageState>()(() => ({
  call: IDLE,
  path: undefined,
  detector: 'loading',
  muted: false,
  soundBlocked: false,
  mics: [],
  micId: undefined,
  micProblem: undefined,
  knowsNetworks: false,
}))
