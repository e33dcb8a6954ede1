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

describe('a rewind', () => {
  it('says again what was played after its place, and then the rest', () => {
    const { playout, events, play, drain } = setUp()
    const sound = numbered(20 * FRAME_SAMPLES)
    playout.begin()
    playout.add(sound)
    play(12)
    expect(playout.rewind(5 * FRAME_MS)).toBe(true)
    playout.finish()
    expect(concat(drain())).toEqual(sound.slice(5 * FRAME_SAMPLES))
    expect(events).toEqual(['start', 'start 100', `end ${20 * FRAME_MS}`])
  })

  it('to the middle of a frame says the whole frame again', () => {
    const { playout, events, play } = setUp()
    playout.begin()
    playout.add(numbered(20 * FRAME_SAMPLES))
    play(12)
    playout.rewind(119)
    play(1)
    expect(events.at(-1)).toBe('start 100')
  })

  it('brings back a reply that was over, as often as it is asked to', () => {
    const { playout, events, drain } = setUp()
    const sound = numbered(10 * FRAME_SAMPLES)
    playout.begin()
    playout.add(sound)
    playout.finish()
    for (const from of [0, 3, 0]) {
      drain()
      expect(playout.active).toBe(false)
      expect(playout.rewind(from * FRAME_MS)).toBe(true)
      expect(playout.active).toBe(true)
      expect(concat(drain())).toEqual(sound.slice(from * FRAME_SAMPLES))
    }
    expect(events.filter((event) => event === 'end 200')).toHaveLength(4)
    playout.add(sound)
    expect(playout.next()).toBeUndefined()
  })

  it.each([160, 199, 200, 10_000])('to %i ms of 200 that were played is none', (ms) => {
    const { playout, events, drain } = setUp()
    playout.begin()
    playout.add(numbered(10 * FRAME_SAMPLES))
    playout.finish()
    drain()
    expect(playout.rewind(ms)).toBe(false)
    expect(playout.next()).toBeUndefined()
    expect(events).toEqual(['start', 'end 200'])
  })

  it('leaves out the silence of a handler that fell behind, and counts on from its place', () => {
    const { playout, events, play } = setUp()
    playout.begin()
    playout.add(numbered(5 * FRAME_SAMPLES))
    play(15)
    playout.rewind(0)
    expect(concat(play(5))).toEqual(numbered(5 * FRAME_SAMPLES))
    playout.add(numbered(FRAME_SAMPLES))
    play(1)
    playout.rewind(60)
    play(1)
    playout.finish()
    expect(events).toEqual(['start', 'start', 'start 60'])
    play(2)
    expect(events.at(-1)).toBe('end 120')
  })

  it('counts the silence in between, as the listener’s clock does', () => {
    const { playout, events, play } = setUp()
    playout.begin()
    playout.add(numbered(2 * FRAME_SAMPLES))
    play(10)
    playout.add(numbered(10 * FRAME_SAMPLES))
    play(10)
    playout.rewind(13 * FRAME_MS)
    const [first] = play(1)
    expect(events.at(-1)).toBe('start 260')
    expect(first).toEqual(numbered(10 * FRAME_SAMPLES).slice(3 * FRAME_SAMPLES, 4 * FRAME_SAMPLES))
  })

  it('goes back 12 s at least, and the memory of a long reply is bounded', () => {
    const { playout, events, play } = setUp()
    playout.begin()
    for (let second = 0; second < 60; second++) {
      playout.add(new Int16Array(SAMPLE_RATE))
      play(50)
    }
    playout.rewind(0)
    play(1)
    const [, from] = /^start (\d+)$/.exec(events.at(-1) ?? '') ?? []
    expect(Number(from)).toBeLessThanOrEqual(48_000)
    expect(Number(from)).toBeGreaterThanOrEqual(45_000)
  })

  it.each(['begin', 'flush'] as const)('knows nothing of a reply before a %s', (how) => {
    const { playout, drain } = setUp()
    playout.begin()
    playout.add(numbered(10 * FRAME_SAMPLES))
    playout.finish()
    drain()
    playout[how]()
    expect(playout.rewind(0)).toBe(false)
    expect(playout.next()).toBeUndefined()
  })

  it('is possible for a quarter of a minute after the end, and not for ever', () => {
    for (const [seconds, possible] of [
      [14, true],
      [16, false],
    ] as const) {
      const { playout, play, drain } = setUp()
      playout.begin()
      playout.add(numbered(10 * FRAME_SAMPLES))
      playout.finish()
      drain()
      play(seconds * 50)
      expect(playout.rewind(0)).toBe(possible)
    }
  })
})

it('tells of its start again to another connection, from where it is', () => {
  const { playout, events, play } = setUp()
  playout.begin()
  playout.moved()
  playout.add(numbered(10 * FRAME_SAMPLES))
  play(4)
  playout.moved()
  expect(events).toEqual(['start'])
  play(2)
  expect(events).toEqual(['start', 'start 80'])
})

describe('a reply whose beginning was heard elsewhere', () => {
  it.each([1, 959, 5_000, 100_000])('begins there, in chunks of %i samples', (size) => {
    const { playout, events, drain } = setUp()
    const sound = numbered(10 * FRAME_SAMPLES)
    playout.begin(50)
    for (let at = 0; at < sound.length; at += size) playout.add(sound.slice(at, at + size))
    playout.finish()
    expect(concat(drain()).slice(0, sound.length - 2_400)).toEqual(sound.slice(2_400))
    expect(events).toEqual(['start 50', 'end 160'])
  })

  it('can be rewound to that place, and no further', () => {
    const { playout, events, play } = setUp()
    playout.begin(1_000)
    playout.add(numbered(SAMPLE_RATE + 10 * FRAME_SAMPLES))
    play(8)
    playout.rewind(0)
    play(1)
    playout.rewind(1_040)
    expect(events).toEqual(['start 1000', 'start 1000'])
  })

  it('is over at once when all of it was heard', () => {
    const { playout, events } = setUp()
    playout.begin(300)
    playout.add(numbered(10 * FRAME_SAMPLES))
    playout.finish()
    expect(events).toEqual(['end 0'])
  })
})

function setUp() {
  const events: string[] = []
  const playout = new Playout({
    start: (fromMs) => events.push(fromMs === 0 ? 'start' : `start ${fromMs}`),
    end: (playedMs) => events.push(`end ${playedMs}`),
  })
  return {
    playout,
    events,
    /** What leaves in so many ticks. */
    play: (ticks: number): Int16Array[] =>
      Array.from({ length: ticks }, () => playout.next()).flatMap((frame) => frame ?? []),
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
