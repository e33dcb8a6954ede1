import { describe, expect, it } from 'vitest'
import { CallFailure } from './failure.ts'
import { type CallChange, type CallState, IDLE, type LiveState, nextState } from './state.ts'

const call = 'eu-abcdefghijklmnopqrstuv'

function after(...changes: CallChange[]): CallState {
  return changes.reduce(nextState, IDLE)
}

function live(...changes: CallChange[]): LiveState {
  const ready: CallChange = {
    type: 'event',
    event: { type: 'call.ready', version: 2, handler: 'echo', mode: 'turns', turn: 0 },
  }
  const state = after({ type: 'open', call, at: 5 }, ready, ...changes)
  if (state.status !== 'live') throw new Error(`not live: ${state.status}`)
  return state
}

const start: CallChange = { type: 'mark', mark: 'speech.start' }
const end: CallChange = { type: 'mark', mark: 'speech.end' }
const cancel: CallChange = { type: 'mark', mark: 'speech.cancel' }
const turn = (n: number): CallChange => ({
  type: 'event',
  event: { type: 'turn', turn: n, ms: 900 },
})
const reply = (n: number): CallChange => ({
  type: 'event',
  event: { type: 'reply.start', turn: n, fromMs: 0 },
})
const over = (n: number): CallChange => ({
  type: 'event',
  event: { type: 'reply.end', turn: n, reason: 'complete', playedMs: 1 },
})
const unduck: CallChange = { type: 'event', event: { type: 'unduck' } }

describe('nextState', () => {
  it('keeps the time of the tap through the steps', () => {
    const state = after(
      { type: 'step', step: 'mic', at: 1 },
      { type: 'step', step: 'answer', at: 2 },
      { type: 'step', step: 'relay', at: 3 },
    )
    expect(state).toEqual({ status: 'connecting', step: 'relay', since: 1 })
  })

  it('is late until it is decided, whatever step it gets to', () => {
    const late: CallChange[] = [
      { type: 'step', step: 'answer', at: 1 },
      { type: 'doubt', doubt: undefined },
      { type: 'step', step: 'relay', at: 3 },
    ]
    expect(after(...late)).toEqual({
      status: 'connecting',
      step: 'late',
      doubt: undefined,
      since: 1,
    })
    expect(after(...late, { type: 'open', call, at: 5 })).toMatchObject({ status: 'live' })
    expect(live({ type: 'doubt', doubt: undefined })).toMatchObject({ status: 'live' })
  })

  it('says reconnecting, not connecting, through the steps of a rejoin', () => {
    const state = after(
      { type: 'open', call, at: 1 },
      { type: 'lost', forMs: 0, at: 7 },
      { type: 'step', step: 'answer', at: 8 },
      { type: 'lost', forMs: 2, at: 9 },
    )
    expect(state).toEqual({ status: 'reconnecting', forMs: 2, since: 7 })
  })

  it('carries what was said over a rejoin', () => {
    const carried = {
      speaking: false,
      answer: { kind: 'thinking', turn: 3 },
      notice: { kind: 'started-over' },
    } as const
    const lost: CallChange = { type: 'lost', forMs: 0, at: 7 }
    const state = after({ type: 'open', call, at: 1 }, lost, { type: 'open', call, at: 9, carried })
    expect(state).toMatchObject({ status: 'live', since: 9, floor: 'thinking', ...carried })
    const speaking = after({ type: 'open', call, at: 9, carried: { ...carried, speaking: true } })
    expect(speaking).toMatchObject({ floor: 'you' })
  })

  it('starts afresh with a tap after a failure', () => {
    const state = after(
      { type: 'failed', failure: new CallFailure('offline', 'x'), call: undefined },
      { type: 'step', step: 'mic', at: 20 },
    )
    expect(state).toEqual({ status: 'connecting', step: 'mic', since: 20 })
  })

  it('leaves a call that is not live alone', () => {
    expect(nextState(IDLE, start)).toBe(IDLE)
    expect(nextState(IDLE, turn(1))).toBe(IDLE)
    expect(nextState(IDLE, { type: 'no-turn' })).toBe(IDLE)
  })
})

describe('the floor', () => {
  it.each<[string, CallChange[], string]>([
    ['is nobody’s at first', [], 'nobody'],
    ['is yours while you speak', [start], 'you'],
    ['stays yours when it is speech', [start, { type: 'mark', mark: 'speech.confirm' }], 'you'],
    ['is the handler’s when you pause', [start, end], 'thinking'],
    ['stays so once the turn is confirmed', [start, end, turn(1)], 'thinking'],
    ['is the reply’s', [start, end, turn(1), reply(1)], 'reply'],
    ['is nobody’s after the reply', [start, end, turn(1), reply(1), over(1)], 'nobody'],
    ['is yours when you speak over the reply', [turn(1), reply(1), start], 'you'],
    ['goes back to the reply after a cough', [turn(1), reply(1), start, cancel], 'reply'],
    ['goes back to the reply until it is stopped', [turn(1), reply(1), start, end], 'reply'],
    ['is nobody’s after a cough in silence', [start, cancel], 'nobody'],
    ['is nobody’s when the node heard no speech', [start, end, unduck], 'nobody'],
    ['is nobody’s when no turn comes of it', [start, end, { type: 'no-turn' }], 'nobody'],
    ['ignores the end of an older reply', [turn(1), reply(1), turn(2), over(1)], 'thinking'],
    ['ignores unduck under a confirmed turn', [start, end, turn(1), unduck], 'thinking'],
  ])('%s', (_, changes, floor) => {
    expect(live(...changes).floor).toBe(floor)
  })

  it('is nobody’s at the end of speech when the handler takes frames', () => {
    const ready: CallChange = {
      type: 'event',
      event: { type: 'call.ready', version: 2, handler: 'loopback', mode: 'frames', turn: 0 },
    }
    expect(live(ready, start, end).floor).toBe('nobody')
  })

  it('shows why a turn failed until the next one begins', () => {
    const error: CallChange = {
      type: 'event',
      event: { type: 'handler.error', turn: 1, message: 'It broke.' },
    }
    expect(live(turn(1), error)).toMatchObject({
      floor: 'nobody',
      notice: { message: 'It broke.' },
    })
    expect(live(turn(1), error, start).notice).toBeUndefined()
  })
})
