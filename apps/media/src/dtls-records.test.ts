/**
 * The numbers of DTLS records. One that occurs twice is dropped as a replay, and under AES-GCM it is a
 * nonce that occurs twice. The library is patched for it (`patches/`), at both ends here: the node is the
 * DTLS client, the caller the server.
 */
import { afterEach, describe, expect, it, vi } from 'vitest'
import { startCaller } from '../testing/caller.ts'
import {
  startUdpRelay,
  type DtlsDatagram,
  type DtlsRecord,
  type End,
} from '../testing/udp-relay.ts'
import { answerOffer, type Peer } from './peer.ts'

const [CHANGE_CIPHER_SPEC, HANDSHAKE] = [20, 22]
const MESSAGES = 20

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
})

it('sends the last flight of the node as one datagram', async () => {
  const datagrams = await call()
  const last = datagrams.filter(({ from, records }) => from === 'node' && isLast(records))
  expect(last).toHaveLength(1)
  // Certificate, key exchange and proof of the certificate; the new cipher; Finished.
  const types = [HANDSHAKE, HANDSHAKE, HANDSHAKE, CHANGE_CIPHER_SPEC, HANDSHAKE]
  expect(last[0]?.records.map(({ type }) => type)).toEqual(types)
  // A relay's header comes on top; not to be fragmented on the way.
  expect(last[0]?.bytes).toBeLessThan(1_200)
})

describe('numbers every record once', () => {
  it('in a call without loss', async () => {
    expectNumberedOnce(await call())
  })

  it.each([1, 2])('when the last flight of the node is lost, %i times', async (times) => {
    const datagrams = await call(lastOf('node', times))
    expectNumberedOnce(datagrams)
    expect(lostOf(datagrams)).toBe(times)
  })

  it('when the last flight of the caller is lost, which is sent again for that of the node', async () => {
    // ChangeCipherSpec and Finished, a datagram each.
    const datagrams = await call(lastOf('caller', 2))
    expectNumberedOnce(datagrams)
    expect(lostOf(datagrams)).toBe(2)
  })
})

/** The DTLS of a call that is connected and in which all that the node said was heard. */
async function call(
  lose?: (from: End, records: readonly DtlsRecord[]) => boolean,
): Promise<readonly DtlsDatagram[]> {
  const relay = await startUdpRelay(lose)
  closers.push(() => relay.close())
  let peer: Peer | undefined
  closers.push(async () => peer?.close())
  const connected = vi.fn<() => void>()
  const opened = vi.fn<() => void>()
  const heard: unknown[] = []
  const caller = await startCaller({
    address: '127.0.0.1',
    async exchange(offer) {
      peer = await answerOffer({
        offer,
        addresses: ['127.77.0.50'],
        ports: [45_000, 45_099],
        events: {
          connected,
          channelOpen: opened,
          lost: () => undefined,
          audio: () => undefined,
          message: () => undefined,
          bytes: () => undefined,
        },
      })
      return relay.through(peer.answer)
    },
    onEvent: (event) => heard.push(event.type === 'output' ? event.data : event),
  })
  closers.push(() => caller.close())
  // For this each end needs the other's Finished; the library opens the channel without.
  await caller.connected
  await vi.waitFor(() => expect(connected).toHaveBeenCalled(), 8_000)
  await vi.waitFor(() => expect(opened).toHaveBeenCalled(), 8_000)
  const said = Array.from({ length: MESSAGES }, (_, at) => at)
  for (const data of said) peer?.send(JSON.stringify({ type: 'output', data }))
  await vi.waitFor(() => expect(heard).toEqual(said), 8_000)
  return [...relay.datagrams]
}

/** Loses the first `count` datagrams of the last flight of an end. */
function lastOf(end: End, count: number) {
  let left = count
  return (from: End, records: readonly DtlsRecord[]): boolean =>
    from === end && isLast(records) && left-- > 0
}

/** Is there something of the last flight of an end in it, ChangeCipherSpec or Finished? */
function isLast(records: readonly DtlsRecord[]): boolean {
  return records.some(
    ({ type, epoch }) => type === CHANGE_CIPHER_SPEC || (type === HANDSHAKE && epoch > 0),
  )
}

function lostOf(datagrams: readonly DtlsDatagram[]): number {
  return datagrams.filter(({ lost }) => lost).length
}

function expectNumberedOnce(datagrams: readonly DtlsDatagram[]): void {
  for (const end of ['node', 'caller']) {
    const sent = datagrams.flatMap(({ from, records }) => (from === end ? records : []))
    const numbers = sent.map(({ epoch, sequence }) => `${end} ${epoch} ${sequence}`)
    expect(numbers.filter((number, at) => numbers.indexOf(number) < at)).toEqual([])
    // Under the key they are 0, 1, 2 and so on, from Finished on.
    const keyed = sent.filter(({ epoch }) => epoch === 1).map(({ sequence }) => sequence)
    expect(keyed.length).toBeGreaterThan(end === 'node' ? MESSAGES : 1)
    expect(keyed.toSorted((a, b) => a - b)).toEqual(keyed.map((_, at) => at))
  }
}
