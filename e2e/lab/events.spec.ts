/**
 * What happens to a network in the middle of a call: the call goes on, or comes back by itself. How
 * long that takes is printed; the bounds here only tell "at once" from "never".
 */
import { likeness } from '../audio/heard.ts'
import { speech } from '../audio/speech.ts'
import { expect, test, type LabCaller } from './fixtures.ts'
import { CALLERS_NETWORK, comesBack, liveCaller } from './live-caller.ts'

test.describe.configure({ timeout: 120_000 })

test('the address changes, as from Wi-Fi to mobile data', async ({ callerIn }) => {
  const caller = await liveCaller(callerIn)
  await caller.lab.join('mobile')
  await comesBack(caller, 'address change')
})

test('the caller is on two networks and leaves one, as a laptop its dock', async ({ callerIn }) => {
  const caller = await liveCaller(callerIn)
  await caller.lab.joinBeside('mobile')
  await caller.page.waitForTimeout(3_000)
  expect(await caller.page.evaluate(() => window.earshotPeers.length)).toBe(1)
  await caller.lab.join('mobile')
  await comesBack(caller, 'leaving one of two networks')
})

test('a symmetric NAT forgets its mappings', async ({ callerIn }) => {
  const caller = await liveCaller(callerIn, { ...CALLERS_NETWORK, caller: { nat: 'symmetric' } })
  await caller.lab.flushMappings()
  await comesBack(caller, 'forgotten mappings')
})

test('coturn restarts', async ({ callerIn }) => {
  const caller = await liveCaller(callerIn)
  await caller.stack.stopRelay()
  await caller.stack.startRelay()
  await comesBack(caller, 'coturn restart')
})

test('the node is killed and another one is there', async ({ callerIn }) => {
  const caller = await liveCaller(callerIn)
  await caller.stack.node({ host: 'media2' })
  await caller.stack.killNode('media')
  await comesBack(caller, 'killed node')
  await expect.poll(async () => (await caller.selectedPair())?.remoteAddress).toBe('172.30.0.11')
})

test('the worker restarts', async ({ callerIn }) => {
  const said = await speech('Hello, is anybody there?')
  const caller = await liveCaller(callerIn)
  const { edge } = caller.stack
  await edge.stop()
  await isAnswered(caller, said)

  await caller.stack.startEdgeAgain()
  await expect.poll(() => caller.stack.edge.nodeLinked(), { timeout: 20_000 }).toBe(true)
  await isAnswered(caller, said)
  expect(await caller.page.evaluate(() => window.earshotPeers.length)).toBe(1)

  // The new worker was told of the call, and takes others.
  await caller.tap('Hang up')
  await expect(caller.status()).toContainText('Call ended')
  await caller.tap()
  await expect(caller.page.locator('main')).toHaveAttribute('data-path', 'relay/udp')
  await isAnswered(caller, said)
})

/** What is said now is heard at the other end, and comes back. */
async function isAnswered(caller: LabCaller, said: Int16Array): Promise<void> {
  await caller.page.evaluate(() => window.earshotHeard.at(-1)?.chunks.splice(0))
  await caller.say(said)
  await expect
    .poll(async () => likeness(said, (await caller.heard()).samples), { timeout: 15_000 })
    .toBeGreaterThan(0.6)
  await expect(caller.status()).toContainText('Listening')
}
