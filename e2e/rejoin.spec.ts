/** A call outlives the node that carried it. */
import type { Page } from '@playwright/test'
import { silence } from './audio/speech.ts'
import { expect, test } from './fixtures.ts'

test('a call moves to another node when its own shuts down', async ({ stack, callerWith }) => {
  await stack.relay()
  const first = await stack.node({ via: 'udp' })
  const caller = await callerWith({ lines: silence(100) })
  await caller.tap()
  await expect(caller.status()).toContainText('Listening')
  await stack.node({ via: 'udp' })
  await first.stop()
  await expect.poll(() => connections(caller.page)).toBe(2)
  await expect(caller.status()).toContainText('Listening')
  await expect(caller.page.locator('main')).toHaveAttribute('data-path', 'relay/udp')

  // It is made in a frame, which is told of the machine's addresses anew, and goes with the call.
  expect(caller.page.frames()).toHaveLength(2)
  await caller.tap('Hang up')
  await expect(caller.status()).toContainText('Call ended')
  await expect.poll(() => caller.page.frames().length).toBe(1)
})

test('a call comes back after its node was killed and started again', async ({
  stack,
  callerWith,
}) => {
  await stack.relay()
  const node = await stack.node({ via: 'udp' })
  const caller = await callerWith({ lines: silence(100) })
  await caller.tap()
  await expect(caller.status()).toContainText('Listening')
  process.kill(node.part.pid, 'SIGKILL')
  await stack.node({ via: 'udp' })
  // The page says "Reconnecting" for as long as it takes, which may be too short to be seen.
  await expect.poll(() => connections(caller.page), { timeout: 20_000 }).toBeGreaterThan(1)
  await expect(caller.status()).toContainText('Listening')
})

/** How many connections the page has made. */
function connections(page: Page): Promise<number> {
  return page.evaluate(() => window.earshotPeers.length)
}
