import { encodeMuLaw, levelDbfs, tone, toneShare } from '@earshot/audio'
import type { CatchUp } from '@earshot/protocol'
import { describe, expect, it } from 'vitest'
import { MissedSpeech, planCatchUp } from './catch-up.ts'
import { SAMPLE_RATE } from './clock.ts'

describe('a catch-up', () => {
  it.each<[string, Omit<CatchUp, 'type'>, number, ReturnType<typeof planCatchUp>]>([
    ['of what was heard alone', { turn: 3 }, 3, { turn: 3, missed: 'none', skipMs: 0 }],
    ['never sets the number back', { turn: 3 }, 4, { turn: 4, missed: 'none', skipMs: 0 }],
    ['sets it on, after a keep was lost', { turn: 3 }, 1, { turn: 3, missed: 'none', skipMs: 0 }],
    ['with a new turn', said(3), 3, { turn: 3, missed: 'hear', skipMs: 0 }],
    ['with a new turn, after a lost keep', said(3), 1, { turn: 3, missed: 'hear', skipMs: 0 }],
    [
      'with a turn that was heard by its mark',
      said(3),
      4,
      { turn: 4, missed: 'swallow', skipMs: 0 },
    ],
    ['in the middle of a new turn', said(3, true), 4, { turn: 4, missed: 'hear', skipMs: 0 }],
    ['with a turn again that is known', owed(3), 3, { turn: 3, missed: 'swallow', skipMs: 0 }],
    ['with a turn again that is not', owed(3), 2, { turn: 2, missed: 'hear', skipMs: 800 }],
    ['with a turn again, two numbers on', owed(3), 1, { turn: 2, missed: 'hear', skipMs: 800 }],
    ['with a turn again, unheard', owed(3, 2), 2, { turn: 2, missed: 'hear', skipMs: 0 }],
  ])('%s', (_what, event, last, plan) => {
    expect(planCatchUp({ type: 'call.catch-up', ...event }, last)).toEqual(plan)
  })
})

describe('missed speech', () => {
  const said16k = tone({ frequency: 440, sampleRate: 16_000, ms: 500 })
  const bytes = encodeMuLaw(said16k)

  it.each([1, 160, 5_000, 16_384])('is whole, in messages of %i bytes', (size) => {
    const missed = new MissedSpeech(bytes.length, true)
    for (let at = 0; at < bytes.length; at += size) {
      expect(missed.complete).toBe(false)
      missed.push(bytes.subarray(at, at + size))
    }
    expect(missed.complete).toBe(true)
    const samples = missed.samples()
    // 1 ms is the filter's delay.
    expect(samples.length).toBe((bytes.length + 16) * 3)
    expect(toneShare(samples, SAMPLE_RATE, 440)).toBeGreaterThan(0.99)
    expect(Math.abs(levelDbfs(samples) - levelDbfs(said16k))).toBeLessThan(0.2)
  })

  it('is no more than was announced', () => {
    const missed = new MissedSpeech(100, true)
    missed.push(bytes)
    missed.push(bytes)
    expect(missed.complete).toBe(true)
    expect(missed.samples()).toHaveLength(116 * 3)
  })

  it('that nobody wants is counted all the same', () => {
    const missed = new MissedSpeech(bytes.length, false)
    missed.push(bytes.subarray(0, 10))
    expect(missed.complete).toBe(false)
    missed.push(bytes.subarray(10))
    expect(missed.complete).toBe(true)
  })
})

function said(turn: number, speaking = false): Omit<CatchUp, 'type'> {
  return { turn, missed: { samples: 1, speaking, again: false } }
}

function owed(turn: number, heardOf = turn): Omit<CatchUp, 'type'> {
  const missed = { samples: 1, speaking: false, again: true }
  return { turn, heard: { turn: heardOf, ms: 800 }, missed }
}
