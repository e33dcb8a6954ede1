/** Wires the call to the browser: microphone, voice detector, speaker, levels, store. No React. */
import type { NodeEvent } from '@earshot/protocol'
import { type Call, startCall } from '../call/call.ts'
import { systemClock } from '../call/clock.ts'
import { duckOnEvent, duckOnMark, type Ducking, NOT_DUCKED } from '../call/ducking.ts'
import { asFailure } from '../call/failure.ts'
import { listMics, micGranted, openMic } from '../call/microphone.ts'
import { createPeer } from '../call/peer.ts'
import { createSpeaker } from '../call/speaker.ts'
import type { CallState, Mark } from '../call/state.ts'
import { callPath, samePath } from '../call/stats.ts'
import { createLevels, type Levels } from './levels.ts'
import { createListening } from './listening.ts'
import { recallMic, rememberMic } from './mic-choice.ts'
import { createNetworks, onNetworkChange } from './networks.ts'
import { usePage } from './page.ts'
import { createWakeLock } from './wake-lock.ts'

const STATS_MS = 1_000

export interface Session {
  /** Loads the voice detector; may be called again after a failure. */
  warmUp: () => void
  /** Places a call. Must be called in a tap: it is what lets the page play sound. */
  start: () => void
  hangUp: () => void
  setMuted: (muted: boolean) => void
  chooseMic: (deviceId: string | undefined) => void
  unblockSound: () => void
  /** A mark by hand, where the voice detector could not be loaded. */
  mark: (mark: Mark) => void
  /** Levels for the meter; zero while nothing is open. */
  readLevels: () => { mic: number; reply: number }
  /** Forgets what worked on which network. */
  forgetNetworks: () => void
}

export function createSession(element: HTMLAudioElement): Session {
  const set = usePage.setState
  const wakeLock = createWakeLock()
  // `undefined` where the page is not a secure context, whatever the type says.
  const devices = navigator.mediaDevices as MediaDevices | undefined
  const speaker = createSpeaker(element, systemClock, (soundBlocked) => set({ soundBlocked }))
  const listening = createListening(() => audio().context, {
    onDetector: (detector) => set({ detector }),
    onMark: mark,
    onFrame: (samples) => call?.frame(samples),
    onChange: () => {
      if (ducking.speaking) mark('speech.end')
    },
  })
  const networks = createNetworks((knowsNetworks) => set({ knowsNetworks }))
  let context: AudioContext | undefined
  let levels: Levels | undefined
  let call: Call | undefined
  let mic: MediaStream | undefined
  let swaps = 0
  let ducking: Ducking = NOT_DUCKED
  let polling: ReturnType<typeof setInterval> | undefined

  set({ micId: recallMic() })
  void refreshMics()
  devices?.addEventListener('devicechange', () => void refreshMics())
  addEventListener('pagehide', hangUp)
  onNetworkChange(() => call?.networkChanged())

  return {
    warmUp: () => listening.warmUp(),
    start,
    hangUp,
    setMuted,
    chooseMic,
    unblockSound: () => speaker.unblock(),
    mark,
    readLevels: () => levels?.read() ?? { mic: 0, reply: 0 },
    forgetNetworks: () => networks.forgetAll(),
  }

  function start(): void {
    if (call) return
    // All of this needs the tap.
    void audio().context.resume()
    if (navigator.audioSession) navigator.audioSession.type = 'play-and-record'
    listening.warmUp()
    wakeLock.hold()
    set({ micProblem: undefined, muted: false })
    call = startCall(
      {
        fetch: (input, init) => fetch(input, init),
        createPeer,
        clock: systemClock,
        transports: networks,
        random: Math.random,
        getMic: () => openMic(devices, usePage.getState().micId),
        micGranted,
      },
      {
        onState,
        onMic,
        onAudio(stream) {
          speaker.attach(stream)
          levels?.reply(stream)
        },
        onEvent,
        onLost: () => duck({ ...NOT_DUCKED, speaking: ducking.speaking }),
      },
    )
  }

  function hangUp(): void {
    call?.close()
  }

  function onState(state: CallState): void {
    const before = usePage.getState().call.status
    set(state.status === 'live' ? { call: state } : { call: state, path: undefined })
    if (state.status === 'live' && before !== 'live') {
      polling ??= setInterval(() => void readPath(), STATS_MS)
      void readPath()
    }
    if (state.status === 'failed' || state.status === 'ended') closed()
  }

  function closed(): void {
    clearInterval(polling)
    polling = undefined
    call = undefined
    mic = undefined
    ducking = NOT_DUCKED
    speaker.detach()
    levels?.mic(undefined)
    levels?.reply(undefined)
    listening.to(undefined)
    wakeLock.release()
  }

  function onMic(stream: MediaStream): void {
    mic = stream
    for (const track of stream.getAudioTracks()) {
      track.enabled = !usePage.getState().muted
      // Unplugged, or taken by the system: the default one carries on.
      track.addEventListener('ended', () => void swapMic(stream), { once: true })
    }
    levels?.mic(stream)
    listening.to(stream)
    void refreshMics()
  }

  function mark(kind: Mark): void {
    // The reply goes down before anything else is done about it.
    const frames = callMode() === 'frames'
    if (!frames) duck(duckOnMark(ducking, kind))
    call?.mark(kind)
  }

  function onEvent(event: NodeEvent): void {
    duck(callMode() === 'frames' ? NOT_DUCKED : duckOnEvent(ducking, event))
  }

  function duck(next: Ducking): void {
    if (next.ducked !== ducking.ducked) speaker.duck(next.ducked)
    ducking = next
  }

  function callMode(): 'turns' | 'frames' | undefined {
    const { call: state } = usePage.getState()
    return state.status === 'live' ? state.mode : undefined
  }

  function setMuted(muted: boolean): void {
    for (const track of mic?.getAudioTracks() ?? []) track.enabled = !muted
    set({ muted })
  }

  function chooseMic(deviceId: string | undefined): void {
    rememberMic(deviceId)
    set({ micId: deviceId, micProblem: undefined })
    if (mic) void swapMic(mic)
  }

  /** Opens the chosen microphone in place of `old`, unless that was done already. */
  async function swapMic(old: MediaStream): Promise<void> {
    if (!call || mic !== old) return
    const swap = (swaps += 1)
    const current = call
    try {
      const stream = await openMic(devices, usePage.getState().micId)
      if (call !== current || swap !== swaps) {
        for (const track of stream.getTracks()) track.stop()
        return
      }
      await current.replaceMic(stream)
      set({ micProblem: undefined })
    } catch (error) {
      set({ micProblem: asFailure(error).code })
    }
  }

  async function refreshMics(): Promise<void> {
    set({ mics: await listMics(devices).catch(() => []) })
  }

  async function readPath(): Promise<void> {
    const report = await call?.stats().catch(() => undefined)
    const path = report && callPath(report)
    const { call: now, path: shown } = usePage.getState()
    if (path && now.status === 'live' && !samePath(path, shown)) set({ path })
  }

  function audio(): { context: AudioContext } {
    context ??= new AudioContext({ latencyHint: 'interactive' })
    levels ??= createLevels(context)
    return { context }
  }
}
