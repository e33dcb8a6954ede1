import { concat, tone, toneShare, type Pcm } from '@earshot/audio'
import { describe, expect, it, vi } from 'vitest'
import { FRAME_SAMPLES, SAMPLE_RATE } from './clock.ts'
import { Playout } from './playout.ts'
import { runReply } from './reply.ts'

const HZ = 440

describe('a reply at another rate', () => {
  it.each([8_000, 16_000, 22_050, 24_000, 44_100, 48_000, 96_000])(
    'of %i Hz is heard at its own pitch and length',
    async (sampleRate) => {
      const { playout, drain } = setUp()
      const sound = tone({ frequency: HZ, sampleRate, ms: 500 })
      await runReply(chunks(sound, sampleRate, 333), playout, live())
      playout.finish()
      const heard = concat(drain())
      expect(Math.abs(heard.length - SAMPLE_RATE / 2)).toBeLessThan(3 * FRAME_SAMPLES)
      expect(toneShare(heard.slice(4_800, 19_200), SAMPLE_RATE, HZ)).toBeGreaterThan(0.95)
    },
  )

  it('may change its rate on the way', async () => {
    const { playout, drain } = setUp()
    async function* reply() {
      for (const sampleRate of [16_000, 24_000, 48_000]) {
        yield { samples: tone({ frequency: HZ, sampleRate, ms: 200 }), sampleRate }
      }
    }
    await runReply(reply(), playout, live())
    playout.finish()
    expect(Math.abs(concat(drain()).length - 0.6 * SAMPLE_RATE)).toBeLessThan(3 * FRAME_SAMPLES)
  })
})

describe('a chunk that is no PCM', () => {
  it.each([
    ['nothing', undefined, TypeError],
    ['floats', { samples: new Float32Array(10), sampleRate: 48_000 }, TypeError],
    ['no rate', { samples: new Int16Array(10) }, RangeError],
    ['a rate below 8 kHz', { samples: new Int16Array(10), sampleRate: 1 }, RangeError],
    ['a rate of no number', { samples: new Int16Array(10), sampleRate: Number.NaN }, RangeError],
  ])('(%s) fails the reply and returns the generator', async (_what, chunk, error) => {
    const { playout } = setUp()
    const returned = vi.fn()
    async function* reply() {
      try {
        // What a handler in plain JavaScript could yield.
        yield chunk as Pcm
      } finally {
        returned()
      }
    }
    await expect(runReply(reply(), playout, live())).rejects.toThrow(error)
    expect(returned).toHaveBeenCalledOnce()
  })

  it('fails the reply though the generator hangs when it is returned', async () => {
    const { playout } = setUp()
    async function* reply() {
      try {
        yield undefined as unknown as Pcm
      } finally {
        await forever()
      }
    }
    await expect(runReply(reply(), playout, live())).rejects.toThrow(TypeError)
  })
})

it('fails with what the handler throws, after what it had said before', async () => {
  const { playout } = setUp()
  async function* reply() {
    yield silence(1)
    throw new Error('no model today')
  }
  await expect(runReply(reply(), playout, live())).rejects.toThrow('no model today')
  expect(playout.next()).toHaveLength(FRAME_SAMPLES)
})

describe('an abort', () => {
  it('ends a reply whose generator hangs', async () => {
    const { playout } = setUp()
    const abort = new AbortController()
    async function* reply() {
      yield silence(1)
      await forever()
    }
    const run = runReply(reply(), playout, abort.signal)
    await turnOfTheLoop()
    abort.abort()
    await run
  })

  it('returns a generator that waits for room, and adds nothing more', async () => {
    const { playout } = setUp()
    const abort = new AbortController()
    const returned = vi.fn()
    async function* reply() {
      try {
        for (;;) yield silence(100)
      } finally {
        returned()
      }
    }
    const run = runReply(reply(), playout, abort.signal)
    await turnOfTheLoop()
    abort.abort()
    playout.flush()
    await run
    expect(returned).toHaveBeenCalledOnce()
    expect(playout.next()).toBeUndefined()
  })

  it('keeps a chunk that was on its way out of the next reply', async () => {
    const { playout } = setUp()
    let give: (chunk: Pcm) => void = () => undefined
    async function* reply() {
      yield await new Promise<Pcm>((resolve) => (give = resolve))
    }
    // An abort at each step of the chunk's way from the handler to the playout.
    for (let steps = 0; steps < 12; steps++) {
      const controller = new AbortController()
      playout.begin()
      const run = runReply(reply(), playout, controller.signal)
      await turnOfTheLoop()
      give(silence(1, 7))
      for (let i = 0; i < steps; i++) await Promise.resolve()
      controller.abort()
      playout.flush()
      playout.begin()
      await run
      await turnOfTheLoop()
      playout.finish()
      expect(playout.next(), `after ${steps} steps`).toBeUndefined()
    }
  })

  it('is not an error, even when the generator then throws', async () => {
    const { playout } = setUp()
    const abort = new AbortController()
    async function* reply() {
      yield silence(1)
      await new Promise((resolve) => abort.signal.addEventListener('abort', resolve))
      throw new Error('cancelled')
    }
    const run = runReply(reply(), playout, abort.signal)
    await turnOfTheLoop()
    abort.abort()
    await expect(run).resolves.toBeUndefined()
    // An unhandled rejection would fail the run.
    await turnOfTheLoop()
  })

  it('that came before the reply keeps the generator from being started', async () => {
    const { playout } = setUp()
    const started = vi.fn()
    async function* reply() {
      started()
      yield silence(1)
    }
    await runReply(reply(), playout, AbortSignal.abort())
    expect(started).not.toHaveBeenCalled()
    expect(playout.next()).toBeUndefined()
  })
})

it('holds a handler that is faster than speech back until there is room', async () => {
  const { playout } = setUp()
  const abort = new AbortController()
  let yielded = 0
  async function* reply() {
    for (;;) {
      yielded++
      yield silence(10)
    }
  }
  const run = runReply(reply(), playout, abort.signal)
  await turnOfTheLoop()
  // 10 s of room, and the one chunk that waits.
  expect(yielded).toBe(51)
  for (let i = 0; i < 20; i++) playout.next()
  await turnOfTheLoop()
  expect(yielded).toBeGreaterThan(51)
  expect(yielded).toBeLessThanOrEqual(54)
  abort.abort()
  await run
})

it('leaves no listener on a signal that lives on', async () => {
  const { playout } = setUp()
  const { signal } = new AbortController()
  const added = vi.spyOn(signal, 'addEventListener')
  const removed = vi.spyOn(signal, 'removeEventListener')
  await runReply(chunks(new Int16Array(4_800), SAMPLE_RATE, 100), playout, signal)
  await turnOfTheLoop()
  expect(added.mock.calls.length).toBeGreaterThan(0)
  expect(removed).toHaveBeenCalledTimes(added.mock.calls.length)
})

function setUp() {
  const playout = new Playout({ start: () => undefined, end: () => undefined })
  playout.begin()
  return {
    playout,
    drain: (): Int16Array[] => {
      const frames: Int16Array[] = []
      for (let frame = playout.next(); frame; frame = playout.next()) frames.push(frame)
      return frames
    },
  }
}

function live(): AbortSignal {
  return new AbortController().signal
}

function silence(frames: number, level = 0): Pcm {
  return { samples: new Int16Array(frames * FRAME_SAMPLES).fill(level), sampleRate: SAMPLE_RATE }
}

async function* chunks(samples: Int16Array, sampleRate: number, size: number) {
  for (let at = 0; at < samples.length; at += size) {
    yield { samples: samples.slice(at, at + size), sampleRate }
  }
}

function forever(): Promise<never> {
  return new Promise(() => undefined)
}

function turnOfTheLoop(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0))
}
