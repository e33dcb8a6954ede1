import { concat } from '@earshot/audio'
import { describe, expect, it } from 'vitest'
import { FRAME_SAMPLES, SAMPLE_RATE } from './clock.ts'
import { Turns, type Mark, type TurnEvent, type TurnOptions } from './turns.ts'

const OPTIONS: TurnOptions = { preRollMs: 100, hangoverMs: 60, maxTurnMs: 1000 }
const MARKS: readonly Mark[] = ['start', 'confirm', 'end', 'cancel']
const samplesOf = (ms: number) => (ms * SAMPLE_RATE) / 1000

describe('pre-roll', () => {
  it('is what was said just before the mark, to the sample', () => {
    const { turns, hear, wait, turn } = setUp()
    const heard = Array.from({ length: 20 }, () => hear())
    turns.mark('start')
    const spoken = hear()
    turns.mark('end')
    wait(3)
    expect(turn()).toEqual(concat([...heard.slice(-5), spoken]))
  })

  it('is cut to its length also inside a chunk that is longer than it', () => {
    const { turns, hear, wait, turn } = setUp()
    const pause = hear(SAMPLE_RATE)
    const odd = hear(7)
    turns.mark('start')
    turns.mark('end')
    wait(3)
    expect(turn()).toEqual(concat([pause.slice(-(samplesOf(100) - 7)), odd]))
  })

  it('is whatever there is when the caller speaks at once', () => {
    const { turns, hear, wait, turn } = setUp()
    const first = hear()
    turns.mark('start')
    turns.mark('end')
    wait(3)
    expect(turn()).toEqual(first)
  })

  it('does not hold what was in the turn before', () => {
    const { turns, hear, wait, turn } = setUp()
    turns.mark('start')
    hear()
    turns.mark('end')
    wait(3)
    const second = hear()
    turns.mark('start')
    turns.mark('end')
    wait(3)
    expect(turn()).toEqual(second)
  })

  it('gets back what a cancelled start had taken', () => {
    const { turns, hear, wait, turn } = setUp()
    const before = hear()
    turns.mark('start')
    const cough = hear()
    turns.mark('cancel')
    const after = hear()
    turns.mark('start')
    turns.mark('end')
    wait(3)
    expect(turn()).toEqual(concat([before, cough, after]))
  })
})

describe('the end of a turn', () => {
  it('comes when the hangover is over, with the sound of the hangover in it', () => {
    const { turns, hear, wait, turn, types } = setUp()
    turns.mark('start')
    turns.mark('confirm')
    const spoken = hear()
    turns.mark('end')
    const tail = hear()
    wait(2)
    expect(types()).toEqual(['speech'])
    wait(1)
    expect(types()).toEqual(['speech', 'turn'])
    expect(turn()).toEqual(concat([spoken, tail]))
  })

  it('is put off by speech within the hangover: one turn, said to be speech once', () => {
    const { turns, hear, wait, turn, types } = setUp()
    turns.mark('start')
    turns.mark('confirm')
    const parts = [hear()]
    turns.mark('end')
    wait(2)
    parts.push(hear())
    turns.mark('start')
    turns.mark('confirm')
    parts.push(hear())
    wait(20)
    turns.mark('end')
    wait(3)
    expect(types()).toEqual(['speech', 'turn'])
    expect(turn()).toEqual(concat(parts))
  })

  it('needs no confirmation: an end confirms', () => {
    const { turns, hear, wait, types } = setUp()
    turns.mark('start')
    hear()
    turns.mark('end')
    expect(types()).toEqual(['speech'])
    wait(3)
    expect(types()).toEqual(['speech', 'turn'])
  })

  it('is no turn when nothing was heard between the marks', () => {
    const { turns, wait, types } = setUp()
    turns.mark('start')
    turns.mark('end')
    wait(3)
    expect(types()).toEqual(['speech', 'cancelled'])
  })
})

describe('a cancel', () => {
  it('before the confirmation takes the start back', () => {
    const { turns, hear, wait, types } = setUp()
    turns.mark('start')
    hear()
    turns.mark('cancel')
    wait(50)
    expect(types()).toEqual(['cancelled'])
  })

  it('after the confirmation ends the turn like an end', () => {
    const { turns, hear, wait, types } = setUp()
    turns.mark('start')
    hear()
    turns.mark('confirm')
    turns.mark('cancel')
    wait(3)
    expect(types()).toEqual(['speech', 'turn'])
  })

  it('of speech within the hangover keeps the turn it was part of', () => {
    const { turns, hear, wait, turn, types } = setUp()
    turns.mark('start')
    const spoken = hear()
    turns.mark('end')
    turns.mark('start')
    turns.mark('cancel')
    wait(3)
    expect(types()).toEqual(['speech', 'turn'])
    expect(turn()).toEqual(spoken)
  })
})

it('takes a second start while speaking for the first', () => {
  const { turns, hear, wait, turn, types } = setUp()
  turns.mark('start')
  const one = hear()
  turns.mark('start')
  const two = hear()
  turns.mark('end')
  wait(3)
  expect(types()).toEqual(['speech', 'turn'])
  expect(turn()).toEqual(concat([one, two]))
})

describe('a turn that is too long', () => {
  it('is handed over while the caller goes on speaking, and nothing is lost at the cut', () => {
    const { turns, hear, wait, events, types } = setUp()
    turns.mark('start')
    const parts = Array.from({ length: 60 }, () => hear())
    expect(types()).toEqual(['speech', 'turn'])
    turns.mark('end')
    wait(3)
    expect(types()).toEqual(['speech', 'turn', 'turn'])
    const turnsHeard = events.flatMap((event) => (event.type === 'turn' ? [event.samples] : []))
    expect(turnsHeard[0]).toHaveLength(samplesOf(OPTIONS.maxTurnMs))
    expect(concat(turnsHeard)).toEqual(concat(parts))
  })

  it('is handed over once when it is cut in the hangover', () => {
    const { turns, hear, wait, types } = setUp()
    turns.mark('start')
    for (let i = 0; i < 49; i++) hear()
    turns.mark('end')
    hear()
    expect(types()).toEqual(['speech', 'turn'])
    hear()
    wait(10)
    expect(types()).toEqual(['speech', 'turn'])
  })

  it('leaves no empty turn behind when the caller stops at the cut', () => {
    const { turns, hear, wait, types } = setUp()
    turns.mark('start')
    for (let i = 0; i < 50; i++) hear()
    turns.mark('end')
    wait(3)
    expect(types()).toEqual(['speech', 'turn', 'cancelled'])
  })
})

describe('what was said while there was no connection', () => {
  const missed = (length: number) => Int16Array.from({ length }, (_, i) => -1 - i)

  it('is a turn of its own at once, when the person has finished', () => {
    const { turns, hear, turn, types } = setUp()
    hear()
    turns.catchUp(false)
    expect(types()).toEqual(['speech'])
    turns.missed(missed(5_000))
    expect(types()).toEqual(['speech', 'turn'])
    expect(turn()).toEqual(missed(5_000))
  })

  it('leaves what comes after it to the next turn', () => {
    const { turns, hear, wait, turn } = setUp()
    turns.catchUp(false)
    const after = hear()
    turns.missed(missed(100))
    turns.mark('start')
    const spoken = hear()
    turns.mark('end')
    wait(3)
    expect(turn()).toEqual(concat([after, spoken]))
  })

  it('comes before what is said meanwhile and after, when the person still speaks', () => {
    const { turns, hear, wait, turn, types } = setUp()
    turns.catchUp(true)
    const meanwhile = [hear(), hear()]
    wait(20)
    turns.missed(missed(5_000))
    const after = hear()
    turns.mark('end')
    wait(3)
    expect(types()).toEqual(['speech', 'turn'])
    expect(turn()).toEqual(concat([missed(5_000), ...meanwhile, after]))
  })

  it.each(['speaking', 'trailing'])('takes the place of the part that was heard: %s', (phase) => {
    const { turns, hear, wait, events } = setUp()
    hear()
    turns.mark('start')
    hear()
    if (phase === 'trailing') turns.mark('end')
    turns.catchUp(false)
    wait(10)
    turns.missed(missed(300))
    const heard = events.flatMap((event) => (event.type === 'turn' ? [event.samples] : []))
    expect(heard).toEqual([missed(300)])
  })

  it('is forgotten when the connection that brings it is lost', () => {
    const { turns, hear, wait, turn, types } = setUp()
    turns.catchUp(true)
    hear()
    turns.lost()
    turns.missed(missed(300))
    const again = hear()
    turns.mark('start')
    turns.mark('end')
    wait(3)
    expect(types()).toEqual(['speech', 'speech', 'turn'])
    expect(turn()).toEqual(again)
  })

  it('is not waited for longer than a turn may last', () => {
    const { turns, hear, types } = setUp()
    turns.catchUp(true)
    for (let i = 0; i < 50; i++) hear()
    expect(types()).toEqual(['speech', 'turn'])
    turns.missed(missed(300))
    expect(types()).toEqual(['speech', 'turn'])
  })

  it('counts for the length of its turn', () => {
    const { turns, hear, types } = setUp()
    turns.catchUp(true)
    turns.missed(missed(samplesOf(990)))
    hear()
    expect(types()).toEqual(['speech', 'turn'])
  })
})

it('a loss leaves a turn that was under way as it is', () => {
  const { turns, hear, wait, turn } = setUp()
  turns.mark('start')
  const parts = [hear()]
  turns.lost()
  parts.push(hear())
  turns.mark('end')
  wait(3)
  expect(turn()).toEqual(concat(parts))
})

it('keeps its promises for marks, audio and ticks in any order', () => {
  const options = { preRollMs: 5, hangoverMs: 60, maxTurnMs: 50 }
  const longestChunk = 200
  for (let seed = 1; seed <= 150; seed++) {
    const random = randomFrom(seed)
    const { turns, hear, wait, events } = setUp(options)
    for (let step = 0; step < 300; step++) {
      const choice = Math.floor(random() * 8)
      const mark = MARKS[choice]
      if (mark) turns.mark(mark)
      else if (choice === 4) wait(Math.floor(random() * 4))
      else hear(Math.floor(random() * longestChunk))
    }
    const inTurns = events.flatMap((event) => (event.type === 'turn' ? [event.samples] : []))
    for (const samples of inTurns) {
      expect(samples.length).toBeGreaterThan(0)
      expect(samples.length).toBeLessThan(samplesOf(options.maxTurnMs) + longestChunk)
    }
    // The samples are numbered, so: none was handed over twice, none out of order, none was made up.
    const all = concat(inTurns)
    for (let i = 1; i < all.length; i++) {
      if ((all[i] ?? 0) <= (all[i - 1] ?? 0))
        expect.fail(`seed ${seed}: sample ${i} is out of order`)
    }

    // Whatever it was left in, it gets back to listening with no more than its pre-roll in hand.
    turns.mark('end')
    wait(3)
    hear(10 * longestChunk)
    events.length = 0
    turns.mark('start')
    turns.mark('end')
    wait(3)
    const last = events.find((event) => event.type === 'turn')
    expect(last?.samples).toHaveLength(samplesOf(options.preRollMs))
  }
})

/** Sound whose samples count up, so that each can be told from its neighbours. */
function setUp(options = OPTIONS) {
  const events: TurnEvent[] = []
  const turns = new Turns((event) => events.push(event), options)
  let counter = 0
  return {
    turns,
    events,
    types: () => events.map(({ type }) => type),
    turn: () => events.findLast((event) => event.type === 'turn')?.samples,
    hear: (length = FRAME_SAMPLES): Int16Array => {
      const samples = Int16Array.from({ length }, () => counter++)
      turns.audio(samples)
      return samples
    },
    wait: (frames: number): void => {
      for (let i = 0; i < frames; i++) turns.tick()
    },
  }
}

/** A small generator of repeatable numbers in 0-1 (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
