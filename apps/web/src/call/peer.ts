/** The only file that touches `RTCPeerConnection`. */
import { CALL_CHANNEL, type IceConfiguration, type PageEvent } from '@earshot/protocol'
import { CallFailure, describe } from './failure.ts'
import { type FreshWindow, openFreshWindow } from './fresh-window.ts'
import { setOffer, withRetransmission } from './retransmission.ts'

/** What the peer tells; one callback, so that none is missed between two `await`s. */
export type PeerNews =
  /** The data channel is open: the call is set up. */
  | { type: 'open' }
  | { type: 'closed' }
  | { type: 'message'; text: string }
  | { type: 'audio'; stream: MediaStream }
  | { type: 'transport'; state: RTCPeerConnectionState }
  /** A TURN server refused or could not be reached (`icecandidateerror`). */
  | { type: 'candidate-error'; code: number; url: string }
  /** A relay has given us an address. */
  | { type: 'relayed' }
  /** A way to the node is found, and is not encrypted yet. */
  | { type: 'reached' }
  /** Gathering is over and the browser has no address to be reached at. */
  | { type: 'no-candidates' }

export interface CallPeer {
  /** The SDP offer: audio both ways and the call's data channel. Nothing is gathered yet. */
  offer(): Promise<string>
  /** Takes the node's answer and the ICE servers; candidates are gathered from here on. */
  accept(answer: string, configuration: IceConfiguration): Promise<void>
  /** Sends an event, or drops it when the channel is not open. */
  send(event: PageEvent): void
  /** The same for a binary message. */
  sendBytes(bytes: Uint8Array<ArrayBuffer>): void
  /** Sends this microphone from now on; the offer does not need one. */
  replaceTrack(track: MediaStreamTrack): Promise<void>
  stats(): Promise<RTCStatsReport>
  /** The RTP timestamp of the packet that was played last; `undefined` where none is known. */
  playedRtp(): number | undefined
  close(): void
}

/** `afresh`: the machine's addresses may have changed a moment ago. */
export type CreatePeer = (onNews: (news: PeerNews) => void, afresh: boolean) => CallPeer

// `setConfiguration()` may not change this one, so it is said both times.
const BUNDLE = { bundlePolicy: 'max-bundle' } as const

/**
 * Makes a peer that sends a microphone, once it is given one, and receives the reply.
 *
 * The ICE servers come with the answer, so the connection is made without any, and gets them by
 * `setConfiguration()` between the answer and `setLocalDescription()`, which starts gathering.
 * Chromium 156 and Firefox 153 take servers and transport policy there.
 *
 * Throws a `CallFailure` where the browser has no WebRTC.
 */
export const createPeer: CreatePeer = (onNews, afresh) => {
  if (typeof RTCPeerConnection === 'undefined') {
    throw new CallFailure('unsupported-browser', 'RTCPeerConnection is not defined')
  }
  const fresh = afresh ? openFreshWindow() : undefined
  const pc = makeIn(fresh)
  const listening = new AbortController()
  const { signal } = listening
  const { sender, receiver } = pc.addTransceiver('audio', { direction: 'sendrecv' })
  const channel = pc.createDataChannel(CALL_CHANNEL, { ordered: true })
  /** As the browser made it; the node gets it with a line added. */
  let own: string | undefined
  let candidates = 0

  channel.addEventListener('open', () => onNews({ type: 'open' }), { signal })
  channel.addEventListener('close', () => onNews({ type: 'closed' }), { signal })
  channel.addEventListener(
    'message',
    ({ data }: MessageEvent<unknown>) => {
      if (typeof data === 'string') onNews({ type: 'message', text: data })
    },
    { signal },
  )
  pc.addEventListener(
    'track',
    (event) => {
      onNews({ type: 'audio', stream: event.streams[0] ?? new MediaStream([event.track]) })
    },
    { signal },
  )
  pc.addEventListener(
    'connectionstatechange',
    () => onNews({ type: 'transport', state: pc.connectionState }),
    { signal },
  )
  pc.addEventListener(
    'iceconnectionstatechange',
    () => {
      if (/^(?:connected|completed)$/.test(pc.iceConnectionState)) onNews({ type: 'reached' })
    },
    { signal },
  )
  pc.addEventListener(
    'icecandidateerror',
    ({ errorCode, url }) => onNews({ type: 'candidate-error', code: errorCode, url: url ?? '' }),
    { signal },
  )
  pc.addEventListener(
    'icecandidate',
    ({ candidate }) => {
      if (candidate?.candidate) candidates += 1
      if (candidate?.type === 'relay') onNews({ type: 'relayed' })
    },
    { signal },
  )
  pc.addEventListener(
    'icegatheringstatechange',
    () => {
      if (pc.iceGatheringState === 'complete' && candidates === 0) {
        onNews({ type: 'no-candidates' })
      }
    },
    { signal },
  )

  return {
    async offer() {
      const { sdp = '' } = await pc.createOffer()
      // Without in-band FEC every lost packet is a gap in what the handler hears.
      if (!/a=fmtp:\d+ .*useinbandfec=1/.test(sdp)) {
        throw new CallFailure('unsupported-browser', 'the offer has no Opus with in-band FEC')
      }
      own = sdp
      return withRetransmission(sdp)
    },
    async accept(answer, configuration) {
      if (own === undefined) throw new Error('accept() before offer()')
      try {
        pc.setConfiguration({ ...BUNDLE, ...usable(configuration) })
        await setOffer(pc, own)
        await pc.setRemoteDescription({ type: 'answer', sdp: answer })
      } catch (error) {
        throw new CallFailure('offer-refused', `applying the answer: ${describe(error)}`, {
          cause: error,
        })
      }
    },
    send(event) {
      if (channel.readyState === 'open') channel.send(JSON.stringify(event))
    },
    sendBytes(bytes) {
      if (channel.readyState === 'open') channel.send(bytes)
    },
    replaceTrack: (next) => sender.replaceTrack(next),
    stats: () => pc.getStats(),
    // One source a call: the list is empty before its first packet, and 10 s after its last.
    playedRtp: () => receiver.getSynchronizationSources()[0]?.rtpTimestamp,
    close() {
      listening.abort()
      channel.close()
      pc.close()
      fresh?.close()
    },
  }
}

/** A browser that makes no more connections keeps no window for one either. */
function makeIn(fresh: FreshWindow | undefined): RTCPeerConnection {
  try {
    return new (fresh ?? globalThis).RTCPeerConnection(BUNDLE)
  } catch (error) {
    fresh?.close()
    throw error
  }
}

/** The same without `undefined` members, which `RTCIceServer` does not take. */
function usable({ iceServers, iceTransportPolicy }: IceConfiguration): RTCConfiguration {
  return {
    iceTransportPolicy,
    iceServers: iceServers.map(({ urls, username, credential }) => ({
      urls,
      ...(username === undefined ? {} : { username }),
      ...(credential === undefined ? {} : { credential }),
    })),
  }
}
