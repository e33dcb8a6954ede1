/** The media path of one connection, from its first news to its loss. */
import { type NodeEvent, parseNodeEvent } from '@earshot/protocol'
import { after, type Clock } from './clock.ts'
import { CallFailure } from './failure.ts'
import { type PathWatch, watchPackets } from './path-watch.ts'
import type { PeerNews } from './peer.ts'
import type { CallPath, StatsReport } from './stats.ts'

/** A path that is silent this long is lost; shorter gaps mend by themselves. */
const DISCONNECTED_MS = 3_000
/** A relay that took longer, in ms, took more than its few round trips: packets of it were lost. */
const SLOW_RELAY_MS = 1_500

export interface PathNews {
  onEvent(event: NodeEvent): void
  onAudio(stream: MediaStream): void
  /** Several times a second while the node keeps the path alive. */
  onLook(path: CallPath | undefined): void
  /** Once, and only after the connection was open: it is gone, without a word from the node. */
  onLost(cause: string): void
}

/** Follows the media path: rejects `opened` when it cannot come up, tells of its loss after that. */
export function watchPath(
  clock: Clock,
  life: AbortSignal,
  news: PathNews,
  stats: () => Promise<StatsReport>,
  patience: number,
) {
  let isOpen = false
  let isLost = false
  let isReached = false
  let isSlow = false
  let since = Infinity
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

  const path = {
    opened,
    failure,
    onNews,
    rttMs: () => watch?.rttMs(),
    suspect: () => watch?.suspect(),
    relayOnly: false,
    /** From here on the peer looks for a way. */
    looking: () => {
      since = clock.now()
    },
    isLooking: () => since !== Infinity,
    /** There is a way, or one may come: it takes its time. */
    isPromising: () => isReached || isSlow,
  }
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
          const looks = {
            onLook: (seen: CallPath | undefined) => news.onLook(seen),
            onSilent: (ms: number) => over(`silent for ${Math.round(ms)} ms`),
          }
          watch ??= watchPackets(clock, stats, life, looks, patience)
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
      case 'relayed':
        isSlow ||= clock.now() - since > SLOW_RELAY_MS
        return
      case 'reached':
        isReached = true
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
    // Firefox says so at once when the address is gone, others when they have had no answer for seconds.
    watch?.suspect()
    grace = new AbortController()
    const signal = AbortSignal.any([grace.signal, life])
    after(clock, DISCONNECTED_MS, signal, () => over(`silent for ${DISCONNECTED_MS} ms`))
  }
}
