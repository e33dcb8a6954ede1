import { MAX_MISSED_SAMPLES, type NodeEvent, type Resumed } from '@earshot/protocol'
import { describe, expect, it } from 'vitest'
import { type CatchingUp, Conversation } from './conversation.ts'
import type { Mark } from './state.ts'

/** What the detector has at a time: each frame is a number of its own, so that samples tell their time. */
type Step =
  | { frames: number }
  /** Told to a node, or while there is none. */
  | { mark: Mark }
  | { unheard: Mark }
  | { event: NodeEvent }
  | { played: number }
  | 'lost'

const FRAME = 512
/** 400 ms and a frame; whole frames, so one more at most. */
const PRE_ROLL = 400 * 16 + FRAME

function after(...steps: Step[]): Conversation {
  const conversation = new Conversation()
  let frame = 0
  for (const step of steps) {
    if (step === 'lost') conversation.lost()
    else if ('mark' in step) conversation.mark(step.mark, true)
    else if ('unheard' in step) conversation.mark(step.unheard, false)
    else if ('event' in step) conversation.event(step.event)
    else if ('played' in step) conversation.played(step.played)
    else {
      for (let i = 0; i < step.frames; i += 1) {
        frame += 1
        conversation.frame(new Float32Array(FRAME).fill(frame / 32_768))
      }
    }
  }
  return conversation
}

/** The numbers of the frames that are in `samples`. */
function framesIn({ samples }: CatchingUp): number[] {
  return [...new Set(samples)]
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i)
}

const start: Step = { mark: 'speech.start' }
const confirm: Step = { mark: 'speech.confirm' }
const end: Step = { mark: 'speech.end' }
const cancel: Step = { mark: 'speech.cancel' }
const turn = (n: number): Step => ({ event: { type: 'turn', turn: n, ms: 900 } })
const reply = (n: number): Step => ({
  event: { type: 'reply.start', turn: n, rtp: 48_000, fromMs: 0 },
})
const over = (n: number, reason: 'complete' | 'interrupted' = 'complete'): Step => ({
  event: { type: 'reply.end', turn: n, reason, playedMs: 1_000 },
})
const unduck: Step = { event: { type: 'unduck' } }
/** `ms` of the reply that begins at 48 000 have been played. */
const played = (ms: number): Step => ({ played: 48_000 + (ms - 20) * 48 })
/** 20 frames, ten of speech, as a turn that the node has. */
const asked: Step[] = [{ frames: 20 }, start, { frames: 10 }, end, turn(1)]
const others: Resumed[] = ['moved', 'no']

describe('the first connection', () => {
  it('is told nothing when nothing was said', () => {
    expect(after({ frames: 100 }).reopened('no')).toEqual({
      event: undefined,
      samples: new Int16Array(0),
      marks: [],
      speaking: false,
      answer: { kind: 'none' },
      startsOver: false,
    })
  })

  it('is told what is being said since before it was open, with what led up to it', () => {
    const caught = after({ frames: 50 }, { unheard: 'speech.start' }, { frames: 10 }).reopened('no')
    expect(caught.event).toEqual({
      type: 'call.catch-up',
      turn: 0,
      missed: { samples: PRE_ROLL + 10 * FRAME, speaking: true, again: false },
    })
    expect(caught.samples).toHaveLength(PRE_ROLL + 10 * FRAME)
    expect(framesIn(caught)).toEqual(range(37, 60))
    expect(caught).toMatchObject({ marks: [], speaking: true, answer: { kind: 'none' } })
  })

  it('is told that speech has been confirmed, when it has', () => {
    const { marks } = after(
      { frames: 5 },
      { unheard: 'speech.start' },
      { frames: 5 },
      { unheard: 'speech.confirm' },
    ).reopened('no')
    expect(marks).toEqual(['speech.confirm'])
  })

  it('is told what was said before it was open', () => {
    const caught = after(
      { frames: 5 },
      { unheard: 'speech.start' },
      { frames: 10 },
      { unheard: 'speech.end' },
      { frames: 30 },
    ).reopened('no')
    expect(caught.event?.missed).toEqual({ samples: 15 * FRAME, speaking: false, again: false })
    expect(framesIn(caught)).toEqual(range(1, 15))
    expect(caught.answer).toEqual({ kind: 'thinking', turn: undefined })
  })

  it('is told nothing of a cough', () => {
    const { event } = after(
      { frames: 5 },
      { unheard: 'speech.start' },
      { frames: 2 },
      { unheard: 'speech.cancel' },
    ).reopened('no')
    expect(event).toBeUndefined()
  })

  it('is told by a mark of speech of which there are no samples', () => {
    const caught = after({ unheard: 'speech.start' }, { unheard: 'speech.confirm' }).reopened('no')
    expect(caught.event).toBeUndefined()
    expect(caught.marks).toEqual(['speech.start', 'speech.confirm'])
  })
})

describe('speech that a gap cut or fell into', () => {
  it('is sent whole while it goes on', () => {
    const caught = after({ frames: 20 }, start, { frames: 5 }, 'lost', { frames: 9 }).reopened(
      'here',
    )
    expect(caught.event?.missed).toMatchObject({ speaking: true, again: false })
    expect(framesIn(caught)).toEqual(range(7, 34))
  })

  it.each<Resumed>(['here', 'moved', 'no'])('is sent when it has ended: %s', (resumed) => {
    const steps: Step[] = [start, { frames: 5 }, 'lost', { frames: 9 }, { unheard: 'speech.end' }]
    const caught = after(...asked, reply(1), over(1), played(2_000), ...steps).reopened(resumed)
    expect(caught.event).toMatchObject({
      turn: resumed === 'no' ? 0 : 1,
      missed: { speaking: false, again: false },
    })
    expect(framesIn(caught)).toEqual(range(31, 44))
    expect(caught.answer).toEqual({ kind: 'thinking', turn: undefined })
  })

  it('is sent when its end was told, and nothing came of it', () => {
    const { event } = after({ frames: 20 }, start, { frames: 5 }, end, 'lost').reopened('here')
    expect(event?.missed).toMatchObject({ speaking: false, again: false })
  })

  it.each<[string, Step]>([
    ['made a turn of it', turn(1)],
    ['found that it was none', unduck],
  ])('is not sent once the node has %s', (_, told) => {
    const { event } = after({ frames: 20 }, start, { frames: 5 }, end, told, 'lost').reopened(
      'here',
    )
    expect(event).toBeDefined()
    expect(event).not.toHaveProperty('missed')
  })

  it('is sent as one, without the pause between its parts', () => {
    const steps: Step[] = [{ frames: 20 }, start, { frames: 5 }, 'lost', { unheard: 'speech.end' }]
    const again: Step[] = [{ frames: 200 }, { unheard: 'speech.start' }, { frames: 5 }]
    const caught = after(...steps, ...again).reopened('here')
    expect(framesIn(caught)).toEqual([...range(7, 25), ...range(212, 230)])
    expect(caught.event?.missed?.speaking).toBe(true)
  })

  it('is kept for as long as the gap lasts, and no longer than 15 s', () => {
    const said: Step[] = [{ frames: 20 }, { unheard: 'speech.start' }, { frames: 600 }]
    const caught = after(...said, { unheard: 'speech.end' }, { frames: 5_000 }).reopened('here')
    expect(caught.samples).toHaveLength(MAX_MISSED_SAMPLES)
    expect(caught.event?.missed?.samples).toBe(MAX_MISSED_SAMPLES)
    expect(caught.samples.at(-1)).toBe(620)
  })

  it('is what has been said since the turn that the node cut from it', () => {
    const steps: Step[] = [{ frames: 20 }, start, { frames: 5 }, turn(1), { frames: 5 }, 'lost']
    expect(framesIn(after(...steps).reopened('here'))).toEqual(range(26, 30))
  })

  it('is not what had ended before, when that is the turn', () => {
    const steps: Step[] = [{ frames: 20 }, start, { frames: 5 }, end, { frames: 5 }, start]
    const caught = after(...steps, { frames: 3 }, turn(1), 'lost').reopened('here')
    expect(framesIn(caught)).toEqual(range(26, 33))
  })

  it('is sent again when the next connection falls before the node has spoken', () => {
    const conversation = after({ frames: 20 }, start, { frames: 5 }, end, 'lost')
    const first = conversation.reopened('here')
    conversation.lost()
    expect(conversation.reopened('here')).toEqual(first)
  })

  it('is no more missed when the node had made a turn of it', () => {
    const ready = {
      type: 'call.ready',
      version: 2,
      handler: 'echo',
      mode: 'turns',
      turn: 1,
    } as const
    const conversation = after({ frames: 20 }, start, { frames: 5 }, end, 'lost')
    conversation.reopened('here')
    conversation.event(ready)
    conversation.lost()
    expect(conversation.reopened('here').event).toEqual({ type: 'call.catch-up', turn: 1 })
    // Nor is it lost when the node tells of the turn as well.
    conversation.event({ type: 'turn', turn: 1, ms: 900 })
    conversation.lost()
    expect(conversation.reopened('moved').event?.missed?.again).toBe(true)
  })
})

describe('marks that a gap swallowed', () => {
  it.each<[string, Step[], Resumed, Mark[]]>([
    ['an end', [start, 'lost', { unheard: 'speech.end' }], 'here', ['speech.end']],
    ['an end on its way', [start, end, 'lost'], 'here', ['speech.end']],
    ['a cancel', [start, 'lost', { unheard: 'speech.cancel' }], 'here', ['speech.cancel']],
    ['a cancel on its way', [start, cancel, 'lost'], 'here', ['speech.cancel']],
    ['none, for a node that never knew', [start, 'lost', { unheard: 'speech.end' }], 'moved', []],
    ['none, for what was settled', [start, cancel, unduck, 'lost'], 'here', []],
    [
      'a start and its confirmation',
      [start, confirm, 'lost'],
      'moved',
      ['speech.start', 'speech.confirm'],
    ],
  ])('are said again where there are no samples: %s', (_, steps, resumed, marks) => {
    expect(after(...steps).reopened(resumed).marks).toEqual(marks)
  })

  it('are said of a cough even where there are', () => {
    const cough: Step[] = [
      { frames: 9 },
      start,
      { frames: 1 },
      'lost',
      { unheard: 'speech.cancel' },
    ]
    expect(after(...cough).reopened('here')).toMatchObject({ marks: ['speech.cancel'] })
  })
})

describe('a reply that was not heard to its end', () => {
  it('goes on at the node that has it, from where it was heard', () => {
    const caught = after(...asked, reply(1), played(480), 'lost').reopened('here')
    expect(caught.event).toEqual({ type: 'call.catch-up', turn: 1, heard: { turn: 1, ms: 480 } })
    expect(caught.answer).toEqual({ kind: 'thinking', turn: 1 })
  })

  it('is asked for again elsewhere, with what was heard of it', () => {
    const caught = after(...asked, reply(1), played(480), 'lost').reopened('moved')
    expect(caught.event).toEqual({
      type: 'call.catch-up',
      turn: 1,
      heard: { turn: 1, ms: 480 },
      missed: { samples: caught.samples.length, speaking: false, again: true },
    })
    expect(framesIn(caught)).toEqual(range(7, 30))
    expect(caught.answer).toEqual({ kind: 'thinking', turn: 1 })
  })

  it('is a first turn where the conversation begins anew', () => {
    const caught = after(...asked, reply(1), played(480), 'lost').reopened('no')
    expect(caught.event).toEqual({
      type: 'call.catch-up',
      turn: 0,
      missed: { samples: caught.samples.length, speaking: false, again: false },
    })
    expect(framesIn(caught)).toEqual(range(7, 30))
    expect(caught).toMatchObject({
      startsOver: true,
      answer: { kind: 'thinking', turn: undefined },
    })
  })

  it.each<[string, Step[]]>([
    ['not begun', []],
    ['sent and not played', [reply(1), played(480), over(1)]],
  ])('is owed when it was %s', (_, steps) => {
    for (const resumed of others) {
      expect(after(...asked, ...steps, 'lost').reopened(resumed).event?.missed).toBeDefined()
    }
  })

  it.each<[string, Step[]]>([
    ['heard', [reply(1), over(1), played(1_000)]],
    ['interrupted', [reply(1), played(480), over(1, 'interrupted')]],
  ])('is not owed when it was %s', (_, steps) => {
    const { event } = after(...asked, ...steps, 'lost').reopened('moved')
    expect(event).toMatchObject({ turn: 1, heard: { turn: 1, ms: 1_000 } })
    expect(event).not.toHaveProperty('missed')
    expect(after(...asked, ...steps, 'lost').reopened('no').event).toBeUndefined()
  })

  it('gives way to what is being said', () => {
    const caught = after(...asked, reply(1), played(480), start, { frames: 5 }, 'lost').reopened(
      'moved',
    )
    expect(caught.event?.missed).toMatchObject({ speaking: true, again: false })
    expect(framesIn(caught)).toEqual(range(31, 35))
  })

  it('cannot be asked for again without samples', () => {
    const caught = after(start, end, turn(1), 'lost').reopened('moved')
    expect(caught.event).toEqual({ type: 'call.catch-up', turn: 1 })
    expect(caught.answer).toEqual({ kind: 'none' })
  })
})

describe('a handler of frames', () => {
  it('has missed no turn', () => {
    const ready = {
      type: 'call.ready',
      version: 2,
      handler: 'loopback',
      mode: 'frames',
      turn: 0,
    } as const
    const steps: Step[] = [{ frames: 20 }, { event: ready }, start, { frames: 20 }, 'lost']
    expect(after(...steps).reopened('here')).toMatchObject({
      event: { type: 'call.catch-up', turn: 0 },
      samples: new Int16Array(0),
      marks: [],
    })
  })
})
