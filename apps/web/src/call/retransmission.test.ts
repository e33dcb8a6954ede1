import { describe, expect, it } from 'vitest'
import { setOffer, withRetransmission } from './retransmission.ts'

const lines = (...all: string[]) => all.map((line) => `${line}\r\n`).join('')
const BEFORE = ['v=0', 'm=audio 9 UDP/TLS/RTP/SAVPF 111 63', 'a=rtpmap:111 opus/48000/2']
const AFTER = [
  'a=rtcp-fb:111 transport-cc',
  'a=fmtp:111 minptime=10;useinbandfec=1',
  'a=rtpmap:63 red/48000/2',
  'a=fmtp:63 111/111',
]
const NACK = 'a=rtcp-fb:111 nack'
const OWN = lines(...BEFORE, ...AFTER)
const WITH = lines(...BEFORE, NACK, ...AFTER)

describe('an offer', () => {
  it('is given the line for its Opus, and nothing else is changed', () => {
    expect(withRetransmission(OWN)).toBe(WITH)
    const firefox = lines('m=audio 9 UDP/TLS/RTP/SAVPF 109', 'a=rtpmap:109 opus/48000/2')
    expect(withRetransmission(firefox)).toBe(`${firefox}a=rtcp-fb:109 nack\r\n`)
  })

  it('that has the line keeps it, once', () => {
    expect(withRetransmission(WITH)).toBe(WITH)
  })

  it('that asks for key frames alone is given the line', () => {
    const pli = OWN.replaceAll('transport-cc', 'nack pli')
    expect(withRetransmission(pli)).toBe(WITH.replaceAll('transport-cc', 'nack pli'))
  })

  it('without Opus is left alone', () => {
    const other = OWN.replaceAll('opus', 'L16')
    expect(withRetransmission(other)).toBe(other)
    expect(withRetransmission('')).toBe('')
  })
})

describe('a browser', () => {
  it('is given the offer with the line, and no other', async () => {
    const browser = fakeBrowser()
    await setOffer(browser, OWN)
    expect(browser.given).toEqual([{ type: 'offer', sdp: WITH }])
  })

  it('that takes none but its own offer is given that', async () => {
    const browser = fakeBrowser(WITH)
    await setOffer(browser, OWN)
    expect(browser.given.at(-1)).toEqual({ type: 'offer', sdp: OWN })
  })

  it('that takes neither says why', async () => {
    await expect(setOffer(fakeBrowser(WITH, OWN), OWN)).rejects.toThrow('no such offer')
  })
})

function fakeBrowser(...refused: string[]) {
  const given: unknown[] = []
  return {
    given,
    setLocalDescription(description?: RTCLocalSessionDescriptionInit): Promise<void> {
      given.push(description)
      return refused.includes(description?.sdp ?? '')
        ? Promise.reject(new Error('no such offer'))
        : Promise.resolve()
    },
  }
}
