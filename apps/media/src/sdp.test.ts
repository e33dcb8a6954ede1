import { describe, expect, it } from 'vitest'
import {
  audioDirection,
  leavesDtlsToUs,
  offersData,
  offersNack,
  offersOpus,
  withOpusParameters,
  withoutCandidates,
  withPublicAddress,
} from './sdp.ts'

const SESSION = ['v=0', 'o=- 1 2 IN IP4 127.0.0.1', 's=-', 't=0 0', 'a=group:BUNDLE 0 1']
const AUDIO = [
  'm=audio 9 UDP/TLS/RTP/SAVPF 111 63 0',
  'c=IN IP4 0.0.0.0',
  'a=candidate:1 1 udp 2122260223 192.168.1.7 50000 typ host generation 0',
  'a=candidate:2 1 udp 2122194687 0f3c.local 50001 typ host',
  'a=end-of-candidates',
  'a=ice-ufrag:abcd',
  'a=mid:0',
  'a=sendrecv',
  'a=rtpmap:111 opus/48000/2',
  'a=rtcp-fb:111 transport-cc',
  'a=fmtp:111 minptime=10;useinbandfec=1',
  'a=rtpmap:63 red/48000/2',
  'a=fmtp:63 111/111',
  'a=rtpmap:0 PCMU/8000',
]
const DATA = ['m=application 9 UDP/DTLS/SCTP webrtc-datachannel', 'a=mid:1', 'a=sctp-port:5000']

describe.each([
  ['CRLF', '\r\n'],
  ['LF', '\n'],
])('with lines ended by %s', (_name, newline) => {
  const text = (...lines: string[]) => lines.map((line) => line + newline).join('')
  const offer = text(...SESSION, ...AUDIO, ...DATA)

  it('sees whether there is a place for a data channel', () => {
    expect(offersData(offer)).toBe(true)
    const rejected = offer.replace('m=application 9', 'm=application 0')
    expect(offersData(rejected)).toBe(false)
    // As Firefox offers it: on the transport of the audio.
    expect(offersData(`${rejected}a=bundle-only\r\n`)).toBe(true)
    expect(offersData(text(...SESSION, ...AUDIO))).toBe(false)
  })

  it('sees whether we may open DTLS', () => {
    expect(leavesDtlsToUs(offer)).toBe(true)
    expect(leavesDtlsToUs(`${offer}a=setup:actpass\r\n`)).toBe(true)
    expect(leavesDtlsToUs(`${offer}a=setup:active\r\n`)).toBe(false)
  })

  it('offers the address of a 1:1 NAT before the one that it stands for', () => {
    const candidates = withPublicAddress(offer, '192.168.1.7', '203.0.113.10')
      .split('\r\n')
      .filter((line) => line.startsWith('a=candidate:'))
    expect(candidates).toEqual([
      'a=candidate:public 1 udp 2122260223 203.0.113.10 50000 typ host generation 0',
      'a=candidate:1 1 udp 2122259967 192.168.1.7 50000 typ host generation 0',
      'a=candidate:2 1 udp 2122194687 0f3c.local 50001 typ host',
    ])
  })

  it('removes every candidate and nothing else', () => {
    const removed = withoutCandidates(offer)
    expect(removed).toBe(
      [...SESSION, ...AUDIO, ...DATA]
        .filter((line) => !/candidate/.test(line))
        .map((line) => `${line}\r\n`)
        .join(''),
    )
    expect(removed).not.toMatch(/candidate|\.local|192\.168/)
  })

  it('reads audio that is on the transport of another section', () => {
    const [, ...rest] = AUDIO
    const audio = ['m=audio 0 UDP/TLS/RTP/SAVPF 111 63 0', ...rest]
    expect(audioDirection(text(...SESSION, ...DATA, ...audio))).toBeUndefined()
    expect(audioDirection(text(...SESSION, ...DATA, ...audio, 'a=bundle-only'))).toBe('sendrecv')
  })

  it.each(['sendrecv', 'sendonly', 'recvonly', 'inactive'])(
    'reads that audio is %s',
    (direction) => {
      const audio = AUDIO.map((line) => (line === 'a=sendrecv' ? `a=${direction}` : line))
      expect(audioDirection(text(...SESSION, ...audio, ...DATA))).toBe(direction)
    },
  )

  it('reads a direction that the whole session has, and sendrecv where none is said', () => {
    const audio = AUDIO.filter((line) => line !== 'a=sendrecv')
    expect(audioDirection(text(...SESSION, 'a=sendonly', ...audio))).toBe('sendonly')
    expect(audioDirection(text(...SESSION, ...audio))).toBe('sendrecv')
  })

  it('does not take the direction of another section for that of audio', () => {
    const audio = AUDIO.map((line) => (line === 'a=sendrecv' ? 'a=sendonly' : line))
    const video = ['m=video 9 UDP/TLS/RTP/SAVPF 96', 'a=recvonly']
    expect(audioDirection(text(...SESSION, ...video, ...audio))).toBe('sendonly')
    expect(audioDirection(text(...SESSION, ...audio, ...video))).toBe('sendonly')
  })

  it('sees no audio where there is none, and none in a rejected section', () => {
    expect(audioDirection(text(...SESSION, ...DATA))).toBeUndefined()
    const rejected = AUDIO.map((line) => line.replace('m=audio 9', 'm=audio 0'))
    expect(audioDirection(text(...SESSION, ...rejected))).toBeUndefined()
    expect(audioDirection('')).toBeUndefined()
  })

  it('sees whether packets of Opus may be asked for again', () => {
    const withLine = (line: string) =>
      offersNack(text(...SESSION, ...DATA, ...AUDIO, line, 'm=video 9 x 96', 'a=rtcp-fb:96 nack'))
    expect(offersNack(offer)).toBe(false)
    expect(withLine('a=rtcp-fb:111 nack')).toBe(true)
    expect(withLine('a=rtcp-fb:* nack')).toBe(true)
    // For another codec; for key frames alone.
    expect(withLine('a=rtcp-fb:0 nack')).toBe(false)
    expect(withLine('a=rtcp-fb:111 nack pli')).toBe(false)
    expect(offersNack(text(...SESSION, ...DATA))).toBe(false)
  })

  it('sees Opus at 48 kHz, and does not take surround Opus for it', () => {
    expect(offersOpus(offer)).toBe(true)
    expect(offersOpus(text('m=audio 9 x 96', 'a=rtpmap:96 OPUS/48000/2'))).toBe(true)
    expect(offersOpus(text('m=audio 9 x 96', 'a=rtpmap:96 multiopus/48000/6'))).toBe(false)
    expect(offersOpus(text('m=audio 9 x 0', 'a=rtpmap:0 PCMU/8000'))).toBe(false)
  })

  it.each(['111', '96', '109'])('sets the Opus parameters at payload type %s', (payloadType) => {
    const lines = AUDIO.map((line) => line.replaceAll('111', payloadType))
    const answer = withOpusParameters(text(...lines)).split('\r\n')
    expect(answer.filter((line) => line.startsWith(`a=fmtp:${payloadType} `))).toEqual([
      `a=fmtp:${payloadType} minptime=10;useinbandfec=1;usedtx=1`,
    ])
    expect(answer).toContain(`a=fmtp:63 ${payloadType}/${payloadType}`)
    expect(answer).toHaveLength(lines.length + 1)
  })

  it('sets the parameters where there were none', () => {
    const lines = AUDIO.filter((line) => !line.startsWith('a=fmtp:111'))
    expect(withOpusParameters(text(...lines))).toContain(
      'a=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1;usedtx=1\r\n',
    )
  })

  it('leaves an answer without Opus as it is', () => {
    const other = text('m=audio 9 x 0', 'a=rtpmap:0 PCMU/8000')
    expect(withOpusParameters(other)).toBe(other)
  })
})
