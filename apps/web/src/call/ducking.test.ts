import type { NodeEvent } from '@earshot/protocol'
import { describe, expect, it } from 'vitest'
import { duckOnEvent, duckOnMark, NOT_DUCKED } from './ducking.ts'
import type { Mark } from './state.ts'

const reply: NodeEvent = { type: 'reply.start', turn: 1, fromMs: 0 }
const interrupted: NodeEvent = { type: 'reply.end', turn: 1, reason: 'interrupted', playedMs: 9 }
const complete: NodeEvent = { type: 'reply.end', turn: 1, reason: 'complete', playedMs: 9 }
const unduck: NodeEvent = { type: 'unduck' }

function ducked(...happened: (Mark | NodeEvent)[]): boolean {
  return happened.reduce(
    (state, one) => (typeof one === 'string' ? duckOnMark(state, one) : duckOnEvent(state, one)),
    NOT_DUCKED,
  ).ducked
}

describe('ducking', () => {
  it.each<[string, (Mark | NodeEvent)[], boolean]>([
    ['at the first sign of speech', [reply, 'speech.start'], true],
    ['until the node has decided', [reply, 'speech.start', 'speech.end'], true],
    ['through its confirmation', [reply, 'speech.start', 'speech.confirm'], true],
    ['when a reply starts under it', ['speech.start', 'speech.confirm', reply], true],
    ['no more after a cough', [reply, 'speech.start', 'speech.cancel'], false],
    ['no more when the node says so', [reply, 'speech.start', unduck], false],
    ['while an interrupted reply runs dry', [reply, 'speech.start', interrupted, unduck], true],
    ['still, when the speech is over', [reply, 'speech.start', interrupted, 'speech.end'], true],
    ['still, after a cough', [reply, 'speech.start', interrupted, 'speech.cancel'], true],
    [
      'no more once the next reply starts',
      ['speech.start', interrupted, 'speech.end', reply],
      false,
    ],
    ['when a reply starts under speech', ['speech.start', reply], true],
    ['not by the end of a whole reply', [reply, complete], false],
  ])('is down %s: %#', (_, happened, expected) => {
    expect(ducked(...happened)).toBe(expected)
  })
})
