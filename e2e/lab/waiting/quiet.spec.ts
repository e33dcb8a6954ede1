/**
 * A caller who says nothing for longer than the routers on the way remember a flow is still on the
 * line: the next word is heard and answered on the same connection.
 */
import { likeness } from '../../audio/heard.ts'
import { speech } from '../../audio/speech.ts'
import { expect, test, type LabCaller } from '../fixtures.ts'
import { UDP_ALONE } from '../live-caller.ts'
import type { Network } from '../net/description.ts'

const NETWORK: Network = {
  name: 'quiet',
  caller: { nat: 'symmetric', mappingTimeoutS: 30, firewall: 'idle-cut-60' },
  path: { rttMs: 50 },
}
/** Longer than the firewall's 60 s, and than the 30 s of the NAT and of Firefox's consent to send. */
const QUIET_MS = 65_000

test.describe.configure({ timeout: 150_000 })

test('a caller is quiet for 65 s behind routers that forget, and is then answered', async ({
  callerIn,
}) => {
  const said = await speech('Hello, are you still there?')
  // Side by side: most of the time is spent waiting.
  const callers = [
    await callerIn({ network: NETWORK, node: UDP_ALONE, browser: 'chromium' }),
    await callerIn({ network: NETWORK, node: UDP_ALONE, browser: 'firefox' }),
  ]
  for (const caller of callers) {
    await caller.tap()
    await expect(caller.page.locator('main')).toHaveAttribute('data-path', 'relay/udp')
  }
  // The first has come back once if the start of the second browser kept the machine busy.
  const connections = (caller: LabCaller) => caller.page.evaluate(() => window.earshotPeers.length)
  const before = await Promise.all(callers.map(connections))
  await callers[0]?.page.waitForTimeout(QUIET_MS)
  expect(await Promise.all(callers.map(connections))).toEqual(before)
  for (const caller of callers) {
    await expect(caller.status()).toContainText('Listening')
    await caller.page.evaluate(() => window.earshotHeard.at(-1)?.chunks.splice(0))
    const saying = caller.say(said)
    await expect(caller.status()).toContainText('Answering')
    await saying
    await expect
      .poll(async () => likeness(said, (await caller.heard()).samples), { timeout: 15_000 })
      .toBeGreaterThan(0.6)
  }
})
