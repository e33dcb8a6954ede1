import type { NodeEvent } from '@earshot/protocol'
import { after, createNap } from './clock.ts'
import { type Connection, type ConnectionPorts, connect } from './connection.ts'
import { Conversation } from './conversation.ts'
import { asFailure, CallFailure, type FailureCode } from './failure.ts'
import { connectFirst, type FirstNews } from './first-connection.ts'
import { type Answered, giveBack } from './join.ts'
import { rejoinDelay, rejoinLimits, STABLE_MS } from './rejoin.ts'
import { type CallChange, type CallState, IDLE, type Mark, nextState } from './state.ts'

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
  /** Tells the node, and the state, what the voice detector heard; or keeps it until there is a node. */
  mark(mark: Mark): void
  /** The microphone as the voice detector has it, before the marks that come of it: 16 kHz, -1…1. */
  frame(samples: Float32Array): void
  /** Swaps the microphone; the old one is stopped. */
  replaceMic(stream: MediaStream): Promise<void>
  /** Another network, or one again: a waiting attempt to rejoin starts at once. */
  networkChanged(): void
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
  const conversation = new Conversation()
  let connection: Connection | undefined
  /** The newest answer: where to hang up, and the token to come back with. */
  let answered: Answered | undefined
  /** How often this call has been asked for again. */
  let attempts = 0
  let goodbye: Promise<void> | undefined
  /** Aborted when speech goes on or the node has spoken: nothing is awaited of the last mark. */
  let turnDue = new AbortController()
  const nap = createNap(clock)
  /** Gives the connection up with its cause: the call is joined again. */
  let lose: (cause: string) => void = () => {}

  void run()
  return { mark, frame, replaceMic, networkChanged, stats, close }

  async function run(): Promise<void> {
    try {
      change({ type: 'step', step: 'mic', at: clock.now() })
      const opening = open()
      opening.catch(() => {})
      if (!(await ports.micGranted())) await opening
      signal.throwIfAborted()
      let held = await first(opening)
      let spell: Spell | undefined
      for (;;) {
        const openedAt = clock.now()
        const cause = await held.lost
        // A connection that comes up and falls at once must not be tried for ever.
        if (clock.now() - openedAt >= STABLE_MS) spell = undefined
        spell ??= { since: clock.now(), attempts: 0, losses: 0 }
        spell.losses += 1
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

  async function first(opening: Promise<MediaStream>): Promise<Held> {
    return hold(opening, (told) => connectFirst(ports, opening, signal, told, farewell))
  }

  /** Connects once, by `reach`. */
  async function hold(
    microphone: Promise<MediaStream>,
    reach: (told: FirstNews) => Promise<Connection>,
  ): Promise<Held> {
    const lost = new Promise<string>((resolve, reject) => {
      lose = resolve
      signal.addEventListener('abort', () => reject(abortError()), { once: true })
    })
    lost.catch(() => {})
    const next = await reach({
      onStep: (step) => change({ type: 'step', step, at: clock.now() }),
      onDoubt: (doubt) => change({ type: 'doubt', doubt }),
      onAnswer(fresh) {
        if (signal.aborted) void giveBack(ports, fresh)
        else answered = fresh
      },
      onPlayed: (rtp) => conversation.played(rtp),
      onEvent,
      onAudio: (stream) => news.onAudio(stream),
      onLost: lose,
    })
    connection = next
    catchUp(next)
    // The microphone may have been swapped while the connection came up.
    const track = mic?.getAudioTracks()[0]
    if (track && mic !== (await microphone)) await next.replaceTrack(track)
    signal.throwIfAborted()
    return { lost }
  }

  /** Tells the node what it missed, before anything else. */
  function catchUp(next: Connection): void {
    const { call, resumed } = next
    const { event, samples, marks, speaking, answer, startsOver } = conversation.reopened(resumed)
    const at = clock.now()
    if (event) next.sendSpeech(event, samples)
    for (const type of marks) next.send({ type, at })
    const notice = startsOver ? ({ kind: 'started-over' } as const) : undefined
    change({ type: 'open', call, at, carried: { speaking, answer, notice } })
    if (answer.kind === 'thinking' && answer.turn === undefined) awaitTurn()
  }

  /** Joins again until it works; `spell` goes on where the last loss of an unstable call left it. */
  async function rejoin(spell: Spell, lostBy: string): Promise<Held> {
    let cause = lostBy
    let failed: FailureCode | undefined
    const rttMs = connection?.rttMs()
    conversation.played(connection?.playedRtp())
    conversation.lost()
    turnDue.abort()
    news.onLost()
    // The service frees its seat by the token; to end it there would end the conversation.
    connection?.drop()
    for (;;) {
      spell.attempts += 1
      const lostMs = clock.now() - spell.since
      const delay = rejoinDelay(spell.attempts, lostMs, ports.random(), failed)
      if (delay === undefined) throw new CallFailure('lost', cause)
      change({ type: 'lost', forMs: lostMs, at: clock.now() })
      if (delay > 0) await nap.take(delay, signal)
      try {
        const limits = rejoinLimits(spell.attempts, lostMs, rttMs, failed === 'offline')
        attempts += 1
        const back = answered && { token: answered.resume, attempt: attempts }
        const attempt = { limits, remembered: true, back, patience: spell.losses, farewell }
        const microphone = current()
        return await hold(
          microphone,
          (told) => connect(ports, microphone, signal, told, attempt).connected,
        )
      } catch (error) {
        signal.throwIfAborted()
        const failure = asFailure(error)
        failed = failure.code
        cause = failure.message
      }
    }
  }

  async function current(): Promise<MediaStream> {
    if (!mic) throw new CallFailure('mic-missing', 'no microphone is open')
    return mic
  }

  function onEvent(event: NodeEvent): void {
    if (signal.aborted) return
    if (event.type !== 'output' && event.type !== 'call.ready') turnDue.abort()
    conversation.event(event)
    change({ type: 'event', event })
    news.onEvent(event)
    if (event.type !== 'call.end') return
    const { reason, message } = event
    if (reason === 'handler') finish({ type: 'ended', why: 'handler', message })
    // The node goes, the call need not: another one, or the same one restarted, carries on. Or an
    // attempt that was given up was answered late, and has taken the conversation with it.
    else if (reason === 'draining' || reason === 'moved') lose(message)
    else fail(new CallFailure('ended-by-node', `${reason}: ${message}`))
  }

  function mark(kind: Mark): void {
    const isLive = state.status === 'live'
    conversation.mark(kind, isLive)
    if (!isLive) return
    connection?.send({ type: kind, at: clock.now() })
    turnDue.abort()
    change({ type: 'mark', mark: kind })
    if (kind === 'speech.end') awaitTurn()
  }

  function awaitTurn(): void {
    turnDue = new AbortController()
    const due = AbortSignal.any([turnDue.signal, signal])
    after(clock, TURN_MS, due, () => change({ type: 'no-turn' }))
  }

  function frame(samples: Float32Array): void {
    if (!signal.aborted) conversation.frame(samples)
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

  function networkChanged(): void {
    nap.wake()
    connection?.suspect()
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
    void farewell()
    life.abort(abortError())
    stop(mic)
  }

  /** Ends the newest call at the service, once, and the conversation with it. */
  function farewell(): Promise<void> {
    goodbye ??= answered ? giveBack(ports, answered) : Promise.resolve()
    return goodbye
  }

  function change(by: CallChange): void {
    if (signal.aborted) return
    const next = nextState(state, by)
    if (next === state) return
    state = next
    news.onState(state)
  }
}

/** A time in which the call was not stable: since when, in ms of the clock, how often it was joined and lost. */
interface Spell {
  readonly since: number
  attempts: number
  losses: number
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
