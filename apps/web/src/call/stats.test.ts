import { describe, expect, it } from 'vitest'
import { callPath, samePath } from './stats.ts'

type Entry = { id: string; type: string } & Record<string, unknown>

function report(...entries: Entry[]): Map<string, unknown> {
  return new Map(entries.map((entry) => [entry.id, entry]))
}

// Recorded from Chromium 156, relay only; what is not read is left out.
const chromium = (local: Record<string, unknown>) =>
  report(
    {
      id: 'CPCRLCCZhO_fjAS4QD7',
      type: 'candidate-pair',
      state: 'succeeded',
      nominated: true,
      writable: true,
      localCandidateId: 'ICRLCCZhO',
      remoteCandidateId: 'IfjAS4QD7',
      currentRoundTripTime: 0.023,
      requestsSent: 4,
    },
    {
      id: 'ICRLCCZhO',
      type: 'local-candidate',
      address: '192.0.2.2',
      protocol: 'udp',
      networkType: 'ethernet',
      ...local,
    },
    {
      id: 'IfjAS4QD7',
      type: 'remote-candidate',
      candidateType: 'host',
      protocol: 'udp',
    },
    {
      id: 'IT01A2723079393',
      type: 'inbound-rtp',
      kind: 'audio',
      packetsLost: 25,
      packetsReceived: 75,
    },
    { id: 'T01', type: 'transport', selectedCandidatePairId: 'CPCRLCCZhO_fjAS4QD7' },
  )

// Recorded from Firefox 153: no `url` on the candidate, and `selected` on the pair.
const firefox = (transport: Record<string, unknown>, local: Record<string, unknown>) =>
  report(
    { id: 'a9b2a461', type: 'inbound-rtp', kind: 'audio', packetsLost: 0, packetsReceived: 99 },
    {
      id: '0f38005b',
      type: 'candidate-pair',
      state: 'succeeded',
      nominated: false,
      selected: false,
      localCandidateId: 'nobody',
    },
    {
      id: '8f38005a',
      type: 'candidate-pair',
      state: 'succeeded',
      nominated: true,
      selected: true,
      readable: true,
      localCandidateId: 'c603ae0f',
      remoteCandidateId: '4ca2d4a8',
      currentRoundTripTime: 0.001,
    },
    {
      id: 'c603ae0f',
      type: 'local-candidate',
      protocol: 'udp',
      ...local,
    },
    { id: '14a80a2f', type: 'transport', iceState: 'connected', ...transport },
  )

describe('callPath', () => {
  it.each([
    [{ relayProtocol: 'udp', url: 'turn:t:3478?transport=udp' }, 'udp'],
    [{ relayProtocol: 'tcp', url: 'turn:t:3478?transport=tcp' }, 'tcp'],
    [{ relayProtocol: 'tls', url: 'turns:t:443?transport=tcp' }, 'tls'],
    [{ url: 'turn:t:3478?transport=udp' }, 'udp'],
    [{ url: 'turn:t:3478?transport=tcp' }, 'tcp'],
    [{ url: 'turns:t:443?transport=tcp' }, 'tls'],
  ])('reads Chromium’s relay %o as %s', (local, transport) => {
    expect(callPath(chromium({ candidateType: 'relay', ...local }))).toEqual({
      via: 'relay',
      transport,
      rttMs: 23,
      loss: 0.25,
    })
  })

  it.each(['host', 'srflx', 'prflx'])(
    'reads Chromium’s %s candidate as direct',
    (candidateType) => {
      expect(callPath(chromium({ candidateType }))).toMatchObject({
        via: 'direct',
        transport: 'udp',
      })
    },
  )

  it('reads a direct path over TCP', () => {
    const local = { candidateType: 'host', protocol: 'tcp' }
    expect(callPath(chromium(local))).toMatchObject({ via: 'direct', transport: 'tcp' })
  })

  it.each(['udp', 'tcp', 'tls'])('reads Firefox’s relay over %s', (relayProtocol) => {
    const local = { candidateType: 'relay', relayProtocol }
    expect(callPath(firefox({ selectedCandidatePairId: '8f38005a' }, local))).toEqual({
      via: 'relay',
      transport: relayProtocol,
      rttMs: 1,
      loss: 0,
    })
  })

  it('finds the pair of a Firefox whose transport does not name it', () => {
    const local = { candidateType: 'host' }
    expect(callPath(firefox({}, local))).toMatchObject({ via: 'direct', rttMs: 1 })
  })

  it('knows no path before there is one', () => {
    expect(callPath(report())).toBeUndefined()
    expect(callPath(report({ id: 'T', type: 'transport' }))).toBeUndefined()
  })
})

describe('samePath', () => {
  const path = { via: 'relay', transport: 'udp', rttMs: 20, loss: 0.011 } as const
  it('goes by what is shown', () => {
    expect(samePath(path, { ...path, loss: 0.012 })).toBe(true)
    expect(samePath(path, { ...path, loss: 0.02 })).toBe(false)
    expect(samePath(path, { ...path, rttMs: 21 })).toBe(false)
    expect(samePath(path, { ...path, transport: 'tls' })).toBe(false)
    expect(samePath(path, undefined)).toBe(false)
  })
})
