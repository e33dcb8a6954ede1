import type { Joined } from '@earshot/protocol'
import { describe, expect, it } from 'vitest'
import { startCall } from './call.ts'
import { created, fakeCall, type FakePeer, JOINED, liveCall, reopen, settle } from './testing.ts'

const UDP = 'turn:t.example:3478?transport=udp'
const TCP = 'turn:t.example:3478?transport=tcp'
const TLS = 'turns:t.example:443?transport=tcp'

function offering(iceTransportPolicy: 'relay' | 'all' = 'relay'): Joined {
  const iceServers = [{ urls: [UDP, TCP, TLS], username: 'u', credential: 'c' }]
  return { ...JOINED, network: 'home', configuration: { iceServers, iceTransportPolicy } }
}

/** A call on the network `home`, where `ways` are remembered. */
function callAt(ways: [string, 'udp' | 'tcp' | 'tls'][], joined = offering()) {
  const fake = fakeCall()
  for (const [network, way] of ways) fake.ways.set(network, way)
  fake.world.answer = async () => created(joined)
  return { ...fake, call: startCall(fake.ports, fake.news) }
}

function urlsOf(peer: FakePeer | undefined): string[] | undefined {
  return peer?.accepted?.configuration.iceServers.flatMap(({ urls }) => urls)
}

/** The path of the call, as the browser reports it. */
function pathBy(relayProtocol: string, candidateType = 'relay'): RTCStatsReport {
  return new Map<string, unknown>([
    [
      'pair',
      { type: 'candidate-pair', state: 'succeeded', nominated: true, localCandidateId: 'own' },
    ],
    ['own', { type: 'local-candidate', candidateType, relayProtocol }],
  ])
}

async function open(fake: ReturnType<typeof callAt>): Promise<void> {
  await settle()
  fake.peer().tell({ type: 'open' })
  const ready = { type: 'call.ready', version: 2, handler: 'echo', mode: 'turns', keepAliveMs: 100 }
  fake.peer().tell({ type: 'message', text: JSON.stringify(ready) })
  await fake.clock.pass(150)
}

describe('the servers that a call uses', () => {
  it.each<[string, [string, 'udp' | 'tls'][], string[]]>([
    ['all, where nothing is remembered', [], [UDP, TCP, TLS]],
    ['all, on another network', [['work', 'tls']], [UDP, TCP, TLS]],
    ['those that worked, and one beside', [['home', 'tls']], [TLS, UDP]],
  ])('are %s', async (_, ways, urls) => {
    const fake = callAt(ways)
    await settle()
    expect(urlsOf(fake.peer())).toEqual(urls)
  })

  it('are remembered by the path that the call takes', async () => {
    const fake = callAt([])
    await settle()
    fake.peer().report = pathBy('tls')
    await open(fake)
    expect([...fake.ways]).toEqual([['home', 'tls']])
    fake.peer().report = pathBy('udp')
    await fake.clock.pass(150)
    expect([...fake.ways]).toEqual([['home', 'udp']])
  })

  it('are not remembered of a direct path', async () => {
    const fake = callAt([], offering('all'))
    await settle()
    fake.peer().report = pathBy('udp', 'host')
    await open(fake)
    expect([...fake.ways]).toEqual([])
  })
})

describe('a memory that is out of date', () => {
  it('costs the person no failure: the next attempt has all servers', async () => {
    const fake = callAt([['home', 'tls']])
    await settle()
    await fake.clock.pass(4_000)
    expect(fake.peers.map(urlsOf)).toEqual([
      [TLS, UDP],
      [UDP, TCP, TLS],
    ])
    fake.peer().report = pathBy('udp')
    await open(fake)
    expect(fake.state()?.status).toBe('live')
    expect([...fake.ways]).toEqual([['home', 'udp']])
  })

  it('is forgotten when nothing else works either', async () => {
    const fake = callAt([['home', 'tls']])
    await settle()
    await fake.clock.pass(20_000)
    expect(fake.state()).toMatchObject({ status: 'failed', failure: { code: 'relay-unreachable' } })
    expect([...fake.ways]).toEqual([])
  })

  it('is forgotten in a rejoin, whose next attempt has all', async () => {
    const fake = await liveCall()
    fake.ways.set('home', 'udp')
    fake.world.answer = async () => created(offering())
    fake.peer().tell({ type: 'closed' })
    await fake.clock.pass(2_500)
    reopen(fake)
    const [, second] = fake.peers
    await fake.clock.pass(500)
    expect(fake.state()?.status).toBe('live')
    expect(urlsOf(second)).toEqual([UDP, TLS])
    expect([...fake.ways]).toEqual([])
  })

  it('is kept when the microphone was the failure', async () => {
    const fake = fakeCall()
    fake.ways.set('home', 'tls')
    fake.world.granted = true
    fake.world.answer = async () => created(offering())
    fake.world.openMic = () => Promise.reject(new DOMException('taken', 'NotReadableError'))
    startCall(fake.ports, fake.news)
    await settle()
    expect(fake.state()?.status).toBe('failed')
    expect([...fake.ways]).toEqual([['home', 'tls']])
  })
})
