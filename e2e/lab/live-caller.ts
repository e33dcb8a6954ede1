/** A caller in the middle of a call, and what coming back from a loss means. */
import { expect, type CallerOptions, type LabCaller } from './fixtures.ts'
import type { NodeChoice } from './lab-stack.ts'
import type { Network } from './net/description.ts'

/** As most are: behind a home's router, 50 ms from everything. */
export const CALLERS_NETWORK: Network = {
  name: 'event',
  caller: { nat: 'port-restricted' },
  path: { rttMs: 50 },
}
/** On a busy machine TCP may answer first, which is silent longer before it is given up. */
export const UDP_ALONE: NodeChoice = { transports: ['udp'] }
/** Two attempts to join, on a busy machine. */
const SOON_MS = 6_000

/** Taps, and waits until the call is up through the relay by UDP. */
export async function liveCaller(
  callerIn: (options: CallerOptions) => Promise<LabCaller>,
  network = CALLERS_NETWORK,
): Promise<LabCaller> {
  const caller = await callerIn({ network, node: UDP_ALONE })
  await caller.tap()
  await expect(caller.status()).toContainText('Listening')
  await expect(caller.page.locator('main')).toHaveAttribute('data-path', 'relay/udp')
  // Long enough for the page to know the path, and for the browser's devices to settle.
  await caller.page.waitForTimeout(1_500)
  return caller
}

/** Waits for a second connection that is open, and tells how long after now that was. */
export async function comesBack(caller: LabCaller, what: string): Promise<void> {
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
