/** What a person is told when a part is missing, and that the next try works once it is back. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { randomBytes } from 'node:crypto'
import type { Page } from '@playwright/test'
import { turnCredentials } from '../apps/signal/src/turn-credentials.ts'
import { silence } from './audio/speech.ts'
import type { Caller } from './caller.ts'
import { expect, test } from './fixtures.ts'
import { Stack } from './stack.ts'

const lines = silence(100)

async function comesBack(caller: Caller): Promise<void> {
  await caller.tap('Try again')
  await expect(caller.status()).toContainText('Listening', { timeout: 15_000 })
}

test('no media node', async ({ stack, callerWith }) => {
  await stack.relay()
  const caller = await callerWith({ lines })
  await caller.tap()
  await expect(caller.status()).toContainText('Nobody is there to answer')
  await stack.node({ via: 'udp' })
  await comesBack(caller)
})

test('every seat taken', async ({ stack, callerWith }) => {
  await stack.relay()
  await stack.node({ via: 'udp', seats: 1 })
  const first = await callerWith({ lines })
  await first.tap()
  await expect(first.status()).toContainText('Listening')
  const second = await callerWith({ lines })
  await second.tap()
  await expect(second.status()).toContainText('Every line is busy')
  await first.tap('Hang up')
  await expect(first.status()).toContainText('Call ended')
  await comesBack(second)
})

test('the relay is down', async ({ stack, callerWith }) => {
  await stack.stopRelay()
  await stack.node({ via: 'udp' })
  const caller = await callerWith({ lines })
  await caller.tap()
  await expect(caller.status()).toContainText('The sound does not get through', {
    timeout: 15_000,
  })
  await expect(caller.status()).toContainText('The sound could not get through', {
    timeout: 15_000,
  })
  await stack.relay()
  await comesBack(caller)
})

test('the worker is down', async ({ callerWith }) => {
  const own = await Stack.start()
  try {
    await own.relay()
    await own.node({ via: 'udp' })
    const caller = await callerWith({ lines }, own.edge.url)
    await caller.ready()
    await own.edge.stop()
    await caller.tap()
    await expect(caller.status()).toContainText('The service cannot be reached')
    await own.startEdgeAgain()
    await expect.poll(() => own.edge.nodeLinked(), { timeout: 20_000 }).toBe(true)
    await comesBack(caller)
  } finally {
    await own.stop()
  }
})

test('a restart of the worker does not end a call', async ({ callerWith }) => {
  const own = await Stack.start()
  try {
    await own.relay()
    await own.node({ via: 'udp', handler: 'loopback' })
    const caller = await callerWith({ lines }, own.edge.url)
    await caller.tap()
    await expect(caller.page.locator('main')).toHaveAttribute('data-state', 'live')
    const before = await inboundPackets(caller.page)
    await own.edge.stop()
    await own.startEdgeAgain()
    await expect.poll(() => own.edge.nodeLinked(), { timeout: 20_000 }).toBe(true)
    await expect(caller.page.locator('main')).toHaveAttribute('data-state', 'live')
    await expect.poll(() => inboundPackets(caller.page)).toBeGreaterThan(before + 50)
    // The node has told the new worker of the call in progress: the seat is still taken.
    await caller.tap('Hang up')
    await expect(caller.status()).toContainText('Call ended')
  } finally {
    await own.stop()
  }
})

test('the microphone is refused', async ({ stack, callerWith }) => {
  await stack.relay()
  await stack.node({ via: 'udp' })
  const caller = await callerWith({ lines, mic: false })
  await caller.tap()
  await expect(caller.status()).toContainText('The microphone is blocked')
  await caller.page.context().grantPermissions(['microphone'])
  await comesBack(caller)
})

test('the relay has another secret than the worker', async ({ stack, callerWith }) => {
  await stack.stopRelay()
  const other = join(stack.secrets.makeDirectory('other'), 'turn-secret')
  writeFileSync(other, randomBytes(32).toString('hex'), { mode: 0o600 })
  await stack.relay(other)
  await stack.node({ via: 'udp' })
  const caller = await callerWith({ lines })
  await caller.tap()
  await expect(caller.status()).toContainText('The relay did not let this call in', {
    timeout: 15_000,
  })
  expect(await details(caller.page)).toContain('401')
  await stack.stopRelay()
  await stack.relay()
  await comesBack(caller)
})

test('credentials that have expired', async ({ stack, callerWith }) => {
  await stack.relay()
  await stack.node({ via: 'udp' })
  const caller = await callerWith({ lines })
  // Made by the right secret, an hour too old: as on a machine whose clock is wrong.
  const old = await turnCredentials(stack.secrets.turnSecret, 'late', 60, Date.now() - 3_600_000)
  await caller.page.route('**/v1/calls', async (route) => {
    const response = await route.fetch()
    const joined: unknown = await response.json()
    const text = JSON.stringify(joined, (key, value: unknown) => {
      if (key === 'username') return old.username
      return key === 'credential' ? old.credential : value
    })
    await route.fulfill({ response, body: text })
  })
  await caller.tap()
  await expect(caller.status()).toContainText('The relay did not let this call in', {
    timeout: 15_000,
  })
  expect(await details(caller.page)).toContain('401')
  await caller.page.unroute('**/v1/calls')
  await comesBack(caller)
})

async function details(page: Page): Promise<string> {
  await page.getByText('Details').click()
  return page.locator('footer').innerText()
}

/** Audio packets that the newest connection has received. */
function inboundPackets(page: Page): Promise<number> {
  return page.evaluate(async () => {
    let packets = 0
    const report = await window.earshotPeers.at(-1)?.getStats()
    report?.forEach((entry: { type: string; packetsReceived?: number }) => {
      if (entry.type === 'inbound-rtp') packets += entry.packetsReceived ?? 0
    })
    return packets
  })
}
