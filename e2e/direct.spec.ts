import { concat } from '@earshot/audio'
import { TONE_HZ } from '../apps/media/src/handlers/tone.ts'
import { LOOPBACK } from '../scripts/stack/places.ts'
import { toneStretches, totalMs } from './audio/heard.ts'
import { silence, speech } from './audio/speech.ts'
import { expect, test } from './fixtures.ts'

test('a direct call is answered with a tone', async ({ stack, callerWith }) => {
  await stack.node({ via: 'direct', handler: 'tone' })
  const lines = concat([silence(2500), await speech('Hello, is anybody there?'), silence(1000)])
  const caller = await callerWith({ lines })
  await caller.ready()
  await caller.tap()

  await expect(caller.status()).toContainText('Answering', { timeout: 20_000 })
  await expect
    .poll(async () => totalMs(toneStretches(await caller.heard(), TONE_HZ)), { timeout: 15_000 })
    .toBeGreaterThan(2000)
  const pair = await caller.selectedPair()
  expect(pair).toMatchObject({ remoteAddress: LOOPBACK.media, relayProtocol: undefined })
  expect(pair?.local).not.toBe('relay')
  await expect(caller.page.locator('main')).toHaveAttribute('data-path', 'direct/udp')
  await expect(caller.page.getByRole('note', { name: 'Path of the call' })).toContainText(
    'Direct · UDP',
  )
})
