import { describe, expect, it } from 'vitest'
import { FRAME_MS } from './clock.ts'
import { Ticker, type TickerClock } from './ticker.ts'

const never = (error: unknown) => expect.fail(String(error))

describe('the schedule', () => {
  it('does not drift over 10,000 ticks whose wake-ups all come late', () => {
    const { clock, ticker } = setUp()
    let ticks = 0
    ticker.subscribe(() => ticks++, never)
    let jitter = 0
    for (; clock.now() < 10_000 * FRAME_MS; jitter = (jitter + 3.7) % 9) clock.wake(jitter)
    expect(Math.abs(ticks - 10_000)).toBeLessThanOrEqual(1)
  })

  it('calls each of many subscribers once a frame', () => {
    const { clock, ticker } = setUp()
    const counts = Array.from({ length: 10 }, () => 0)
    for (const i of counts.keys()) ticker.subscribe(() => counts[i]!++, never)
    while (clock.now() < 100 * FRAME_MS) clock.wake()
    for (const count of counts) expect(Math.abs(count - 100)).toBeLessThanOrEqual(1)
  })

  it('spreads calls over the frame', () => {
    const { clock, ticker } = setUp()
    const at = new Set<number>()
    for (let i = 0; i < 8; i++) ticker.subscribe(() => at.add(clock.now() % FRAME_MS), never)
    while (clock.now() < 10 * FRAME_MS) clock.wake()
    expect(at.size).toBe(4)
  })
})

describe('a late wake-up', () => {
  it('is caught up', () => {
    const { clock, ticker } = setUp()
    let ticks = 0
    ticker.subscribe(() => ticks++, never)
    clock.wake()
    clock.wake(70)
    const caughtUp = ticks
    while (clock.now() < 200) clock.wake()
    expect(caughtUp).toBe(4)
    expect(ticks).toBe(10)
  })

  it('of seconds costs five ticks and not a hundred, and the schedule goes on from now', () => {
    const { clock, ticker } = setUp()
    let ticks = 0
    ticker.subscribe(() => ticks++, never)
    clock.wake(3_000)
    expect(ticks).toBe(5)
    const from = clock.now()
    while (clock.now() < from + 1_000) clock.wake()
    expect(Math.abs(ticks - 5 - 50)).toBeLessThanOrEqual(1)
  })

  it('is told in ms, for every tick it delayed', () => {
    const { clock, ticker, late } = setUp()
    ticker.subscribe(() => undefined, never)
    clock.wake()
    expect(late).toEqual([0])
    while (clock.now() < 20) clock.wake()
    // Due at 25 and 45; it is 52.
    clock.wake(27)
    expect(late).toEqual([0, 27, 7])
  })
})

describe('a subscriber', () => {
  it('may leave inside its own tick, and others inside theirs', () => {
    const { clock, ticker } = setUp()
    const counts = [0, 0]
    const leave = [
      ticker.subscribe(() => {
        counts[0]!++
        leave[0]?.()
        leave[0]?.()
      }, never),
      ticker.subscribe(() => counts[1]!++, never),
    ]
    while (clock.now() < 10 * FRAME_MS) clock.wake()
    expect(counts[0]).toBe(1)
    expect(counts[1]).toBeGreaterThanOrEqual(9)
  })

  it('that throws is told so and dropped, and the others keep their time', () => {
    const { clock, ticker } = setUp()
    const failures: unknown[] = []
    const counts = Array.from({ length: 8 }, () => 0)
    for (const i of counts.keys()) {
      ticker.subscribe(
        () => {
          counts[i]!++
          if (i === 4) throw new Error('broken call')
        },
        (error) => failures.push(error),
      )
    }
    while (clock.now() < 20 * FRAME_MS) clock.wake()
    expect(failures).toEqual([new Error('broken call')])
    expect(counts[4]).toBe(1)
    for (const [i, count] of counts.entries()) {
      if (i !== 4) expect(count).toBeGreaterThanOrEqual(19)
    }
  })
})

describe('the timer', () => {
  it('runs only while somebody listens', () => {
    const { clock, ticker } = setUp()
    expect(clock.armed()).toBe(0)
    const leave = [
      ticker.subscribe(() => undefined, never),
      ticker.subscribe(() => undefined, never),
    ]
    clock.wake()
    expect(clock.armed()).toBe(1)
    leave[0]?.()
    expect(clock.armed()).toBe(1)
    leave[1]?.()
    expect(clock.armed()).toBe(0)
  })

  it('stops when the last one leaves inside its tick, and when the last one throws', () => {
    const { clock, ticker } = setUp()
    const leave = ticker.subscribe(() => leave(), never)
    clock.wake()
    expect(clock.armed()).toBe(0)
    ticker.subscribe(
      () => {
        throw new Error('broken call')
      },
      () => undefined,
    )
    clock.wake()
    expect(clock.armed()).toBe(0)
  })

  it('is one timer when a call ends and another begins inside a tick', () => {
    const { clock, ticker } = setUp()
    let ticks = 0
    const leave = ticker.subscribe(() => {
      leave()
      ticker.subscribe(() => ticks++, never)
    }, never)
    clock.wake()
    expect(clock.armed()).toBe(1)
    const from = clock.now()
    while (clock.now() < from + 10 * FRAME_MS) clock.wake()
    expect(Math.abs(ticks - 10)).toBeLessThanOrEqual(1)
  })
})

/** Time that moves only when told to. It wakes exactly when asked, or as much later as the test says. */
function setUp() {
  let now = 0
  const timers = new Map<() => void, number>()
  const fake: TickerClock = {
    now: () => now,
    wakeAfter(ms, wake) {
      const timer = () => wake()
      timers.set(timer, now + ms)
      return () => timers.delete(timer)
    },
  }
  const late: number[] = []
  return {
    late,
    ticker: new Ticker((ms) => late.push(ms), fake),
    clock: {
      now: () => now,
      armed: () => timers.size,
      /** Runs the timer that is due next, `lateMs` late. */
      wake(lateMs = 0): void {
        const [next] = [...timers].toSorted((a, b) => a[1] - b[1])
        if (!next) throw new Error('no timer is armed')
        timers.delete(next[0])
        now = Math.max(now, next[1] + lateMs)
        next[0]()
      },
    },
  }
}
