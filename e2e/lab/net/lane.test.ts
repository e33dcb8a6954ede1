import { describe, expect, it } from 'vitest'
import { Lane, randomFrom, type LaneShape } from './lane.ts'

const CLEAN: LaneShape = {
  delayMs: 0,
  lossShare: 0,
  burstPackets: 1,
  bitsPerMs: 0,
  queueMs: 100,
  reorderShare: 0,
  reorderMs: 0,
  duplicateShare: 0,
}

describe('a lane', () => {
  it('holds a frame for its delay', () => {
    expect(laneOf({ delayMs: 25 }).admit(100, 500)).toEqual([125])
  })

  it.each([0.02, 0.05, 0.1, 0.2])('loses a share of %f, each frame by itself', (lossShare) => {
    const lost = losses({ lossShare })
    expect(share(lost)).toBeCloseTo(lossShare, 2)
    expect(meanRun(lost)).toBeLessThan(1 / (1 - lossShare) + 0.1)
  })

  it.each([0.02, 0.05, 0.1, 0.2])('loses a share of %f in bursts', (lossShare) => {
    const lost = losses({ lossShare, burstPackets: 5 })
    expect(Math.abs(share(lost) - lossShare)).toBeLessThan(0.01)
    expect(meanRun(lost)).toBeGreaterThan(4.5)
    expect(meanRun(lost)).toBeLessThan(7)
  })

  it('loses the same frames again from the same seed', () => {
    expect(losses({ lossShare: 0.1 })).toEqual(losses({ lossShare: 0.1 }))
  })

  it('sends no faster than its rate, and loses what would wait too long', () => {
    // 80 bytes take 10 ms.
    const lane = laneOf({ bitsPerMs: 64, queueMs: 25, delayMs: 5 })
    expect([0, 0, 0, 0].map((at) => lane.admit(at, 80))).toEqual([[15], [25], [35], []])
    expect(lane.admit(1000, 80)).toEqual([1015])
  })

  it('lets some come late, and some twice', () => {
    const late = laneOf({ reorderShare: 0.25, reorderMs: 30 })
    const times = many(() => late.admit(0, 100)[0])
    expect(times.filter((at) => at === 30).length / times.length).toBeCloseTo(0.25, 1)
    const twice = laneOf({ duplicateShare: 0.1 })
    const copies = many(() => twice.admit(7, 100))
    expect(copies.filter((at) => at.length === 2).length / copies.length).toBeCloseTo(0.1, 1)
    expect(copies.flat().every((at) => at === 7)).toBe(true)
  })
})

function laneOf(shape: Partial<LaneShape>): Lane {
  return new Lane({ ...CLEAN, ...shape }, randomFrom(7))
}

function many<T>(make: () => T): T[] {
  return Array.from({ length: 50_000 }, make)
}

function losses(shape: Partial<LaneShape>): boolean[] {
  const lane = laneOf(shape)
  let at = 0
  return many(() => lane.admit((at += 20), 100).length === 0)
}

function share(flags: readonly boolean[]): number {
  return flags.filter(Boolean).length / flags.length
}

function meanRun(flags: readonly boolean[]): number {
  const runs = flags.filter((flag, at) => flag && flags[at - 1] !== true).length
  return flags.filter(Boolean).length / runs
}
