import { LOOPBACK } from '../scripts/stack/places.ts'
import { TONE_HZ } from '../apps/media/src/handlers/tone.ts'
import { concat } from '@earshot/audio'
import { likeness, toneStretches, totalMs } from './audio/heard.ts'
import { silence, speech } from './audio/speech.ts'
import { expect, test } from './fixtures.ts'

for (const transport of ['udp', 'tcp'] as const) {
  test(`a call through the relay over ${transport} is answered with a tone`, async ({
    stack,
    callerWith,
  }) => {
    await stack.relay()
    await stack.node({ via: transport, handler: 'tone' })
    const lines = concat([silence(2500), await speech('Hello, is anybody there?'), silence(1000)])
    const caller = await callerWith({ lines })
    await caller.ready()
    await caller.tap()

    await expect(caller.status()).toContainText('Listening')
    // The first that the node says, and what the page's watch over the path begins with.
    const events = () => caller.page.evaluate(() => window.earshotEvents.join('\n'))
    await expect.poll(events).toContain('"type":"call.ready"')
    await expect(caller.status()).toContainText('Answering', { timeout: 20_000 })
    await expect
      .poll(async () => totalMs(toneStretches(await caller.heard(), TONE_HZ)), { timeout: 15_000 })
      .toBeGreaterThan(2000)

    expect(await caller.selectedPair()).toEqual({
      local: 'relay',
      remote: expect.stringMatching(/host|prflx/),
      remoteAddress: LOOPBACK.media,
      relayProtocol: transport,
    })
    await expect(caller.page.locator('main')).toHaveAttribute('data-path', `relay/${transport}`)
    await expect(caller.page.getByRole('note', { name: 'Path of the call' })).toContainText(
      `Relay · ${transport.toUpperCase()}`,
    )
  })
}

test('a call through the relay says back what was said', async ({ stack, callerWith }) => {
  await stack.relay()
  await stack.node({ via: 'udp', handler: 'echo' })
  const said = await speech('The quick brown fox jumps over the lazy dog.')
  const caller = await callerWith({ lines: concat([silence(2500), said, silence(1000)]) })
  await caller.ready()
  await caller.tap()
  await expect(caller.status()).toContainText('Answering', { timeout: 20_000 })
  await expect(caller.status()).toContainText('Listening', { timeout: 15_000 })

  const { samples } = await caller.heard()
  // Other sentences in the same voice reach 0.5 at most, which the last line keeps true.
  expect(likeness(said, samples)).toBeGreaterThan(0.6)
  expect(
    likeness(await speech('Please call Stella and ask her to bring it.'), samples),
  ).toBeLessThan(0.6)
})
