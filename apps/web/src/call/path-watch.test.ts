import { describe, expect, it } from 'vitest'
import { silenceLimit, watchPackets } from './path-watch.ts'
import { FakeClock, settle } from './testing.ts'

/** A path on which `packets` have come so far. */
function watched() {
  const clock = new FakeClock()
  const life = new AbortController()
  const silences: number[] = []
  const path = { packets: 0 }
  const stats = async () =>
    new Map([['in', { type: 'inbound-rtp', packetsReceived: path.packets, packetsLost: 0 }]])
  const watch = watchPackets(clock, stats, life.signal, {
    onLook: () => {},
    onSilent: (ms) => silences.push(ms),
  })
  return {
    clock,
    life,
    silences,
    path,
    watch,
    pass: async (ms: number, packetsEach: number): Promise<void> => {
      for (let passed = 0; passed < ms; passed += 80) {
        path.packets += packetsEach
        await clock.pass(80)
        await settle()
      }
    },
  }
}

describe('a watched path', () => {
  it('is silent when nothing has come for 400 ms, and that is told once', async () => {
    const { pass, silences } = watched()
    await pass(3_000, 1)
    expect(silences).toEqual([])
    await pass(320, 0)
    expect(silences).toEqual([])
    await pass(3_000, 0)
    expect(silences).toHaveLength(1)
    expect(silences[0]).toBeGreaterThanOrEqual(400)
    expect(silences[0]).toBeLessThan(600)
  })

  it('is given more time once it has been silent and come back', async () => {
    const { pass, silences } = watched()
    await pass(1_500, 1)
    await pass(320, 0)
    await pass(80, 1)
    await pass(880, 0)
    expect(silences).toEqual([])
    await pass(320, 0)
    expect(silences).toHaveLength(1)
  })

  it('may take its time to begin, which is not held for its ways', async () => {
    const { pass, silences } = watched()
    await pass(1_600, 0)
    expect(silences).toEqual([])
    await pass(800, 1)
    await pass(480, 0)
    expect(silences).toHaveLength(1)
  })

  it('is silent when nothing comes at all', async () => {
    const { pass, silences } = watched()
    await pass(6_000, 0)
    expect(silences).toHaveLength(1)
  })

  it('is given less time when the network has changed, for a while', async () => {
    const { pass, watch, silences } = watched()
    await pass(900, 1)
    watch.suspect()
    await pass(160, 0)
    expect(silences).toEqual([])
    await pass(3_000, 1)
    await pass(320, 0)
    expect(silences).toEqual([])
    await pass(80, 1)
    watch.suspect()
    await pass(320, 0)
    expect(silences).toHaveLength(1)
  })

  it('is not silent while the browser holds up the looks at it', async () => {
    const { pass, clock, silences } = watched()
    await pass(900, 1)
    for (let i = 0; i < 5; i += 1) {
      await clock.skip(2_000)
    }
    expect(silences).toEqual([])
    await pass(1_050, 0)
    expect(silences).toHaveLength(1)
  })

  it('is left alone when the call is over', async () => {
    const { pass, life, silences } = watched()
    await pass(300, 1)
    life.abort()
    await pass(3_000, 0)
    expect(silences).toEqual([])
  })

  it('is never given more than five seconds', () => {
    const limits = [0, 200, 400, 5_000].map((longest) => silenceLimit(longest))
    expect(limits).toEqual([400, 500, 1_000, 5_000])
  })

  it('is given the time that TCP takes to send again, and more where connections fall and fall', () => {
    expect(silenceLimit(0, 'tls')).toBe(2_000)
    expect(silenceLimit(0, 'tcp', 2)).toBe(4_000)
    expect(silenceLimit(0, 'udp', 3)).toBe(1_200)
    expect(silenceLimit(0, 'tcp', 9)).toBe(5_000)
  })
})
