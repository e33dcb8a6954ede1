/** The link, or the caller's whole machine, is away for a while: the call comes back by itself. */
import { execFile } from 'node:child_process'
import { setTimeout } from 'node:timers/promises'
import { promisify } from 'node:util'
import { expect, test, type LabCaller } from '../fixtures.ts'
import { comesBack, liveCaller } from '../live-caller.ts'

test.describe.configure({ timeout: 120_000 })

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
  await setTimeout(20_000)
  for (const pid of pids) process.kill(pid, 'SIGCONT')
  await comesBack(caller, 'sleep')
})

/** The caller's browser, all of it. */
async function processesOf({ lab }: LabCaller): Promise<number[]> {
  const argv = ['netns', 'pids', lab.namespaceOf('caller')]
  const { stdout } = await promisify(execFile)('ip', argv)
  return stdout.split('\n').filter(Boolean).map(Number)
}
