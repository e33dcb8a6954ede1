/** One attempt at a call, from the offer to its loss. A rejoin makes a new one. */
import { type NodeEvent, type PageEvent, parseNodeEvent } from '@earshot/protocol'
import { after, type Clock } from './clock.ts'
import { CallFailure } from './failure.ts'
import { type Answered, deleteCall, type Fetch, postOffer } from './join.ts'
import type { CallPeer, CreatePeer, PeerNews } from './peer.ts'
import { type PathWatch, watchPackets } from './path-watch.ts'
import type { Limits } from './rejoin.ts'
import type { ConnectingStep } from './state.ts'
import type { StatsReport } from './stats.ts'

/** A path that is silent this long is lost; shorter gaps mend by themselves. */
const DISCONNECTED_MS = 3_000
/** How long the peer is kept for the service to take note of a hang-up. */
const GOODBYE_MS = 1_000

export interface ConnectionPorts {
  fetch: Fetch
  createPeer: CreatePeer
  clock: Clock
}

export interface ConnectionNews {
  onStep(step: ConnectingStep): void
  onEvent(event: NodeEvent): void
  onAudio(stream: MediaStream): void
  /** Once, and only after the connection was open: it is gone, without a word from the node. */
  onLost(cause: string): void
}

export interface Connection {
  call: string
  send(event: PageEvent): void
  replaceTrack(track: MediaStreamTrack): Promise<void>
  stats(): Promise<RTCStatsReport>
  /** The last round trip to the node that was measured, in ms. */
  rttMs(): number | undefined
  /** Ends the call at the service as well. May be called twice. */
  close(): void
}

/**
 * Joins: one HTTP round trip, then the media path. Resolves once the data channel is open.
 *
 * `mic` may still be opening: the offer goes out without it, and the two are waited for together.
 *
 * Rejects with a `CallFailure`, or with the signal's reason; nothing is left open then.
 */
export async function connect(
  { fetch, createPeer, clock }: ConnectionPorts,
  mic: Promise<MediaStream>,
  signal: AbortSignal,
  news: ConnectionNews,
  limits: Limits,
): Promise<Connection> {
  const life = new AbortController()
  const path = watchPath(clock, life.signal, news, () => peer.stats())
  const peer = createPeer(path.onNews)
  let answered: Answered | undefined
  const close = () => {
    if (life.signal.aborted) return
    life.abort()
    if (!answered) {
      peer.close()
      return
    }
    // The peer goes second: a node that sees it go first has forgotten the call by the DELETE.
    void Promise.race([
      deleteCall(fetch, answered.location),
      clock.wait(GOODBYE_MS, new AbortController().signal),
    ]).then(() => peer.close())
  }
  // Whatever is being waited for, an end of the call is an end of this.
  signal.addEventListener('abort', close, { once: true, signal: life.signal })
  try {
    news.onStep('answer')
    const offer = await peer.offer()
    signal.throwIfAborted()
    const until = AbortSignal.any([signal, life.signal])
    const answering = answerInTime(fetch, offer, clock, limits.answerMs, until).then(
      (answer) => (answered = answer),
    )
    const [joined, stream] = await Promise.all([answering, mic])
    signal.throwIfAborted()
    await peer.replaceTrack(trackOf(stream))
    signal.throwIfAborted()
    news.onStep('relay')
    path.relayOnly = joined.configuration.iceTransportPolicy === 'relay'
    // Listened to from the start, so that an early channel, failure or hang-up is not missed.
    const open = Promise.race([
      path.opened,
      timeUp(clock, limits.connectMs, path.failure, life.signal),
    ])
    await Promise.race([
      peer.accept(joined.answer, joined.configuration).then(() => open),
      open,
      aborted(signal, life.signal),
    ])
    signal.throwIfAborted()
    return { call: joined.call, rttMs: path.rttMs, ...handles(peer, life.signal), close }
  } catch (error) {
    close()
    signal.throwIfAborted()
    throw error
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
): Pick<Connection, 'send' | 'replaceTrack' | 'stats'> {
  return {
    send: (event) => peer.send(event),
    // A closed peer throws; the next connection starts with the new track anyway.
    replaceTrack: async (track) => {
      if (!life.aborted) await peer.replaceTrack(track)
    },
    stats: () => peer.stats(),
  }
}

/** Follows the media path: rejects `opened` when it cannot come up, tells of its loss after that. */
function watchPath(
  clock: Clock,
  life: AbortSignal,
  news: ConnectionNews,
  stats: () => Promise<StatsReport>,
) {
  let isOpen = false
  let isLost = false
  let refusedBy: string | undefined
  let grace: AbortController | undefined
  let watch: PathWatch | undefined
  let resolve = () => {}
  let reject: (failure: CallFailure) => void = () => {}
  const opened = new Promise<void>((yes, no) => {
    resolve = yes
    reject = no
  })
  opened.catch(() => {})

  const path = { opened, failure, onNews, rttMs: () => watch?.rttMs(), relayOnly: false }
  return path

  function failure(cause: string): CallFailure {
    if (refusedBy !== undefined) {
      return new CallFailure('credentials-refused', `${refusedBy} answered 401; ${cause}`)
    }
    return new CallFailure(path.relayOnly ? 'relay-unreachable' : 'direct-unreachable', cause)
  }

  function over(cause: string): void {
    if (life.aborted || isLost) return
    if (!isOpen) {
      reject(failure(cause))
      return
    }
    isLost = true
    grace?.abort()
    news.onLost(cause)
  }

  function onNews(item: PeerNews): void {
    if (life.aborted) return
    switch (item.type) {
      case 'open':
        isOpen = true
        resolve()
        return
      case 'closed':
        over('the data channel closed')
        return
      case 'message': {
        const event = parseNodeEvent(item.text)
        if (!event) return
        // Not before: an older node is silent between replies.
        if (event.type === 'call.ready' && event.keepAliveMs !== undefined) {
          watch ??= watchPackets(clock, stats, life, (ms) =>
            over(`silent for ${Math.round(ms)} ms`),
          )
        }
        news.onEvent(event)
        return
      }
      case 'audio':
        news.onAudio(item.stream)
        return
      case 'candidate-error':
        if (item.code === 401) refusedBy = item.url
        return
      case 'no-candidates':
        over('gathering ended without a candidate')
        return
      case 'transport':
        onTransport(item.state)
        return
      default:
        item satisfies never
    }
  }

  function onTransport(state: RTCPeerConnectionState): void {
    grace?.abort()
    if (state === 'failed' || state === 'closed') over(`the connection is ${state}`)
    if (state !== 'disconnected') return
    grace = new AbortController()
    const signal = AbortSignal.any([grace.signal, life])
    after(clock, DISCONNECTED_MS, signal, () => over(`silent for ${DISCONNECTED_MS} ms`))
  }
}

async function timeUp(
  clock: Clock,
  ms: number,
  failure: (cause: string) => CallFailure,
  life: AbortSignal,
): Promise<never> {
  await clock.wait(ms, life)
  throw failure(`no connection within ${ms} ms`)
}

async function answerInTime(
  fetch: Fetch,
  offer: string,
  clock: Clock,
  ms: number,
  signal: AbortSignal,
): Promise<Answered> {
  const late = new AbortController()
  const done = new AbortController()
  after(clock, ms, done.signal, () => {
    late.abort(new CallFailure('offline', `POST /v1/calls: no answer within ${ms} ms`))
  })
  try {
    return await postOffer(fetch, offer, AbortSignal.any([signal, late.signal]))
  } finally {
    done.abort()
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
