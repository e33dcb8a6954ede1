/** One attempt at a call, from the offer to its loss. A rejoin makes a new one. */
import { encodeMuLaw } from '@earshot/audio'
import {
  type IceConfiguration,
  MAX_CALL_EVENT_BYTES,
  type PageEvent,
  type Resumed,
} from '@earshot/protocol'
import type { Clock } from './clock.ts'
import { CallFailure } from './failure.ts'
import { askForAnswer } from './ask.ts'
import type { Answered, ComingBack, Fetch } from './join.ts'
import { type PathNews, watchPath } from './path.ts'
import type { CallPeer, CreatePeer } from './peer.ts'
import type { Limits } from './rejoin.ts'
import type { ConnectingStep } from './state.ts'
import type { CallPath } from './stats.ts'
import { countUrls, preferring, type Transport } from './transports.ts'

/** How long servers that were chosen from memory may take, in ms: there is another try, with all. */
const REMEMBERED_CONNECT_MS = 4_000
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
  /** What was remembered of this network has led nowhere, and is forgotten. */
  onStale(): void
  /** The RTP timestamp that was played last, several times a second. */
  onPlayed(rtp: number | undefined): void
}

export interface Attempt {
  limits: Limits
  /** Set when the call was lost. */
  back: ComingBack | undefined
  /** How much more silence than usual is bearable: 1, or more. */
  patience: number
  /** Resolves when the service has taken note of a hang-up: the connection is kept for it. */
  farewell: () => Promise<void>
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
 * Joins: one HTTP round trip, then the media path. Resolves once the data channel is open.
 *
 * `mic` may still be opening: the offer goes out without it, and the two are waited for together.
 * When `signal` aborts the call is over, and the connection ends after the farewell.
 *
 * Rejects with a `CallFailure`, or with the signal's reason; nothing is left open then, but the seat
 * that the service may have given: it is the caller's to give back, or to come back for.
 */
export async function connect(
  { fetch, createPeer, clock, transports }: ConnectionPorts,
  mic: Promise<MediaStream>,
  signal: AbortSignal,
  news: ConnectionNews,
  { limits, back, patience, farewell }: Attempt,
): Promise<Connection> {
  const life = new AbortController()
  const servers = serversFrom(transports)
  const onLook = (seen: CallPath | undefined) => {
    news.onPlayed(peer.playedRtp())
    servers.seen(seen)
  }
  const path = watchPath(clock, life.signal, { ...news, onLook }, () => peer.stats(), patience)
  const peer = createPeer(path.onNews)
  const drop = () => {
    if (life.signal.aborted) return
    life.abort()
    peer.close()
  }
  const leave = () => {
    life.abort()
    // The peer goes second: a node that sees it go first has forgotten the call by the farewell.
    void farewell().then(() => peer.close())
  }
  // Whatever is being waited for, an end of the call is an end of this.
  signal.addEventListener('abort', leave, { once: true, signal: life.signal })
  try {
    news.onStep('answer')
    const offer = await peer.offer()
    const offeredAt = clock.now()
    signal.throwIfAborted()
    const until = AbortSignal.any([signal, life.signal])
    const answering = askForAnswer({ fetch, clock }, offer, back, limits, until)
    const told = answering.then((answered) => {
      news.onAnswer(answered)
      return answered
    })
    const [joined, stream] = await Promise.all([told, mic])
    signal.throwIfAborted()
    await peer.replaceTrack(trackOf(stream))
    signal.throwIfAborted()
    news.onStep('relay')
    path.relayOnly = joined.configuration.iceTransportPolicy === 'relay'
    const configuration = servers.choose(joined)
    const left = (limits.wholeMs ?? Infinity) - (clock.now() - offeredAt)
    const connectMs = Math.min(
      limits.connectMs,
      Math.max(LEAST_CONNECT_MS, left),
      servers.fewer() ? REMEMBERED_CONNECT_MS : Infinity,
    )
    path.looking()
    const late = timeUp(clock, connectMs, limits.slowMs ?? 0, path, life.signal, () =>
      news.onStep('slow'),
    )
    // Listened to from the start, so that an early channel, failure or hang-up is not missed.
    const open = Promise.race([path.opened, late])
    await Promise.race([
      peer.accept(joined.answer, configuration).then(() => open),
      open,
      aborted(signal, life.signal),
    ])
    signal.throwIfAborted()
    const { call, resumed } = joined
    const { rttMs, suspect } = path
    return { call, resumed, rttMs, suspect, ...handles(peer, life.signal), drop }
  } catch (error) {
    drop()
    signal.throwIfAborted()
    if (isUnreachable(error) && servers.forget()) news.onStale()
    throw error
  }
}

/** Chooses the servers by what is remembered of the network, and remembers by which one it went. */
function serversFrom(transports: TransportMemory) {
  let network: string | undefined
  let noted: Transport | undefined
  let isFewer = false
  return {
    choose(joined: Answered): IceConfiguration {
      network = joined.network
      const known = network === undefined ? undefined : transports.recall(network)
      const chosen = preferring(joined.configuration, known)
      isFewer = countUrls(chosen) < countUrls(joined.configuration)
      return chosen
    },
    /** Some of the servers that were offered are not used. */
    fewer: () => isFewer,
    seen(path: CallPath | undefined): void {
      if (network === undefined || path?.via !== 'relay' || path.transport === noted) return
      // Once a connection even when it was known: it is the way that worked last.
      noted = path.transport
      transports.remember(network, noted)
    },
    /** Whether there was something to forget. */
    forget(): boolean {
      if (network === undefined || !isFewer) return false
      transports.forget(network)
      return true
    },
  }
}

function isUnreachable(error: unknown): boolean {
  return error instanceof CallFailure && error.code === 'relay-unreachable'
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

/** Rejects after `ms`, or after `slowMs` more when the path is promising, which is told then. */
async function timeUp(
  clock: Clock,
  ms: number,
  slowMs: number,
  path: { isPromising(): boolean; failure(cause: string): CallFailure },
  life: AbortSignal,
  onSlow: () => void,
): Promise<never> {
  await clock.wait(ms, life)
  if (!path.isPromising() || slowMs === 0) throw path.failure(`no connection within ${ms} ms`)
  onSlow()
  await clock.wait(slowMs, life)
  throw path.failure(`no connection within ${ms + slowMs} ms`)
}

/** Rejects when the signal aborts; listens no longer than `until`. */
function aborted(signal: AbortSignal, until: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const onAbort = () => reject(new DOMException('the call was ended', 'AbortError'))
    if (signal.aborted) onAbort()
    signal.addEventListener('abort', onAbort, { once: true, signal: until })
  })
}
