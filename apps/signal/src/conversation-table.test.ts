import { runInDurableObject } from 'cloudflare:test'
import { describe, expect, it } from 'vitest'
import { RESUME_MS } from '@earshot/protocol'
import { ConversationTable, type Conversation } from './conversation-table.ts'
import { World } from './testing.ts'

/** A conversation at its first call. Whatever names it begins with `name`. */
function begun(name: string): Omit<Conversation, 'expires'> {
  const names = { conversation: name, call: name, token: `${name}-token` }
  return { ...names, node: 'n', previous: null, former: null, attempt: 0, turn: 0, state: null }
}

/** Runs `test` with a table in the storage of a fleet that nothing else uses. */
async function withTable(
  maxWaiting: number,
  test: (table: ConversationTable, storage: DurableObjectStorage) => void,
): Promise<void> {
  await runInDurableObject(new World().fleet(), (_fleet, { storage }) => {
    test(new ConversationTable(storage.sql, maxWaiting), storage)
  })
}

describe('the table of conversations', () => {
  it('has so many that wait for their callers, and gives up the oldest', () =>
    withTable(3, (table) => {
      for (const [at, name] of ['a', 'b', 'living', 'c', 'd'].entries()) {
        table.offered(begun(name), at)
        table.answered(name)
      }
      for (const [at, name] of ['b', 'a', 'd', 'c'].entries()) table.ended(name, 'n', 10 + at)
      const kept = ['a', 'b', 'c', 'd', 'living'].filter((name) => table.byId(name))
      expect(kept).toEqual(['a', 'c', 'd', 'living'])
    }))

  it('holds the bound when a node goes with all that it had', () =>
    withTable(3, (table) => {
      for (const name of ['a', 'b', 'c', 'd', 'e']) {
        table.offered(begun(name), 0)
        table.answered(name)
      }
      table.nodeGone('n', 5)
      expect(['a', 'b', 'c', 'd', 'e'].filter((name) => table.byId(name))).toHaveLength(3)
    }))

  it('knows when the first of them expires, and forgets it then', () =>
    withTable(3, (table) => {
      expect(table.nextExpiry()).toBeUndefined()
      table.offered(begun('a'), 7)
      table.offered(begun('b'), 5)
      expect(table.nextExpiry()).toBe(5 + RESUME_MS)
      expect(table.byToken('b-token', 4 + RESUME_MS)?.conversation).toBe('b')
      expect(table.byToken('b-token', 5 + RESUME_MS)).toBeUndefined()
      expect(table.byCall('b', 0)).toBeUndefined()
      table.answered('a')
      expect(table.nextExpiry()).toBeUndefined()
    }))

  it('is the same for whoever opens it next', () =>
    withTable(3, (table, storage) => {
      table.offered({ ...begun('a'), turn: 3, state: '{}' }, 5)
      const row = { ...begun('a'), turn: 3, state: '{}', expires: 5 + RESUME_MS }
      expect(new ConversationTable(storage.sql).byToken('a-token', 5)).toEqual(row)
    }))

  it('puts back what nobody has answered, and nothing over what came later', () =>
    withTable(3, (table) => {
      table.offered(begun('a'), 0)
      table.answered('a')
      const before = table.byToken('a-token', 0)
      if (before === undefined) throw new Error('there is nothing to put back')
      const next = { ...begun('a'), call: 'b', token: 'b-token', previous: 'a-token', former: 'a' }
      table.offered(next, 1)
      table.restore(before, 'other', 2)
      expect(table.byId('a')?.call).toBe('b')
      table.restore(before, 'b', 2)
      expect(table.byId('a')).toEqual({ ...before, expires: 2 + RESUME_MS })
      table.over('a')
      table.restore(before, 'a', 3)
      expect(table.byId('a')).toBeUndefined()
    }))
})
