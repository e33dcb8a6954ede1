import { RESUME_MS, type FromNode } from '@earshot/protocol'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Conversations } from './conversations.ts'
import { replyOnPause } from './handler.ts'
import { echo } from './handlers/echo.ts'
import { createLog } from './log.ts'
import { createMetrics } from './metrics.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

describe('a conversation without a call', () => {
  it('waits for two minutes, and no longer', () => {
    const { conversations, reached } = setUp()
    reached('a')
    conversations.wait('a')
    vi.advanceTimersByTime(RESUME_MS - 1)
    expect(conversations.get('a')).toBeDefined()
    vi.advanceTimersByTime(1)
    expect(conversations.get('a')).toBeUndefined()
  })

  it('waits no more once its caller is back', () => {
    const { conversations, reached } = setUp()
    const conversation = reached('a')
    conversations.wait('a')
    expect(conversations.open('a', 'second', { turn: 5 })).toBe(conversation)
    vi.advanceTimersByTime(10 * RESUME_MS)
    expect(conversations.get('a')).toBe(conversation)
    expect(conversations.idOf('second')).toBe('a')
    expect(conversations.idOf('call of a')).toBeUndefined()
  })

  it('that has waited longest gives way when too many wait', () => {
    const { conversations, reached } = setUp()
    for (const id of ['a', 'b', 'c']) reached(id)
    for (const id of ['b', 'a', 'c']) conversations.wait(id)
    expect(['a', 'b', 'c'].filter((id) => conversations.get(id))).toEqual(['a', 'c'])
    expect(vi.getTimerCount()).toBe(2)
  })

  it('that no connection ever reached is not kept', () => {
    const { conversations } = setUp()
    conversations.open('a', 'call of a', undefined)
    conversations.wait('a')
    expect(conversations.get('a')).toBeUndefined()
    expect(vi.getTimerCount()).toBe(0)
  })
})

it('leaves nothing behind when all are closed', () => {
  const { conversations, reached } = setUp()
  for (const id of ['a', 'b']) reached(id)
  conversations.wait('a')
  conversations.closeAll()
  conversations.closeAll()
  conversations.wait('b')
  expect([conversations.get('a'), conversations.get('b')]).toEqual([undefined, undefined])
  expect(vi.getTimerCount()).toBe(0)
})

it('is not there when its handler cannot be made', () => {
  const { conversations } = setUp(
    replyOnPause(() => {
      throw new Error('no model file')
    }),
  )
  expect(() => conversations.open('a', 'call of a', undefined)).toThrow('no model file')
  expect(conversations.get('a')).toBeUndefined()
})

it('tells again what should be kept, by the newest call of each', () => {
  const { conversations, frames } = setUp()
  conversations.open('a', 'first', { turn: 2, state: '"x"' })
  conversations.open('a', 'second', undefined)
  conversations.open('b', 'third', undefined)
  conversations.keepAll()
  expect(frames).toEqual([{ type: 'keep', call: 'second', kept: { turn: 2, state: '"x"' } }])
})

function setUp(handler = echo) {
  const frames: FromNode[] = []
  const conversations = new Conversations({
    handlerName: 'test',
    handler,
    maxWaiting: 2,
    keep: (frame) => frames.push(frame),
    metrics: createMetrics(1, () => 0),
    log: createLog('silent', {}),
  })
  return {
    conversations,
    frames,
    /** A conversation that a connection has reached and lost. */
    reached: (id: string) => {
      const conversation = conversations.open(id, `call of ${id}`, undefined)
      const line = { tell: () => true, play: () => undefined, timestamp: () => undefined }
      conversation.attach(line, true)
      conversation.detach(line)
      return conversation
    },
  }
}
