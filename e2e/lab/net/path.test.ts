import { describe, expect, it } from 'vitest'
import { EDGE, VM } from './addresses.ts'
import { describeLab, pings } from './describe-lab.ts'
import { laneShapes, mtuOf, wayOf } from './path.ts'

const PING = 'ping -n -c 3 -i 0.1 -W 0.5 -M do'

describe('a path', () => {
  it('takes a plain cable when there is nothing to shape', () => {
    expect(wayOf({})).toBe('plain')
    expect(wayOf({ mtu: { bytes: 1280, dropIcmp: true } })).toBe('plain')
    expect(wayOf({ rttMs: 50 })).toBe('shaped')
    expect(wayOf({ duplicate: 0.1 })).toBe('shaped')
  })

  it('puts half of its round trip on each lane, and the loss where it belongs', () => {
    const { up, down } = laneShapes({ rttMs: 50, loss: { up: 0.2, down: 0.05, burstPackets: 4 } })
    expect(up).toMatchObject({ delayMs: 25, lossShare: 0.2, burstPackets: 4 })
    expect(down).toMatchObject({ delayMs: 25, lossShare: 0.05, burstPackets: 4 })
  })

  it('refuses what cannot be', () => {
    expect(() => laneShapes({ loss: { up: 2, down: 0 } })).toThrow(RangeError)
    expect(() => laneShapes({ rttMs: -1 })).toThrow(RangeError)
    expect(() => mtuOf({ mtu: { bytes: 576, dropIcmp: false } })).toThrow(RangeError)
  })
})

describeLab('the path, measured', { name: 'path', caller: { addressing: 'dual' } }, (lab) => {
  it.each([50, 150, 300])('adds %i ms to a round trip, and hardly more', async (rttMs) => {
    await lab().shape({ rttMs })
    const trips = await pings(lab(), 'caller', VM.v4, { count: 20 })
    expect(trips).toHaveLength(20)
    const median = trips.toSorted((a, b) => a - b)[10] ?? 0
    expect(median).toBeGreaterThan(rttMs)
    expect(median).toBeLessThan(rttMs + 15)
    expect(await pings(lab(), 'caller', VM.v6)).toHaveLength(1)
  })

  it('loses the share it is told to, in one direction', async () => {
    await lab().shape({ loss: { up: 0.2, down: 0 } })
    const answered = await pings(lab(), 'caller', VM.v4, { count: 500, everyMs: 2 })
    expect(answered.length).toBeGreaterThan(350)
    expect(answered.length).toBeLessThan(450)
  })

  it('delivers packets twice', async () => {
    await lab().shape({ duplicate: 1 })
    // Each way repeats: four answers to a request.
    expect(await pings(lab(), 'caller', VM.v4, { count: 3 })).not.toHaveLength(3)
  })

  it('is no faster than its rate', async () => {
    await lab().shape({ rateKbit: 64 })
    // 1,042 bytes at 64 kbit/s: 130 ms each way.
    const [trip = 0] = await pings(lab(), 'caller', VM.v4, { bytes: 1000 })
    expect(trip).toBeGreaterThan(255)
    expect(trip).toBeLessThan(330)
  })

  it('is a black hole for packets above its MTU when nobody may say so', async () => {
    const large = async (address: string): Promise<number> => {
      const { stdout } = await lab().run('caller', `${PING} -s 1300 ${address}`.split(' '))
      return [...stdout.matchAll(/ time=/g)].length
    }
    await lab().shape({})
    expect(await large(VM.v4)).toBe(3)
    await lab().shape({ rttMs: 10, mtu: { bytes: 1280, dropIcmp: true } })
    expect(await large(VM.v4)).toBe(0)
    expect(await large(VM.v6)).toBe(0)
    expect(await pings(lab(), 'caller', VM.v4, { bytes: 1200 })).toHaveLength(1)
    // The same from the other side.
    expect(await pings(lab(), 'vm', '192.0.2.10', { bytes: 1200 })).toHaveLength(1)
    expect(await pings(lab(), 'edge', '192.0.2.10', { bytes: 1400, timeoutS: 0.5 })).toEqual([])
    const told = await lab().run('caller', ['ip', 'route', 'get', EDGE.v4])
    expect(told.stdout).not.toContain('mtu')
  })

  it.each([EDGE.v4, EDGE.v6])('tells a sender of its MTU otherwise: %s', async (address) => {
    const route = async (): Promise<string> =>
      (await lab().run('caller', ['ip', 'route', 'get', address])).stdout
    await lab().shape({ mtu: { bytes: 1280, dropIcmp: false } })
    const { stdout, stderr } = await lab().run('caller', `${PING} -s 1300 ${address}`.split(' '))
    expect(`${stdout}${stderr}`).toMatch(/mtu ?[=:] ?1280/)
    expect(await route()).toContain('mtu 1280')
    // A later path is not judged by an earlier one.
    await lab().shape({})
    expect(await route()).not.toContain('mtu 1280')
  })

  it('can be cut in silence, and restored', async () => {
    await lab().shape({ rttMs: 20 })
    await lab().cut()
    const { stdout } = await lab().run('caller', `${PING} ${VM.v4}`.split(' '))
    expect(stdout).toMatch(/ 0 received/)
    expect(stdout).not.toMatch(/errors|Unreachable/)
    await lab().restore()
    expect(await pings(lab(), 'caller', VM.v4)).toHaveLength(1)
  })
})
