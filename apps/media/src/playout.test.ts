import { concat } from '@earshot/audio'
import { describe, expect, it } from 'vitest'
import { FRAME_MS, FRAME_SAMPLES, SAMPLE_RATE } from './clock.ts'
import { Playout } from './playout.ts'

describe('a reply', () => {
  it.each([1, 7, 480, 959, 960, 961, 4_800, 100_000])(
    'leaves in exact frames when it comes in chunks of %i samples',
    (size) => {
      const { playout, events, drain } = setUp()
      const sound = numbered(10 * FRAME_SAMPLES + 100)
      playout.begin()
      for (let at = 0; at < sound.length; at += size) playout.add(sound.slice(at, at + size))
      playout.finish()
      const frames = drain()
      expect(frames.every(({ length }) => length === FRAME_SAMPLES)).toBe(true)
      expect(frames).toHaveLength(11)
      const played = concat(frames)
      expect(played.slice(0, sound.length)).toEqual(sound)
      expect(played.slice(sound.length).every((sample) => sample === 0)).toBe(true)
      expect(events).toEqual(['start', `end ${11 * FRAME_MS}`])
    },
  )

  it('starts with its first frame and ends with its last, once each', () => {
    const { playout, events } = setUp()
    playout.begin()
    expect(playout.next()).toBeUndefined()
    playout.add(numbered(2 * FRAME_SAMPLES))
    expect(events).toEqual([])
    playout.next()
    expect(events).toEqual(['start'])
    playout.finish()
    playout.finish()
    expect(events).toEqual(['start'])
    playout.next()
    expect(events).toEqual(['start', 'end 40'])
    expect(playout.active).toBe(false)
    playout.finish()
    expect(playout.next()).toBeUndefined()
    expect(events).toHaveLength(2)
  })

  it('is filled with silence where its handler falls behind, which does not count as played', () => {
    const { playout, events } = setUp()
    playout.begin()
    playout.add(numbered(FRAME_SAMPLES))
    playout.next()
    for (let i = 0; i < 3; i++) expect(playout.next()).toEqual(new Int16Array(FRAME_SAMPLES))
    playout.add(numbered(FRAME_SAMPLES))
    expect(playout.next()).toEqual(numbered(FRAME_SAMPLES))
    playout.finish()
    expect(events).toEqual(['start', 'end 40'])
  })

  it('of nothing at all ends at once, without a start', () => {
    const { playout, events } = setUp()
    playout.begin()
    playout.finish()
    expect(events).toEqual(['end 0'])
    expect(playout.next()).toBeUndefined()
  })

  it('shorter than a frame is filled up and heard', () => {
    const { playout, events, drain } = setUp()
    playout.begin()
    playout.add(numbered(5))
    playout.finish()
    expect(drain()).toHaveLength(1)
    expect(events).toEqual(['start', 'end 20'])
  })

  it('takes nothing more once it is finished', () => {
    const { playout, drain } = setUp()
    playout.begin()
    playout.add(numbered(FRAME_SAMPLES))
    playout.finish()
    playout.add(numbered(FRAME_SAMPLES))
    expect(drain()).toHaveLength(1)
  })

  it('may come in one chunk of three quarters of an hour', () => {
    const { playout } = setUp()
    playout.begin()
    playout.add(new Int16Array(2_700 * SAMPLE_RATE))
    expect(playout.next()).toHaveLength(FRAME_SAMPLES)
  })
})

it('sends nothing between replies, whatever is added', () => {
  const { playout, events } = setUp()
  playout.add(numbered(FRAME_SAMPLES))
  expect(playout.next()).toBeUndefined()
  playout.finish()
  expect(events).toEqual([])
  playout.begin()
  expect(playout.next()).toBeUndefined()
})

describe('a flush', () => {
  it('silences at the very next tick, tells what was played and raises no event', () => {
    const { playout, events } = setUp()
    playout.begin()
    playout.add(numbered(100 * FRAME_SAMPLES + 3))
    for (let i = 0; i < 7; i++) playout.next()
    expect(playout.flush()).toBe(7 * FRAME_MS)
    expect(playout.next()).toBeUndefined()
    expect(playout.flush()).toBe(0)
    expect(events).toEqual(['start'])
  })

  it('leaves no rest of a frame for the next reply', () => {
    const { playout, drain } = setUp()
    playout.begin()
    playout.add(numbered(3))
    playout.flush()
    playout.begin()
    playout.add(numbered(FRAME_SAMPLES))
    playout.finish()
    expect(drain()).toEqual([numbered(FRAME_SAMPLES)])
  })
})

it('drops what is left of a reply when another begins', () => {
  const { playout, events, drain } = setUp()
  playout.begin()
  playout.add(numbered(50 * FRAME_SAMPLES + 9))
  playout.next()
  playout.begin()
  expect(playout.next()).toBeUndefined()
  playout.add(numbered(FRAME_SAMPLES))
  playout.finish()
  expect(drain()).toEqual([numbered(FRAME_SAMPLES)])
  expect(events).toEqual(['start', 'start', 'end 20'])
})

describe('room', () => {
  it('is there until 10 s are queued, and again as soon as one frame of them is played', async () => {
    const { playout } = setUp()
    playout.begin()
    playout.add(new Int16Array(10 * SAMPLE_RATE - FRAME_SAMPLES))
    await playout.room()
    playout.add(new Int16Array(FRAME_SAMPLES))
    const room = watch(playout.room())
    await Promise.resolve()
    expect(room.given).toBe(false)
    playout.next()
    await Promise.resolve()
    expect(room.given).toBe(true)
  })

  it.each(['flush', 'begin'] as const)('is given by %s to one who waits for it', async (how) => {
    const { playout } = setUp()
    playout.begin()
    playout.add(new Int16Array(20 * SAMPLE_RATE))
    const room = watch(playout.room())
    playout[how]()
    await Promise.resolve()
    expect(room.given).toBe(true)
  })
})

function setUp() {
  const events: string[] = []
  const playout = new Playout({
    start: () => events.push('start'),
    end: (playedMs) => events.push(`end ${playedMs}`),
  })
  return {
    playout,
    events,
    drain: (): Int16Array[] => {
      const frames: Int16Array[] = []
      for (let frame = playout.next(); frame; frame = playout.next()) frames.push(frame)
      return frames
    },
  }
}

function numbered(length: number): Int16Array {
  return Int16Array.from({ length }, (_, i) => (i % 30_000) + 1)
}

function watch(promise: Promise<void>): { given: boolean } {
  const state = { given: false }
  void promise.then(() => (state.given = true))
  return state
}
