import { describe, expect, it } from 'vitest'
import { LostPackets } from './lost-packets.ts'

/** A frame, in ms. */
const FRAME = 20

describe('a gap', () => {
  it('is asked for at once, and no other packet is', () => {
    const { come, asked, lost } = setUp()
    come([0, 1, 5, 6])
    expect(asked).toEqual([[2, 3, 4]])
    expect(lost.asked).toBe(3)
    expect([1, 2, 4, 5].map((sequence) => lost.has(sequence))).toEqual([false, true, true, false])
  })

  it('is asked for by numbers of 16 bits', () => {
    const { come, asked } = setUp()
    come([0x1_fffd, 0x2_0001])
    expect(asked).toEqual([[0xfffe, 0xffff, 0]])
  })

  it('of more than a second is a break: nothing is asked for', () => {
    const { come, asked } = setUp()
    come([0, 51])
    expect(asked).toEqual([Array.from({ length: 50 }, (_, i) => i + 1)])
    come([103])
    expect(asked).toHaveLength(1)
  })

  it('before a sender that starts over is not asked for', () => {
    const { come, asked, lost, pass } = setUp()
    come([0, 3])
    lost.clear()
    come([40])
    pass(400, 4)
    expect(asked).toEqual([[1, 2]])
  })

  it('is forgotten when nothing more can be asked for, however many come', () => {
    const { come, asked } = setUp()
    for (let i = 0; i < 1_000; i++) come([i * 40])
    expect(asked.flat().length).toBeLessThanOrEqual(100)
  })
})

describe('a packet that does not come', () => {
  it('is asked for once in a round trip, while an answer can be in time', () => {
    const { come, times, pass } = setUp({ rttMs: 50 })
    come([10, 12])
    const from = times.length - 1
    pass(2_000, 11)
    const at = times.slice(from).map((time) => time - (times[from] ?? 0))
    expect(at).toEqual([0, 80, 160])
  })

  it('is asked for five times at most', () => {
    const { come, asked, pass } = setUp({ rttMs: 5 })
    come([10, 12])
    const before = asked.length - 1
    pass(2_000, 11)
    expect(asked.length - before).toBe(5)
  })

  it('is asked for once when no answer can be in time', () => {
    const { come, asked, pass, lost } = setUp({ rttMs: 400 })
    come([10, 12])
    expect(lost.canCome(11, 400)).toBe(false)
    const before = asked.length
    pass(2_000, 11)
    expect(asked).toHaveLength(before)
  })

  it('is not asked for again when its place has been filled', () => {
    const { come, asked, pass } = setUp()
    come([0, 3])
    pass(140, 2)
    expect(asked).toEqual([[1, 2], [2]])
  })

  it.each([
    ['until 300 ms have passed', 100, 300],
    ['until one round trip after the last request', 5, 200],
  ])('can come %s', (_until, rttMs, untilMs) => {
    const { come, pass, canCome } = setUp({ rttMs })
    come([10, 12])
    pass(untilMs - FRAME, 11)
    expect(canCome(11)).toBe(true)
    pass(FRAME, 11)
    expect(canCome(11)).toBe(false)
  })
})

describe('a packet that comes', () => {
  it('is not asked for again, and known for two seconds, should it come twice', () => {
    const { come, asked, pass, lost } = setUp()
    come([0, 2, 1])
    pass(2_000, 3)
    expect(asked).toEqual([[1]])
    expect(lost.has(1)).toBe(true)
    pass(FRAME, 3)
    expect(lost.has(1)).toBe(false)
  })

  it('that was never asked for could always come: it is not known', () => {
    const { canCome } = setUp()
    expect(canCome(7)).toBe(false)
  })
})

it('follows a round trip that gets shorter at once, one that gets longer slowly', () => {
  const { come, asked, pass, answer } = setUp({ rttMs: 200 })
  answer(50)
  answer(50)
  answer(50)
  come([50, 52])
  pass(100, 51)
  expect(asked.slice(-2)).toEqual([[51], [51]])
  come([51])
  answer(200)
  come([80])
  come([82])
  const before = asked.length
  pass(100, 81)
  expect(asked).toHaveLength(before)
  pass(FRAME, 81)
  expect(asked.slice(before)).toEqual([[81]])
})

it('does not wait for a sender that answers nothing, until it does', () => {
  const { come, pass, canCome, answer } = setUp()
  const lose = (sequence: number) => {
    come([sequence - 1, sequence + 1])
    const waits = canCome(sequence)
    pass(400, sequence)
    return waits
  }
  const waits = Array.from({ length: 12 }, (_, i) => lose(10 + 2 * i))
  expect(waits.slice(0, 3)).toEqual([true, true, true])
  expect(waits.at(-1)).toBe(false)
  answer(50)
  expect(lose(40)).toBe(true)
})

/**
 * `come` brings packets now; `pass` lets time run, a frame at a time; `answer` loses a packet that is
 * answered so many ms later. `rttMs`: one such answer has come, to packet 1.
 */
function setUp({ rttMs }: { rttMs?: number } = {}) {
  let now = 0
  let highest = -1
  const asked: (readonly number[])[] = []
  const times: number[] = []
  const lost = new LostPackets((sequences) => {
    asked.push(sequences)
    times.push(now)
  })
  const come = (sequences: readonly number[]): void => {
    for (const sequence of sequences) {
      lost.arrived(sequence, now)
      highest = Math.max(highest, sequence)
    }
  }
  const pass = (ms: number, next: number): void => {
    for (const end = now + ms; now < end;) {
      now += FRAME
      lost.tick(next, now)
    }
  }
  const answer = (ms: number): void => {
    const missing = highest + 1
    come([missing + 1])
    now += ms
    come([missing])
  }
  if (rttMs !== undefined) {
    come([0])
    answer(rttMs)
    for (let i = 3; i <= 9; i++) come([i])
  }
  const canCome = (sequence: number) => lost.canCome(sequence, now)
  return { lost, come, pass, answer, canCome, asked, times }
}
