import type { NodeEvent } from '@earshot/protocol'
import { after } from './clock.ts'
import { type Connection, type ConnectionPorts, connect } from './connection.ts'
import { asFailure, CallFailure } from './failure.ts'
import { FIRST_LIMITS, type Limits, rejoinDelay, rejoinLimits, STABLE_MS } from './rejoin.ts'
import {
  type CallChange,
  type CallState,
  type ConnectingStep,
  IDLE,
  type Mark,
  nextState,
} from './state.ts'

/** How long after the end of speech the node may take to say that it was a turn. */
const TURN_MS = 2_000

export interface CallPorts extends ConnectionPorts {
  /** Opens the microphone; rejects with a `CallFailure`. The call stops what it opened. */
  getMic(signal: AbortSignal): Promise<MediaStream>
  /**
   * Is it certain that the microphone opens without a question to the person? Then nobody need wait for it
   * before calling; otherwise a seat would be held while they make up their mind.
   */
  micGranted(): Promise<boolean>
  /** 0-1, for jitter. */
  random(): number
}

export interface CallNews {
  onState(state: CallState): void
  /** The microphone, as soon as it is open and whenever it is swapped. */
  onMic(stream: MediaStream): void
  /** The reply's audio; again after a rejoin. */
  onAudio(stream: MediaStream): void
  onEvent(event: NodeEvent): void
  /** The reply that was being played will not go on: its connection is gone. */
  onLost(): void
}

/** A call under way. Every method is legal in every state. */
export interface Call {
  /** Tells the node, and the state, what the voice detector heard. */
  mark(mark: Mark): void
  /** Swaps the microphone; the old one is stopped. */
  replaceMic(stream: MediaStream): Promise<void>
  /** The network is back: a waiting attempt to rejoin starts at once. */
  retryNow(): void
  /** The connection's stats, or `undefined` when there is none. */
  stats(): Promise<RTCStatsReport | undefined>
  /** Hangs up. */
  close(): void
}

/**
 * Starts a call at once: microphone, one round trip, media path; then keeps it until it ends.
 * How it goes is told by `news.onState`; nothing is thrown.
 */
export function startCall(ports: CallPorts, news: CallNews): Call {
  const { clock } = ports
  const life = new AbortController()
  const { signal } = life
  let state: CallState = IDLE
  let mic: MediaStream | undefined
  let connection: Connection | undefined
  /** Aborted when speech goes on or the node has spoken: nothing is awaited of the last mark. */
  let turnDue = new AbortController()
  let waking: (() => void) | undefined
  /** Gives the connection up with its cause: the call is joined again. */
  let lose: (cause: string) => void = () => {}

  void run()
  return { mark, replaceMic, retryNow, stats, close }

  async function run(): Promise<void> {
    try {
      change({ type: 'step', step: 'mic', at: clock.now() })
      const opening = open()
      opening.catch(() => {})
      if (!(await ports.micGranted())) await opening
      signal.throwIfAborted()
      let held = await hold(opening, FIRST_LIMITS)
      let spell: Spell | undefined
      for (;;) {
        const openedAt = clock.now()
        const cause = await held.lost
        // A connection that comes up and falls at once must not be tried for ever.
        if (clock.now() - openedAt >= STABLE_MS) spell = undefined
        spell ??= { since: clock.now(), attempts: 0 }
        held = await rejoin(spell, cause)
      }
    } catch (error) {
      // After close() the state is already said; whatever is thrown is its echo.
      if (!signal.aborted) fail(asFailure(error))
    } finally {
      if (signal.aborted) stop(mic)
    }
  }

  async function open(): Promise<MediaStream> {
    const opened = await ports.getMic(signal)
    mic = opened
    if (signal.aborted) stop(opened)
    else news.onMic(opened)
    return opened
  }

  /** Connects once. */
  async function hold(microphone: Promise<MediaStream>, limits: Limits): Promise<Held> {
    const lost = new Promise<string>((resolve, reject) => {
      lose = resolve
      signal.addEventListener('abort', () => reject(abortError()), { once: true })
    })
    lost.catch(() => {})
    const listeners = {
      onStep: (step: ConnectingStep) => change({ type: 'step', step, at: clock.now() }),
      onEvent,
      onAudio: (stream: MediaStream) => news.onAudio(stream),
      onLost: lose,
    }
    const next = await connect(ports, microphone, signal, listeners, limits)
    connection = next
    // The microphone may have been swapped while the connection came up.
    const track = mic?.getAudioTracks()[0]
    if (track && mic !== (await microphone)) await next.replaceTrack(track)
    signal.throwIfAborted()
    change({ type: 'open', call: next.call, at: clock.now() })
    return { lost }
  }

  /** Joins again until it works; `spell` goes on where the last loss of an unstable call left it. */
  async function rejoin(spell: Spell, lostBy: string): Promise<Held> {
    let cause = lostBy
    const rttMs = connection?.rttMs()
    turnDue.abort()
    news.onLost()
    // Gives the seat back before asking for another: it may be the last one.
    connection?.close()
    for (;;) {
      spell.attempts += 1
      const lostMs = clock.now() - spell.since
      const delay = rejoinDelay(spell.attempts, lostMs, ports.random())
      if (delay === undefined) throw new CallFailure('lost', cause)
      change({ type: 'lost', forMs: lostMs, at: clock.now() })
      await pause(delay)
      try {
        return await hold(current(), rejoinLimits(lostMs, rttMs))
      } catch (error) {
        signal.throwIfAborted()
        cause = asFailure(error).message
      }
    }
  }

  async function current(): Promise<MediaStream> {
    if (!mic) throw new CallFailure('mic-missing', 'no microphone is open')
    return mic
  }

  async function pause(ms: number): Promise<void> {
    if (ms === 0) return
    const woken = new Promise<void>((resolve) => {
      waking = resolve
    })
    const waited = new AbortController()
    await Promise.race([clock.wait(ms, AbortSignal.any([signal, waited.signal])), woken])
    waited.abort()
    waking = undefined
    signal.throwIfAborted()
  }

  function onEvent(event: NodeEvent): void {
    if (signal.aborted) return
    if (event.type !== 'output' && event.type !== 'call.ready') turnDue.abort()
    change({ type: 'event', event })
    news.onEvent(event)
    if (event.type !== 'call.end') return
    const { reason, message } = event
    if (reason === 'handler') finish({ type: 'ended', why: 'handler', message })
    // The node goes, the call need not: another one, or the same one restarted, carries on.
    else if (reason === 'draining') lose(message)
    else fail(new CallFailure('ended-by-node', `${reason}: ${message}`))
  }

  function mark(kind: Mark): void {
    if (state.status !== 'live') return
    connection?.send({ type: kind, at: clock.now() })
    turnDue.abort()
    change({ type: 'mark', mark: kind })
    if (kind !== 'speech.end') return
    turnDue = new AbortController()
    const due = AbortSignal.any([turnDue.signal, signal])
    after(clock, TURN_MS, due, () => change({ type: 'no-turn' }))
  }

  async function replaceMic(stream: MediaStream): Promise<void> {
    const track = stream.getAudioTracks()[0]
    if (signal.aborted || !track) {
      stop(stream)
      return
    }
    const old = mic
    mic = stream
    news.onMic(stream)
    await connection?.replaceTrack(track)
    stop(old)
  }

  function retryNow(): void {
    waking?.()
  }

  async function stats(): Promise<RTCStatsReport | undefined> {
    return state.status === 'live' ? connection?.stats() : undefined
  }

  function close(): void {
    if (!signal.aborted) finish({ type: 'ended', why: 'hung-up', message: undefined })
  }

  function fail(failure: CallFailure): void {
    finish({ type: 'failed', failure, call: connection?.call })
  }

  function finish(last: CallChange): void {
    change(last)
    life.abort(abortError())
    connection?.close()
    stop(mic)
  }

  function change(by: CallChange): void {
    if (signal.aborted) return
    const next = nextState(state, by)
    if (next === state) return
    state = next
    news.onState(state)
  }
}

/** A time in which the call was not stable: since when, in ms of the clock, and how often it was joined. */
interface Spell {
  readonly since: number
  attempts: number
}

/** An open connection; `lost` resolves with the cause when it is no more. */
interface Held {
  lost: Promise<string>
}

function stop(stream: MediaStream | undefined): void {
  for (const track of stream?.getTracks() ?? []) track.stop()
}

function abortError(): DOMException {
  return new DOMException('the call was ended', 'AbortError')
}
