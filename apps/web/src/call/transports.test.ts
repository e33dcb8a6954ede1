import type { IceConfiguration } from '@earshot/protocol'
import { describe, expect, it } from 'vitest'
import { preferring, readNetworks, withNetwork, withoutNetwork } from './transports.ts'

const DAY = 24 * 60 * 60 * 1000
const NOW = 100 * DAY
const UDP = 'turn:198.51.100.1:3478?transport=udp'
const UDP6 = 'turn:[2001:db8::1]:3478?transport=udp'
const TCP = 'turn:198.51.100.1:3478?transport=tcp'
const TLS = 'turns:relay.example:443?transport=tcp'

function offering(urls: string[], iceTransportPolicy: 'relay' | 'all' = 'relay'): IceConfiguration {
  return { iceServers: [{ urls, username: 'u', credential: 'c' }], iceTransportPolicy }
}

const urlsOf = ({ iceServers }: IceConfiguration) => iceServers.flatMap(({ urls }) => urls)

describe('the servers of a call', () => {
  it.each<['udp' | 'tcp' | 'tls', string[], string[]]>([
    ['udp', [UDP, TCP, TLS], [UDP, TLS]],
    ['udp', [UDP, TCP], [UDP, TCP]],
    ['tcp', [UDP, TCP, TLS], [TCP, UDP]],
    ['tls', [UDP, TCP, TLS], [TLS, UDP]],
    ['tls', [UDP, UDP6, TCP, TLS], [TLS, UDP, UDP6]],
    ['udp', [UDP, UDP6, TCP, TLS], [UDP, UDP6, TLS]],
    ['udp', [UDP], [UDP]],
    ['tls', [UDP, TCP], [UDP, TCP]],
  ])('where %s worked, of %j are %j', (transport, offered, wanted) => {
    expect(urlsOf(preferring(offering(offered), transport))).toEqual(wanted)
  })

  it('keep their credentials', () => {
    const { iceServers } = preferring(offering([UDP, TCP, TLS]), 'tls')
    for (const server of iceServers)
      expect(server).toMatchObject({ username: 'u', credential: 'c' })
  })

  it('are as they were where nothing is known, or where the relay is not all there is', () => {
    const all = offering([UDP, TCP, TLS])
    expect(preferring(all, undefined)).toBe(all)
    const direct = offering([UDP, TCP, TLS], 'all')
    expect(preferring(direct, 'udp')).toBe(direct)
  })
})

describe('what is remembered', () => {
  it('is one way a network, the newest first, eight at most', () => {
    let networks = withNetwork([], 'home', 'udp', NOW)
    networks = withNetwork(networks, 'work', 'tls', NOW + 1)
    networks = withNetwork(networks, 'home', 'tcp', NOW + 2)
    expect(networks).toEqual([
      { network: 'home', transport: 'tcp', at: NOW + 2 },
      { network: 'work', transport: 'tls', at: NOW + 1 },
    ])
    for (let i = 0; i < 8; i += 1) networks = withNetwork(networks, `train-${i}`, 'udp', NOW + 3)
    expect(networks).toHaveLength(8)
    expect(networks.some(({ network }) => network === 'home')).toBe(false)
  })

  it('is forgotten network by network', () => {
    const networks = withNetwork(withNetwork([], 'home', 'udp', NOW), 'work', 'tls', NOW)
    expect(withoutNetwork(networks, 'work')).toEqual(withNetwork([], 'home', 'udp', NOW))
  })

  it('survives being written down, for 30 days', () => {
    const networks = withNetwork(withNetwork([], 'home', 'udp', NOW - DAY), 'work', 'tls', NOW)
    const text = JSON.stringify(networks)
    expect(readNetworks(text, NOW)).toEqual(networks)
    expect(readNetworks(text, NOW + 29.5 * DAY)).toEqual(networks.slice(0, 1))
    expect(readNetworks(text, NOW + 31 * DAY)).toEqual([])
  })

  it.each([null, '', '{', 'null', '{}', '[1]', '[{"network":"home","transport":"pigeon","at":1}]'])(
    'is nothing when it cannot be read: %s',
    (text) => {
      expect(readNetworks(text, NOW)).toEqual([])
    },
  )
})
