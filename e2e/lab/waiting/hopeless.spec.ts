/** Networks in which no call can come up: the page says so, in the right words and in good time. */
import { DOUBTS, FAILURES } from '../../../apps/web/src/ui/words.ts'
import { expect, test, type LabCaller } from '../fixtures.ts'
import type { FirewallKind, Network } from '../net/description.ts'
import { msFromTap } from '../states.ts'

/** A person does not wait longer for bad news. */
const WITHIN_MS = 10_000

test.describe.configure({ timeout: 90_000 })

for (const browser of ['chromium', 'firefox'] as const) {
  test(`${browser}: the network lets nothing but the page through`, async ({ callerIn }) => {
    const caller = await callerIn({ network: behind('page-only'), browser })
    await fails(caller, 'relay-unreachable')

    await caller.lab.firewall('open')
    await caller.tap('Try again')
    await expect(caller.page.locator('main')).toHaveAttribute('data-state', 'live')
    // What answers first is taken, and on a busy machine that may be TCP.
    await expect(caller.page.locator('main')).toHaveAttribute('data-path', /^relay\//)
  })
}

test('the relay takes UDP alone, and the network blocks it', async ({ callerIn }) => {
  const caller = await callerIn({
    network: behind('udp-blocked'),
    node: { transports: ['udp'] },
  })
  await fails(caller, 'relay-unreachable')
})

test('there is no relay, and the network blocks UDP', async ({ callerIn }) => {
  const caller = await callerIn({
    network: behind('udp-blocked'),
    node: { host: 'vm', transports: [] },
  })
  await fails(caller, 'direct-unreachable')
})

test('nothing passes any more at the tap', async ({ callerIn }) => {
  const caller = await callerIn({ network: behind('open') })
  await caller.lab.cut()
  await fails(caller, 'offline')

  await caller.lab.restore()
  await caller.tap('Try again')
  await expect(caller.page.locator('main')).toHaveAttribute('data-state', 'live')
})

test('the caller is on no network at the tap', async ({ callerIn }) => {
  const caller = await callerIn({ network: behind('open') })
  await caller.lab.leave()
  await fails(caller, 'offline')

  await caller.lab.join('home')
  await caller.tap('Try again')
  await expect(caller.page.locator('main')).toHaveAttribute('data-state', 'live')
})

function behind(firewall: FirewallKind): Network {
  return {
    name: `hopeless-${firewall}`,
    caller: { nat: 'port-restricted', firewall },
    path: { rttMs: 50 },
  }
}

/**
 * Taps, and is told in good time what is the matter: while it is still being tried, or at once that it has
 * failed. In the end sees the failure in its words, with a way on.
 */
async function fails(caller: LabCaller, code: keyof typeof FAILURES): Promise<void> {
  const { title, what } = FAILURES[code]
  await caller.tap()
  const told = caller.page.locator('main[data-step="late"], main[data-state="failed"]')
  await expect(told).toBeVisible({ timeout: 2 * WITHIN_MS })
  const doubt = DOUBTS[code]
  if (doubt && (await told.getAttribute('data-state')) === 'connecting') {
    await expect(caller.status()).toContainText(doubt.title)
    await expect(caller.status()).toContainText(doubt.hint)
  }
  const ms = await msFromTap(caller.page, 'late', 'failed')
  console.log(`Told after ${ms} ms: ${code}`)
  expect(ms).toBeLessThan(WITHIN_MS)

  await expect(caller.page.locator('main')).toHaveAttribute('data-state', 'failed', {
    timeout: 2 * WITHIN_MS,
  })
  await expect(caller.status()).toContainText(title)
  await expect(caller.status()).toContainText(what)
  await expect(caller.page.getByRole('button', { name: 'Try again' })).toBeEnabled()
}
