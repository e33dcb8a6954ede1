import { expect, it } from 'vitest'
import { Unsent } from './unsent.ts'

it('keeps what matters later, once, in order', () => {
  const unsent = new Unsent()
  unsent.add({ type: 'output', data: 1 })
  unsent.add({ type: 'unduck' })
  unsent.add({ type: 'reply.start', turn: 1, fromMs: 0 })
  unsent.add({ type: 'handler.error', turn: 1, message: 'no' })
  expect(unsent.take()).toEqual([
    { type: 'output', data: 1 },
    { type: 'handler.error', turn: 1, message: 'no' },
  ])
  expect(unsent.take()).toEqual([])
})

it('keeps the newest 64 KB', () => {
  const unsent = new Unsent()
  for (let i = 0; i < 1_000; i++) unsent.add({ type: 'output', data: `${i}${'x'.repeat(1_000)}` })
  const events = unsent.take()
  expect(JSON.stringify(events).length).toBeLessThan(66 * 1024)
  expect(events.length).toBeGreaterThan(60)
  expect(JSON.stringify(events.at(-1))).toContain('999x')
})
