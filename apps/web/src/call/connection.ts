/** One attempt at a call, from the offer to its loss. A rejoin makes a new one. */
import { encodeMuLaw } from '@earshot/audio'
import {
  type IceConfiguration,
  MAX_CALL_EVENT_BYTES,
  type PageEvent,
  type Resumed,
} from '@earshot/protocol'
import type { Clock } from './clock.ts'
import { CallFailure, isUnreachable } from './failure.ts'
import { askForAnswer } from './ask.ts'
import type { Answered, ComingBack, Fetch } from './join.ts'
import { type PathNews, watchPath } from './path.ts'
import type { CallPeer, CreatePeer } from './peer.ts'
import type { Limits } from './rejoin.ts'
import type { ConnectingStep } from './state.ts'
import type { CallPath } from './stats.ts'
import { countUrls, preferring, type Transport } from './transports.ts'

/** Also after a late answer the path gets so long, in ms. */
const LEAST_CONNECT_MS = 3_000

export interface ConnectionPorts {
  fetch: Fetch
  createPeer: CreatePeer
  clock: Clock
  transports: TransportMemory
}

/** Which way to the relay worked on which network. */
export interface TransportMemory {
  recall(network: string): Transport | undefined
  remember(network: string, transport: Transport): void
  forget(network: string): void
}

export interface ConnectionNews extends Omit<PathNews, 'onLook'> {
  onStep(step: ConnectingStep): void
  /** The service has answered, whatever becomes of the connection. */
  onAnswer(answered: Answered): void
  /** The RTP timestamp that was played last, several times a second. */
  onPlayed(rtp: number | undefined): void
}

export interface Attempt {
  limits: Limits
  /** Of the ways to the relay, those alone that worked on this network before. */
  remembered: boolean
  /** Set when the call was lost. */
  back: ComingBack | undefined
  /** How much more silence than usual is bearable: 1, or more. */
  patience: number
  /** Resolves when the service has taken note of a hang-up: the connection is kept for it. */
  farewell: () => Promise<void>
}

/** A connection that is being made. */
export interface Connecting {
  /**
   * Resolves once the data channel is open. Rejects with a `CallFailure`, or with the signal's reason;
   * nothing is left open then, but the seat that the service may have given, or may give yet: it is
   * the caller's to give back, or to come back for.
   */
  readonly connected: Promise<Connection>
  /** What it would be told to have failed of if it were given up now; `undefined` while it is promising. */
  doubt(): CallFailure | undefined
}

export interface Connection {
  call: string
  resumed: Resumed
  send(event: PageEvent): void
  /** Sends an event and the samples that it announces. */
  sendSpeech(event: PageEvent, samples: Int16Array): void
  replaceTrack(track: MediaStreamTrack): Promise<void>
  stats(): Promise<RTCStatsReport>
  playedRtp(): number | undefined
  /** The last round trip to the node that was measured, in ms. */
  rttMs(): number | undefined
  /** The network has changed: for a while, a short silence is enough for a loss. */
  suspect(): void
  /** Leaves without a word: the node keeps the conversation for the next connection. */
  drop(): void
}

/**
 * Joins: one HTTP round trip, then the media path.
 *
 * `mic` may still be opening: the offer goes out without it, and the two are waited for together.
 * When `signal` aborts the call is over, and the connection ends after the farewell.
 */
export function connect(
  { fetch, createPeer, clock, transports }: ConnectionPorts,
  mic: Promise<MediaStream>,
  signal: AbortSignal,
  news: ConnectionNews,
  { limits, remembered, back, patience, farewell }: Attempt,
): Connecting {
  const life = new AbortController()
  const servers = serversFrom(transports, remembered)
  let peer: CallPeer | undefined
  const onLook = (seen: CallPath | undefined) => {
    news.onPlayed(peer?.playedRtp())
    servers.seen(seen)
  }
  const stats = async () => peer?.stats() ?? new Map()
  const path = watchPath(clock, life.signal, { ...news, onLook }, stats, patience)
  return { connected: run(), doubt }

  async function run(): Promise<Connection> {
    // Whatever is being waited for, an end of the call is an end of this.
    signal.addEventListener('abort', leave, { once: true, signal: life.signal })
    try {
      const made = createPeer(path.onNews, back !== undefined)
      peer = made
      news.onStep('answer')
      const offer = await made.offer()
      const offeredAt = clock.now()
      signal.throwIfAborted()
      const joined = await answerTo(offer)
      signal.throwIfAborted()
      news.onStep('relay')
      path.relayOnly = joined.configuration.iceTransportPolicy === 'relay'
      const left = (limits.wholeMs ?? Infinity) - (clock.now() - offeredAt)
      const connectMs = Math.min(limits.connectMs, Math.max(LEAST_CONNECT_MS, left))
      path.looking()
      const late = clock.wait(connectMs, life.signal).then(() => {
        throw path.failure(`no connection within ${connectMs} ms`)
      })
      // Listened to from the start, so that an early channel, failure or hang-up is not missed.
      const open = Promise.race([path.opened, late])
      await Promise.race([
        made.accept(joined.answer, servers.choose(joined)).then(() => open),
        open,
        aborted(signal, life.signal),
      ])
      signal.throwIfAborted()
      const { call, resumed } = joined
      const { rttMs, suspect } = path
      return { call, resumed, rttMs, suspect, ...handles(made, life.signal), drop }
    } catch (error) {
      drop()
      signal.throwIfAborted()
      if (isUnreachable(error)) servers.forget()
      throw error
    }
  }

  /** Asks for the answer to the offer, and waits for the microphone beside it. */
  async function answerTo(offer: string): Promise<Answered> {
    // Not ended with this connection: an answer that comes too late is a seat to be given back.
    const told = askForAnswer({ fetch, clock }, offer, back, limits).then((answered) => {
      news.onAnswer(answered)
      return answered
    })
    told.catch(() => {})
    const both = Promise.all([told, mic])
    both.catch(() => {})
    const [joined, stream] = await Promise.race([both, aborted(signal, life.signal)])
    signal.throwIfAborted()
    await peer?.replaceTrack(trackOf(stream))
    return joined
  }

  function doubt(): CallFailure | undefined {
    if (!path.isLooking()) return new CallFailure('offline', 'POST /v1/calls: no answer yet')
    return path.isPromising() ? undefined : path.failure('no sign of it yet')
  }

  function drop(): void {
    if (life.signal.aborted) return
    life.abort()
    peer?.close()
  }

  function leave(): void {
    life.abort()
    // The peer goes second: a node that sees it go first has forgotten the call by the farewell.
    void farewell().then(() => peer?.close())
  }
}

/** Chooses the servers by what is remembered of the network, and remembers by which one it went. */
function serversFrom(transports: TransportMemory, remembered: boolean) {
  let network: string | undefined
  let noted: Transport | undefined
  let isFewer = false
  return {
    choose(joined: Answered): IceConfiguration {
      network = joined.network
      const known = network !== undefined && remembered ? transports.recall(network) : undefined
      const chosen = preferring(joined.configuration, known)
      isFewer = countUrls(chosen) < countUrls(joined.configuration)
      return chosen
    },
    seen(path: CallPath | undefined): void {
      if (network === undefined || path?.via !== 'relay' || path.transport === noted) return
      // Once a connection even when it was known: it is the way that worked last.
      noted = path.transport
      transports.remember(network, noted)
    },
    /** What was remembered of this network, if it was heeded. */
    forget(): void {
      if (network !== undefined && isFewer) transports.forget(network)
    },
  }
}

function trackOf(stream: MediaStream): MediaStreamTrack {
  const track = stream.getAudioTracks()[0]
  if (!track) throw new CallFailure('mic-missing', 'the stream has no audio track')
  return track
}

function handles(
  peer: CallPeer,
  life: AbortSignal,
): Pick<Connection, 'send' | 'sendSpeech' | 'replaceTrack' | 'stats' | 'playedRtp'> {
  return {
    send: (event) => peer.send(event),
    sendSpeech(event, samples) {
      peer.send(event)
      // A quarter of a megabyte at most: the channel takes it all at once.
      const bytes = encodeMuLaw(samples)
      for (let at = 0; at < bytes.length; at += MAX_CALL_EVENT_BYTES) {
        peer.sendBytes(bytes.slice(at, at + MAX_CALL_EVENT_BYTES))
      }
    },
    // A closed peer throws; the next connection starts with the new track anyway.
    replaceTrack: async (track) => {
      if (!life.aborted) await peer.replaceTrack(track)
    },
    stats: () => peer.stats(),
    playedRtp: () => peer.playedRtp(),
  }
}

/** Rejects when the signal aborts; listens no longer than `until`. */
function aborted(signal: AbortSignal, until: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const onAbort = () => reject(new DOMException('the call was ended', 'AbortError'))
    if (signal.aborted) onAbort()
    signal.addEventListener('abort', onAbort, { once: true, signal: until })
  })
}
