import type { NodeEvent } from '@earshot/protocol'
import { describe, expect, it } from 'vitest'
import {
  type Hearing,
  heardOf,
  heardOut,
  hearEvent,
  hearNoMore,
  hearPlayed,
  NOTHING_HEARD,
} from './heard.ts'

type Step = NodeEvent | { played: number | undefined } | 'lost'

function after(...steps: Step[]): Hearing {
  return steps.reduce<Hearing>((hearing, step) => {
    if (step === 'lost') return hearNoMore(hearing)
    return 'type' in step ? hearEvent(hearing, step) : hearPlayed(hearing, step.played)
  }, NOTHING_HEARD)
}

const start = (rtp: number | undefined, fromMs = 0, turn = 1): NodeEvent => ({
  type: 'reply.start',
  turn,
  fromMs,
  rtp,
})
const end = (
  playedMs: number,
  reason: 'complete' | 'interrupted' | 'failed' = 'complete',
  turn = 1,
): NodeEvent => ({ type: 'reply.end', turn, reason, playedMs })
/** After `ms` of RTP time. */
const ticks = (ms: number) => ms * 48

describe('what was heard of a reply', () => {
  it('is nothing before the first', () => {
    expect(heardOf(after({ played: 5 }))).toBeUndefined()
  })

  it.each<[string, Step[], number]>([
    ['to the end of the packet that was played last', [start(100), { played: 100 }], 20],
    ['while it goes on', [start(100), { played: 100 + ticks(480) }], 500],
    ['over the end of the counter', [start(2 ** 32 - ticks(100)), { played: ticks(80) }], 200],
    ['from where it goes on', [start(100, 3_000), { played: 100 + ticks(80) }], 3_100],
    ['nothing while an older packet plays', [{ played: 100 }, start(100 + ticks(200))], 0],
    ['no less than before it went on', [{ played: 100 }, start(9_000, 700)], 700],
    ['no more than there is of it', [start(0), end(1_000), { played: ticks(5_000) }], 1_000],
    ['less while its end is on the way', [start(0), end(1_000), { played: ticks(480) }], 500],
    ['all when it was interrupted', [start(0), { played: 0 }, end(800, 'interrupted')], 800],
    ['all when it failed', [start(0), { played: 0 }, end(800, 'failed')], 800],
    ['all when the browser does not tell', [start(0), end(800)], 800],
    ['nothing sure while the browser does not tell', [start(0)], 0],
    ['from a new place in the same reply', [start(0), start(9_600, 40), { played: 9_600 }], 60],
    ['whatever an older one ends with', [start(0, 0, 2), { played: 0 }, end(9, 'complete', 1)], 20],
    ['the last that was known', [start(0), { played: 0 }, { played: undefined }], 20],
  ])('is %s', (_, steps, ms) => {
    expect(heardOf(after(...steps))?.ms).toBe(ms)
  })

  it('is kept over a loss, whose timestamps mean nothing after it', () => {
    const lost = [start(100), { played: 100 + ticks(480) }, 'lost'] as const
    expect(heardOf(after(...lost, { played: 7 }))).toEqual({ turn: 1, ms: 500 })
    const again = [...lost, start(9_000, 500), { played: 9_000 }] as const
    expect(heardOf(after(...again))).toEqual({ turn: 1, ms: 520 })
  })

  it('is out once its end was played, for good', () => {
    expect(heardOut(after(start(0), { played: ticks(980) }), 1)).toBe(false)
    expect(heardOut(after(start(0), end(1_000), { played: ticks(960) }), 1)).toBe(false)
    const out = [start(0), end(1_000), { played: ticks(980) }] as const
    expect(heardOut(after(...out), 1)).toBe(true)
    expect(heardOut(after(...out), 2)).toBe(false)
    // Half a day later the difference is negative.
    expect(heardOut(after(...out, { played: 2 ** 31 + 9_600 }), 1)).toBe(true)
    expect(heardOut(after(...out, 'lost'), 1)).toBe(true)
  })

  it('is not out when its last packets were lost with the connection', () => {
    const lost = after(start(0), end(1_000), { played: ticks(480) }, 'lost')
    expect(heardOut(lost, 1)).toBe(false)
    expect(heardOf(lost)).toEqual({ turn: 1, ms: 500 })
  })

  it('is out when there was no sound in it', () => {
    expect(heardOut(after(end(0)), 1)).toBe(true)
    expect(heardOut(after(end(0, 'failed')), 1)).toBe(true)
  })
})
