import { describe, expect, it } from 'vitest'
import { OFFER } from './fake-node.ts'
import { dropUnresolvable, isToken, offerFaults, rateKey } from './guards.ts'

describe('offerFaults', () => {
  it('finds none in an offer', () => {
    expect(offerFaults(OFFER)).toEqual([])
    expect(offerFaults(OFFER.replaceAll('\r\n', '\n'))).toEqual([])
  })

  it.each([
    ['v=0', 'does not start with a v=0 line'],
    ['m=audio', 'has no m=audio line'],
    ['a=ice-ufrag:', 'has no a=ice-ufrag line'],
    ['a=ice-pwd:', 'has no a=ice-pwd line'],
    ['a=fingerprint:', 'has no a=fingerprint line'],
  ])('tells that %s is missing', (start, fault) => {
    const lines = OFFER.split('\r\n').filter((line) => !line.startsWith(start))
    expect(offerFaults(lines.join('\r\n'))).toEqual([fault])
  })

  it('tells all that is missing', () => {
    expect(offerFaults('hello')).toHaveLength(5)
  })

  it('refuses control characters, which would swell in a frame', () => {
    expect(offerFaults(`${OFFER}a=x:\u0000\r\n`)).toEqual(['has control characters'])
  })
})

describe('dropUnresolvable', () => {
  const host = 'a=candidate:1 1 udp 2122260223 192.0.2.7 50000 typ host\r\n'
  const mdns =
    'a=candidate:2 1 UDP 2122 3b1f0e6e-9c59-4a5e-8f4e-0e6f6a6c1d11.local 50001 typ host\r\n'

  it('drops candidates that have an mDNS name, and nothing else', () => {
    expect(dropUnresolvable(`${OFFER}${mdns}${host}${mdns.trimEnd()}`)).toBe(`${OFFER}${host}`)
    expect(dropUnresolvable(`a=x:a.local b\n${mdns}`)).toBe('a=x:a.local b\n')
  })
})

describe('rateKey', () => {
  it.each([
    ['192.0.2.7', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:DB8::1', '2001:db8:0:0::/64'],
    ['2001:db8:1:2::', '2001:db8:1:2::/64'],
    ['::1', '0:0:0:0::/64'],
    ['::ffff:192.0.2.7', '::ffff:192.0.2.7'],
    ['unknown', 'unknown'],
  ])('takes %s as %s', (address, key) => {
    expect(rateKey(address)).toBe(key)
  })
})

describe('isToken', () => {
  it('takes the token alone', async () => {
    expect(await isToken('right', 'right')).toBe(true)
    for (const wrong of ['', 'righ', 'right ', 'RIGHT', 'wrong']) {
      expect(await isToken(wrong, 'right')).toBe(false)
    }
  })
})
