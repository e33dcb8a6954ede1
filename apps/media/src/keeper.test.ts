import { MAX_STATE_BYTES } from '@earshot/protocol'
import { describe, expect, it } from 'vitest'
import { Keeper } from './keeper.ts'

describe('what is kept', () => {
  it('goes from one node to the next', () => {
    const before = new Keeper()
    expect(before.value).toBeUndefined()
    before.keep({ said: ['hello'], at: new Date(0) })
    const kept = before.commit(3)
    const after = new Keeper(kept)
    expect(after.value).toEqual({ said: ['hello'], at: '1970-01-01T00:00:00.000Z' })
    expect(after.value).toEqual(before.value)
    expect(after.committed).toEqual(kept)
    expect(after.commit(4)).toEqual({ ...kept, turn: 4 })
  })

  it('is a copy: what the handler changes afterwards is not kept', () => {
    const keeper = new Keeper()
    const words = ['one']
    keeper.keep(words)
    words.push('two')
    expect(keeper.value).toEqual(['one'])
  })

  it('is the number alone when the handler keeps nothing, or nothing any more', () => {
    const keeper = new Keeper()
    expect(keeper.committed).toBeUndefined()
    expect(keeper.commit(1)).toEqual({ turn: 1 })
    keeper.keep('something')
    keeper.keep(undefined)
    expect(keeper.commit(2)).toEqual({ turn: 2 })
    expect(keeper.value).toBeUndefined()
  })

  it('belongs to a turn only when that is over', () => {
    const keeper = new Keeper()
    keeper.keep('first')
    keeper.commit(1)
    keeper.keep('second')
    expect(keeper.changed).toBe(true)
    expect(keeper.committed).toEqual({ turn: 1, state: '"first"' })
    keeper.commit(2)
    expect(keeper.changed).toBe(false)
  })

  it('is refused when it is too much, counted in bytes, and what was kept before stays', () => {
    const keeper = new Keeper()
    keeper.keep('x'.repeat(MAX_STATE_BYTES - 2))
    const kept = keeper.value
    expect(() => keeper.keep('x'.repeat(MAX_STATE_BYTES - 1))).toThrow(RangeError)
    expect(() => keeper.keep('é'.repeat(MAX_STATE_BYTES / 2))).toThrow(RangeError)
    expect(() => keeper.keep(1n)).toThrow(TypeError)
    expect(keeper.value).toBe(kept)
  })

  it('is dropped when it is no JSON, and the number is not', () => {
    const keeper = new Keeper({ turn: 5, state: '{' })
    expect(keeper.value).toBeUndefined()
    expect(keeper.committed).toEqual({ turn: 5 })
  })
})
