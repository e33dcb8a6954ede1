/**
 * A synthetic caller for tests and benchmarks: the library's own full-ICE peer in the browser's place,
 * with real Opus, real DTLS and real UDP on loopback. It has no jitter buffer and no voice detector:
 * it sends the packets and marks it is told to and hands over what it receives.
 */
import {
  CALL_CHANNEL,
  MAX_CALL_EVENT_BYTES,
  parseNodeEvent,
  type CatchUp,
  type NodeEvent,
  type PageEvent,
} from '@earshot/protocol'
import {
  GenericNack,
  MediaStreamTrack,
  RTCPeerConnection,
  RtpHeader,
  RtpPacket,
  RtcpTransportLayerFeedback,
  useNACK,
  useOPUS,
  type RTCDataChannel,
  type Transport,
} from 'werift'

export interface CallerOptions {
  /** Gives the answer to the offer: by calling the node itself, or over HTTP. */
  readonly exchange: (offer: string) => Promise<string>
  /** Own address, IPv4. */
  readonly address: string
  /** Each packet of the reply: Opus payload, RTP header, and `performance.now()` on arrival. */
  readonly onAudio?: (payload: Buffer, header: RtpHeader, at: number) => void
  readonly onEvent?: (event: NodeEvent) => void
  /** False for an ordinary WHIP client: audio alone. */
  readonly channel?: boolean
  /** True for one that offers generic NACK for its audio. */
  readonly nack?: boolean
}

export interface Caller {
  /** Resolves when audio can flow and the data channel is open. */
  readonly connected: Promise<void>
  /** Sends one 20 ms Opus packet. */
  speak(payload: Uint8Array): void
  mark(type: Exclude<PageEvent['type'], 'call.catch-up'>): void
  /** Says what was heard and missed; `missed` are the mu-law bytes that the event announces, or others. */
  catchUp(event: Omit<CatchUp, 'type'>, missed?: Uint8Array): void
  /** Loses the path in both directions, as a changed network does: nobody is told. */
  cut(): void
  /** Lets the RTP timeline run on by `frames` without sending, as a sender with DTX does. */
  pause(frames: number): void
  /** Sends one NACK about packets of the reply, which has to have begun. */
  askAgain(sequences: readonly number[]): void
  /** Skips one sequence number: a lost packet. */
  lose(): void
  close(): Promise<void>
}

const FRAME = 960

export async function startCaller(options: CallerOptions): Promise<Caller> {
  const pc = new RTCPeerConnection({
    codecs: { audio: [useOPUS(options.nack ? { rtcpFeedback: [useNACK()] } : {})], video: [] },
    // Without a STUN server of its own the library asks a public one; nothing listens at this.
    iceServers: [{ urls: 'stun:127.0.0.1:9' }],
    iceStunGatherTimeout: 0.01,
    iceUseIpv4: false,
    iceUseIpv6: false,
    iceAdditionalHostAddresses: [options.address],
    iceInterfaceAddresses: { udp4: options.address },
    bundlePolicy: 'max-bundle',
  })
  const track = new MediaStreamTrack({ kind: 'audio' })
  const { sender, receiver } = pc.addTransceiver(track, { direction: 'sendrecv' })
  let source: number | undefined
  pc.onTrack.subscribe((remote) => {
    remote.onReceiveRtp.subscribe(({ payload, header }) => {
      source = header.ssrc
      options.onAudio?.(payload, header, performance.now())
    })
  })
  const channel = options.channel === false ? undefined : pc.createDataChannel(CALL_CHANNEL)
  const connected = Promise.all([channel && whenOpen(channel), whenConnected(pc)]).then(
    () => undefined,
  )
  connected.catch(() => undefined)
  channel?.onMessage.subscribe((data) => {
    const event = typeof data === 'string' ? parseNodeEvent(data) : undefined
    if (event) options.onEvent?.(event)
  })

  const offer = await pc.createOffer()
  const answer = await options.exchange(offer.sdp)
  await pc.setLocalDescription(offer)
  await pc.setRemoteDescription({ type: 'answer', sdp: answer })

  let sequence = 0
  let timestamp = 0
  return {
    connected,
    speak(payload) {
      const header = new RtpHeader({
        sequenceNumber: sequence & 0xffff,
        timestamp: timestamp >>> 0,
      })
      sequence++
      timestamp += FRAME
      sender.sendRtp(new RtpPacket(header, Buffer.from(payload))).catch(() => undefined)
    },
    mark: (type) =>
      channel?.send(JSON.stringify({ type, at: performance.now() } satisfies PageEvent)),
    catchUp(event, missed = new Uint8Array(0)) {
      channel?.send(JSON.stringify({ type: 'call.catch-up', ...event } satisfies PageEvent))
      for (let at = 0; at < missed.length; at += MAX_CALL_EVENT_BYTES) {
        channel?.send(Buffer.from(missed.subarray(at, at + MAX_CALL_EVENT_BYTES)))
      }
    },
    cut() {
      for (const { connection } of pc.iceTransports) {
        // The socket stays open and deaf, as behind a NAT that has forgotten us.
        const socket = connection.nominated?.protocol as { transport?: Transport } | undefined
        if (!socket?.transport) throw new Error('cannot cut a path that is not there')
        socket.transport.send = () => Promise.resolve()
        socket.transport.onData = () => undefined
      }
    },
    pause(frames) {
      timestamp += frames * FRAME
    },
    askAgain(sequences) {
      if (source === undefined) throw new Error('cannot ask for a packet before there was one')
      const feedback = new GenericNack({
        senderSsrc: receiver.rtcpSsrc,
        mediaSourceSsrc: source,
        lost: [...sequences],
      })
      const packet = new RtcpTransportLayerFeedback({ feedback })
      receiver.dtlsTransport.sendRtcp([packet]).catch(() => undefined)
    },
    lose() {
      sequence++
      timestamp += FRAME
    },
    close: () => pc.close(),
  }
}

function whenOpen(channel: RTCDataChannel): Promise<void> {
  return new Promise((resolve) => {
    channel.stateChanged.subscribe((state) => {
      if (state === 'open') resolve()
    })
  })
}

function whenConnected(pc: RTCPeerConnection): Promise<void> {
  return new Promise((resolve, reject) => {
    pc.connectionStateChange.subscribe((state) => {
      if (state === 'connected') resolve()
      if (state === 'failed' || state === 'closed')
        reject(new Error(`the caller's connection is ${state}`))
    })
  })
}
