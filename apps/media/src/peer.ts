/**
 * One caller's WebRTC connection. The only file that knows the WebRTC library.
 *
 * We answer as ICE-lite: media has an address that the caller or its relay reaches, so it has nothing
 * to probe. That saves the round trip of a triggered check, the library's 20 ms check pacing, and its
 * built-in default STUN server. The price is that nothing here notices a dead path by itself:
 * `heardAt()` says when the caller was last heard, and the session decides.
 */
import { isIPv4, isIPv6 } from 'node:net'
import {
  GenericNack,
  MediaStreamTrack,
  RTCDtlsTransport,
  RTCPeerConnection,
  RtpHeader,
  RtpPacket,
  RtcpTransportLayerFeedback,
  useOPUS,
  type RTCDataChannel,
  type RTCRtpReceiver,
  type RTCRtpSender,
} from 'werift'
import { CALL_CHANNEL, MAX_CALL_EVENT_BYTES } from '@earshot/protocol'
import { Resends } from './resends.ts'
import {
  audioDirection,
  offersData,
  offersNack,
  problemWith,
  withOpusParameters,
  withoutCandidates,
  withPublicAddress,
} from './sdp.ts'

/** A packet of the caller's audio. */
export interface AudioPacket {
  /** 16-bit RTP sequence number. */
  readonly sequence: number
  /** 32-bit RTP timestamp, 48 kHz. */
  readonly timestamp: number
  /** One Opus packet. */
  readonly payload: Uint8Array
}

export interface PeerEvents {
  /** ICE and DTLS are up: audio can flow. */
  connected(): void
  /** The caller's data channel can be written to. */
  channelOpen(): void
  /** The caller closed the connection or the library gave it up; not called after `close()`. */
  lost(reason: string): void
  audio(packet: AudioPacket): void
  message(text: string): void
  /** A binary message: speech that a `call.catch-up` has announced. */
  bytes(bytes: Uint8Array): void
}

export interface PeerOptions {
  readonly offer: string
  /** Our own addresses, at most one of each family; each becomes one host candidate. */
  readonly addresses: readonly string[]
  /** The public IPv4 address that a 1:1 NAT holds for ours of that family. */
  readonly publicAddress?: string
  /** UDP ports, inclusive; one is taken for each call and address. */
  readonly ports: readonly [number, number]
  readonly events: PeerEvents
}

export interface Peer {
  /** The SDP answer, complete: nothing is trickled. */
  readonly answer: string
  /** False when the caller only sends (an ordinary WHIP client): nothing can be played to it. */
  readonly canPlay: boolean
  /** False when no data channel can ever open: the offer has no place for one. */
  readonly offersData: boolean
  /** Sends one Opus packet; silently dropped before the connection is up and after `close()`. */
  play(packet: AudioPacket, marker: boolean): void
  /**
   * Asks the caller to send packets again, by their 16-bit sequence numbers; silently lost, as any packet may
   * be. `undefined` when the offer does not say that it would.
   */
  readonly askAgain: ((sequences: readonly number[]) => void) | undefined
  /** Sends text on the data channel; false when there is none open. */
  send(text: string): boolean
  /** `performance.now()` of the last packet of any kind from the caller. */
  heardAt(): number
  /** Idempotent. */
  close(): Promise<void>
}

/** The offer is one that no retry will make better. The message is for the caller. */
export class BadOfferError extends Error {
  override readonly name = 'BadOfferError'
}

/** Makes what the first call would otherwise wait for: the certificate that all calls share. */
export async function warmUpPeer(): Promise<void> {
  await RTCDtlsTransport.SetupCertificate()
}

/** Answers an offer. @throws {BadOfferError} when the offer cannot be answered. */
export async function answerOffer(options: PeerOptions): Promise<Peer> {
  const problem = problemWith(options.offer)
  if (problem !== undefined) throw new BadOfferError(problem)

  const { events } = options
  let heardAt = performance.now()
  let closed = false
  let channel: RTCDataChannel | undefined
  /** The SSRC of the caller's audio. */
  let source: number | undefined

  const pc = new RTCPeerConnection({
    codecs: { audio: [useOPUS()], video: [] },
    iceLite: true,
    iceServers: [],
    // Our addresses are listed, not gathered: no other interface may show up in an answer.
    iceUseIpv4: false,
    iceUseIpv6: false,
    iceAdditionalHostAddresses: [...options.addresses],
    iceInterfaceAddresses: bindAddresses(options.addresses),
    icePortRange: [...options.ports],
    bundlePolicy: 'max-bundle',
    maxMessageSize: MAX_CALL_EVENT_BYTES,
    iceFilterStunResponse: (message, address) => {
      heardAt = performance.now()
      if (message.attributesKeys.includes('USE-CANDIDATE')) followNomination(pc, address)
      return true
    },
  })

  pc.connectionStateChange.subscribe((state) => {
    if (closed) return
    if (state === 'failed' || state === 'closed') events.lost(`the connection is ${state}`)
  })
  pc.onDataChannel.subscribe((opened) => {
    // One channel a call; a caller may not make us keep others.
    if (channel || opened.label !== CALL_CHANNEL) return opened.close()
    channel = opened
    opened.onMessage.subscribe((data) => {
      heardAt = performance.now()
      if (closed) return
      if (typeof data === 'string') events.message(data)
      else events.bytes(data)
    })
    opened.stateChanged.subscribe((state) => {
      if (closed) return
      if (state === 'open') events.channelOpen()
      if (state === 'closed') events.lost('the caller closed the data channel')
    })
  })
  pc.onTrack.subscribe((track) => {
    if (track.kind !== 'audio') return
    track.onReceiveRtp.subscribe(({ header, payload }) => {
      heardAt = performance.now()
      if (closed) return
      source = header.ssrc
      events.audio({ sequence: header.sequenceNumber, timestamp: header.timestamp, payload })
    })
  })

  let sender: RTCRtpSender | undefined
  let receiver: RTCRtpReceiver | undefined
  const nack = offersNack(options.offer)
  const resends = new Resends()
  const canPlay = audioDirection(options.offer) === 'sendrecv'
  try {
    await pc.setRemoteDescription({ type: 'offer', sdp: withoutCandidates(options.offer) })
    const transceiver = pc.getTransceivers().find(({ kind }) => kind === 'audio')
    if (!transceiver) throw new BadOfferError('the offer has no usable audio section')
    receiver = transceiver.receiver
    boundResends(transceiver.sender, (lost) => (nack ? resends.take(lost) : []))
    if (canPlay) {
      transceiver.setDirection('sendrecv')
      await transceiver.sender.replaceTrack(new MediaStreamTrack({ kind: 'audio' }))
      sender = transceiver.sender
    } else {
      transceiver.setDirection('recvonly')
    }
    await pc.setLocalDescription(await pc.createAnswer())
    // Not the connection's own state: that waits for SCTP too, and for ever when the caller's SCTP was
    // heard before its Finished, which was lost and came later.
    for (const transport of pc.dtlsTransports) {
      transport.onStateChange.subscribe((state) => {
        const up = pc.dtlsTransports.every((each) => each.state === 'connected')
        if (!closed && state === 'connected' && up) events.connected()
      })
    }
  } catch (error) {
    closed = true
    await pc.close()
    if (error instanceof BadOfferError) throw error
    throw new BadOfferError('the offer cannot be answered', { cause: error })
  }
  const local = pc.localDescription?.sdp ?? ''
  if (!local.includes('a=candidate:')) {
    closed = true
    await pc.close()
    throw new Error(
      `no UDP port could be opened on ${options.addresses.join(', ')} in ${options.ports.join('-')}: ` +
        'is the address on this machine and is the range free?',
    )
  }

  const own = options.addresses.find(isIPv4)
  const { publicAddress } = options
  const offered =
    own === undefined || publicAddress === undefined
      ? local
      : withPublicAddress(local, own, publicAddress)

  return {
    answer: withOpusParameters(offered),
    canPlay,
    offersData: offersData(options.offer),
    play(packet, marker) {
      if (closed || !sender) return
      const header = new RtpHeader({
        sequenceNumber: packet.sequence,
        timestamp: packet.timestamp,
        marker,
      })
      resends.sent(packet.sequence)
      // A send that fails is a lost packet, which is what UDP promises anyway.
      sender.sendRtp(new RtpPacket(header, Buffer.from(packet.payload))).catch(() => undefined)
    },
    askAgain: nack
      ? (sequences) => {
          if (!closed && receiver && source !== undefined) sendNack(receiver, source, sequences)
        }
      : undefined,
    send(text) {
      if (closed || channel?.readyState !== 'open') return false
      channel.send(text)
      return true
    },
    heardAt: () => heardAt,
    async close() {
      if (closed) return
      closed = true
      await pc.close()
    },
  }
}

/** Sends one generic NACK (RFC 4585, 6.2.1) about the packets of a source. */
function sendNack(receiver: RTCRtpReceiver, source: number, sequences: readonly number[]): void {
  const feedback = new GenericNack({
    senderSsrc: receiver.rtcpSsrc,
    mediaSourceSsrc: source,
    lost: [...sequences],
  })
  const packet = new RtcpTransportLayerFeedback({ feedback })
  receiver.dtlsTransport.sendRtcp([packet]).catch(() => undefined)
}

/**
 * Lets a NACK of the caller have of the packets it names only those that `take` names. The library sends
 * again by itself whatever it still has, as often as it is told to and whether or not the offer spoke of it.
 */
function boundResends(
  sender: RTCRtpSender,
  take: (sequences: readonly number[]) => number[],
): void {
  const handle = sender.handleRtcpPacket.bind(sender)
  sender.handleRtcpPacket = (packet) => {
    if (packet instanceof RtcpTransportLayerFeedback && packet.feedback instanceof GenericNack) {
      packet.feedback.lost = take(packet.feedback.lost)
    }
    handle(packet)
  }
}

/**
 * Follows a caller that moves to another path (from TURN over TCP to UDP, say): the library keeps the
 * first pair that was ever nominated, we want the last.
 */
function followNomination(pc: RTCPeerConnection, [host, port]: readonly [string, number]): void {
  for (const { connection } of pc.iceTransports) {
    const remote = connection.nominated?.remoteCandidate
    if (remote && (remote.host !== host || remote.port !== port)) connection.resetNominatedPair()
  }
}

/** What sockets bind to: the address itself, so that replies leave from where checks came in. */
function bindAddresses(addresses: readonly string[]): { udp4?: string; udp6?: string } {
  const udp4 = addresses.find(isIPv4)
  const udp6 = addresses.find(isIPv6)
  return { ...(udp4 !== undefined && { udp4 }), ...(udp6 !== undefined && { udp6 }) }
}
