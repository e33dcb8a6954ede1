import { describe, expect, it } from 'vitest'
import { REJOIN_ATTEMPTS, rejoinDelay } from './rejoin.ts'

describe('rejoinDelay', () => {
  it('goes up, ends, and never waits before the first attempt', () => {
    const delays = [1, 2, 3, 4, 5, 6].map((attempt) => rejoinDelay(attempt, 0))
    expect(delays).toEqual([0, 500, 1_000, 2_000, 4_000, undefined])
    expect(REJOIN_ATTEMPTS).toBe(5)
    expect(rejoinDelay(1, 1)).toBe(0)
  })

  it('adds up to a quarter by chance', () => {
    expect(rejoinDelay(5, 1)).toBe(5_000)
    expect(rejoinDelay(5, 0.5)).toBe(4_500)
  })
})
