import { describe, expect, it } from 'vitest'
import { networkName, networkPrefix } from './network.ts'

const SECRET = 'R3ZtLq8cVn1xKd0YbWf5uHs7Jp2Ta9Ei'

describe('networkPrefix', () => {
  it.each([
    ['192.0.2.7', '192.0.2.0/24'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1::/48'],
    ['2001:0DB8:0001::', '2001:db8:1::/48'],
    ['2001:db8::1', '2001:db8:0::/48'],
    ['::1', '0:0:0::/48'],
    ['::', '0:0:0::/48'],
    ['1::2:3:4:5:6:7', '1:0:2::/48'],
    ['64:ff9b::192.0.2.33', '64:ff9b:0::/48'],
    ['::ffff:192.0.2.7', '192.0.2.0/24'],
    ['::FFFF:c000:0207', '192.0.2.0/24'],
  ])('of %s is %s', (address, prefix) => {
    expect(networkPrefix(address)).toBe(prefix)
  })

  it.each([
    '',
    'unknown',
    '192.0.2',
    '192.0.2.256',
    '192.0.2.7.1',
    '192.0..7',
    '0x7f.0.0.1',
    ':',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4::5:6:7:8',
    '12345::',
    'fe80::1%eth0',
    '::192.0.2.7:1',
    '::g',
  ])('of "%s" is none', (address) => {
    expect(networkPrefix(address)).toBeUndefined()
  })
})

describe('networkName', () => {
  it('is the same throughout a network and differs in the next', async () => {
    const name = await networkName(SECRET, '192.0.2.7')
    expect(name).toMatch(/^[A-Za-z0-9_-]{16}$/)
    expect(await networkName(SECRET, '192.0.2.200')).toBe(name)
    expect(await networkName(SECRET, '192.0.3.7')).not.toBe(name)
    const wide = await networkName(SECRET, '2001:db8:1::1')
    expect(await networkName(SECRET, '2001:DB8:1:ffff::2')).toBe(wide)
    expect(await networkName(SECRET, '2001:db8:2::1')).not.toBe(wide)
  })

  it('takes the secret to make', async () => {
    const other = `${SECRET.slice(1)}x`
    expect(await networkName(other, '192.0.2.7')).not.toBe(await networkName(SECRET, '192.0.2.7'))
  })

  // printf 'network:192.0.2.0/24' | openssl dgst -sha256 -hmac "$SECRET" -binary | base64
  it('is what openssl makes of the same', async () => {
    expect(await networkName(SECRET, '192.0.2.7')).toBe('IVChKSdRLvej1FO-')
  })

  it('is none where the address is not known', async () => {
    expect(await networkName(SECRET, undefined)).toBeUndefined()
    expect(await networkName(SECRET, 'unknown')).toBeUndefined()
  })
})
