import { concat } from '@earshot/audio'
import { TONE_HZ } from '../apps/media/src/handlers/tone.ts'
import { toneStretches } from './audio/heard.ts'
import { silence, speech } from './audio/speech.ts'
import { expect, test } from './fixtures.ts'

test('speech over a long reply stops it', async ({ stack, callerWith }) => {
  await stack.relay()
  await stack.node({ via: 'udp', handler: 'tone' })
  const question = await speech('Tell me a very long story.')
  const interruption = await speech('Wait, please stop now.')
  const gap = 3000
  const lines = concat([silence(2500), question, silence(gap), interruption, silence(4000)])
  const caller = await callerWith({ lines })
  await caller.ready()
  await caller.tap()
  const main = caller.page.locator('main')
  await expect(main).toHaveAttribute('data-floor', 'reply', { timeout: 20_000 })
  await expect(main).toHaveAttribute('data-floor', 'you', { timeout: 10_000 })
  const interruptedAt = await caller.page.evaluate(() => performance.now())
  // The second answer proves that the interruption was itself a turn.
  await expect(main).toHaveAttribute('data-floor', 'reply', { timeout: 10_000 })
  await caller.page.waitForTimeout(1000)

  const tones = toneStretches(await caller.heard(), TONE_HZ)
  const [first, second] = tones
  if (!first || !second) throw new Error(`two answers were due: ${JSON.stringify(tones)}`)
  // The tone would have lasted 6 s; it stopped at the received audio (before any ducking) soon after.
  expect(first.to - first.from).toBeLessThan(5000)
  expect(first.to - interruptedAt).toBeLessThan(500)
  expect(second.from).toBeGreaterThan(first.to + 500)
})
