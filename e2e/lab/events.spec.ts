/**
 * What happens to a network in the middle of a call: the call goes on, or comes back by itself. How
 * long that takes is printed; the bounds here only tell "at once" from "never".
 */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { likeness } from '../audio/heard.ts'
import { speech } from '../audio/speech.ts'
import { expect, test, type LabCaller } from './fixtures.ts'
import type { Network } from './net/description.ts'

const NETWORK: Network = {
  name: 'event',
  caller: { nat: 'port-restricted' },
  path: { rttMs: 50 },
}
/** Two attempts to join, on a busy machine. */
const SOON_MS = 6_000

test.describe.configure({ timeout: 120_000 })

test('the address changes, as from Wi-Fi to mobile data', async ({ callerIn }) => {
  const caller = await liveCaller(callerIn)
  await caller.lab.join('mobile')
  await comesBack(caller, 'address change')
})

test('a symmetric NAT forgets its mappings', async ({ callerIn }) => {
  const caller = await liveCaller(callerIn, { ...NETWORK, caller: { nat: 'symmetric' } })
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

for (const seconds of [2, 8, 40]) {
  test(`the link is dead for ${seconds} s`, async ({ callerIn }) => {
    const caller = await liveCaller(callerIn)
    await caller.lab.cut()
    const isBack = caller.page.waitForTimeout(seconds * 1000)
    await expect(caller.status()).toContainText(/reconnecting/i, { timeout: 2_000 })
    if (seconds > 4) await expect(caller.status()).toContainText('Still reconnecting')
    if (seconds > 16) {
      await expect(caller.status()).toContainText('Still trying', { timeout: 20_000 })
    }
    await isBack
    await caller.lab.restore()
    await comesBack(caller, `link dead for ${seconds} s`)
  })
}

test('the laptop sleeps for 20 s', async ({ callerIn }) => {
  const caller = await liveCaller(callerIn)
  const pids = await processesOf(caller)
  for (const pid of pids) process.kill(pid, 'SIGSTOP')
  await new Promise((resolve) => setTimeout(resolve, 20_000))
  for (const pid of pids) process.kill(pid, 'SIGCONT')
  await comesBack(caller, 'sleep')
})

async function liveCaller(
  callerIn: (options: { network: Network }) => Promise<LabCaller>,
  network = NETWORK,
): Promise<LabCaller> {
  const caller = await callerIn({ network })
  await caller.tap()
  await expect(caller.status()).toContainText('Listening')
  await expect(caller.page.locator('main')).toHaveAttribute('data-path', 'relay/udp')
  // Long enough for the page to know the path's round trip.
  await caller.page.waitForTimeout(1_000)
  return caller
}

/** What is said now is heard at the other end, and comes back. */
async function isAnswered(caller: LabCaller, said: Int16Array): Promise<void> {
  await caller.page.evaluate(() => window.earshotHeard.at(-1)?.chunks.splice(0))
  await caller.say(said)
  await expect
    .poll(async () => likeness(said, (await caller.heard()).samples), { timeout: 15_000 })
    .toBeGreaterThan(0.6)
  await expect(caller.status()).toContainText('Listening')
}

/** Waits for a second connection that is open, and tells how long after now that was. */
async function comesBack(caller: LabCaller, what: string): Promise<void> {
  const from = Date.now()
  const back = await caller.page.waitForFunction(
    () => {
      const peer = window.earshotPeers.at(-1)
      const isNew = window.earshotPeers.length > 1 && peer?.connectionState === 'connected'
      return isNew && document.querySelector('main')?.dataset['state'] === 'live' && Date.now()
    },
    undefined,
    { polling: 20, timeout: SOON_MS },
  )
  console.log(`Back after ${what}: ${Number(await back.jsonValue()) - from} ms`)
  await expect(caller.status()).toContainText('Listening')
  expect(await caller.selectedPair()).toMatchObject({ local: 'relay' })
}

/** The caller's browser, all of it. */
async function processesOf({ lab }: LabCaller): Promise<number[]> {
  const argv = ['netns', 'pids', lab.namespaceOf('caller')]
  const { stdout } = await promisify(execFile)('ip', argv)
  return stdout.split('\n').filter(Boolean).map(Number)
}
