import { describe, expect, it } from 'vitest'
import { REJOIN_MS, rejoinDelay, rejoinLimits } from './rejoin.ts'

describe('rejoinDelay', () => {
  it('is none at first, short at first, then longer, and ends after a minute', () => {
    expect(rejoinDelay(1, 0, 1)).toBe(0)
    expect(rejoinDelay(2, 0, 0)).toBe(100)
    expect(rejoinDelay(3, 600, 0)).toBe(400)
    expect(rejoinDelay(9, 9_999, 0)).toBe(400)
    expect(rejoinDelay(9, 10_000, 0)).toBe(1_000)
    expect(rejoinDelay(40, REJOIN_MS - 1, 0)).toBe(1_000)
    expect(rejoinDelay(2, REJOIN_MS, 0)).toBeUndefined()
  })

  it('leaves a service alone that has said no, and longer one that is asked too often', () => {
    expect(rejoinDelay(2, 100, 0, 'no-node')).toBe(1_000)
    expect(rejoinDelay(9, 20_000, 0, 'fleet-full')).toBe(2_000)
    expect(rejoinDelay(2, 100, 0, 'rate-limited')).toBe(10_000)
    expect(rejoinDelay(2, 100, 0, 'offline')).toBe(100)
    expect(rejoinDelay(3, 100, 0, 'relay-unreachable')).toBe(400)
  })

  it('adds up to a quarter by chance', () => {
    expect(rejoinDelay(3, 600, 1)).toBe(500)
    expect(rejoinDelay(2, 10_000, 0.5)).toBe(1_125)
  })
})

describe('rejoinLimits', () => {
  it('give a long path the time that its round trips take', () => {
    expect(rejoinLimits(2, 1_000, 50, false)).toMatchObject({ answerMs: 1_500, connectMs: 1_500 })
    expect(rejoinLimits(2, 1_000, 300, false)).toMatchObject({ answerMs: 3_000, connectMs: 3_600 })
    expect(rejoinLimits(2, 1_000, 5_000, false)).toMatchObject({
      answerMs: 5_000,
      connectMs: 6_000,
    })
    expect(rejoinLimits(2, 1_000, undefined, false)).toMatchObject({
      answerMs: 1_500,
      connectMs: 1_800,
    })
  })

  it('are short for the first, whose connection to the service may be dead', () => {
    expect(rejoinLimits(1, 0, 50, false)).toMatchObject({ answerMs: 700, connectMs: 2_500 })
    expect(rejoinLimits(1, 4, 300, false)).toMatchObject({ answerMs: 1_800, connectMs: 3_600 })
  })

  it('are wider when short attempts have not helped', () => {
    expect(rejoinLimits(9, 10_000, 50, false)).toMatchObject({ answerMs: 3_000, connectMs: 3_000 })
  })

  it('ask twice at once where a connection may be dead, and again a little later', () => {
    expect(rejoinLimits(1, 0, 50, false).repeatMs).toEqual([0, 150])
    expect(rejoinLimits(1, 0, 300, false).repeatMs).toEqual([0, 600])
  })

  it('ask several times at once where nothing gets through, and once where something does', () => {
    const cutOff = { repeatMs: [0, 0], credentials: 'omit' }
    expect(rejoinLimits(6, 12_000, 50, true)).toMatchObject(cutOff)
    expect(rejoinLimits(6, 12_000, 50, false).repeatMs).toEqual([])
  })
})
