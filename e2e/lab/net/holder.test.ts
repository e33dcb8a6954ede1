import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Holder } from './holder.ts'

describe('a holder', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  it('releases by time, and in order of arrival at the same time', () => {
    const released: string[] = []
    const holder = new Holder<string>((thing) => released.push(thing))
    const now = performance.now()
    holder.hold('late', now + 30, now)
    holder.hold('first', now + 10, now)
    holder.hold('second', now + 10, now)
    holder.hold('between', now + 20, now)
    vi.advanceTimersByTime(11)
    expect(released).toEqual(['first', 'second'])
    vi.advanceTimersByTime(20)
    expect(released).toEqual(['first', 'second', 'between', 'late'])
  })

  it('keeps nothing back that is due', () => {
    const released: string[] = []
    const holder = new Holder<string>((thing) => released.push(thing))
    holder.hold('now', performance.now(), performance.now())
    expect(released).toEqual(['now'])
  })
})
