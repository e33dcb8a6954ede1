/**
 * How long a person cannot talk when something happens to their call: from the moment the network is
 * back (or, when a node dies, from its death) to the new connection, media path open and page live.
 *
 *   pnpm bench:rejoin [--times 10] [--rtt 50] [--event address,spare,coturn,node] [--browser chromium]
 *
 * Real parts in the lab's namespaces, the round trip added on the caller's access line.
 */
import { parseArgs } from 'node:util'
import type { Page } from '@playwright/test'
import { startBrowser } from '../e2e/browser/browsers.ts'
import { LabStack } from '../e2e/lab/lab-stack.ts'
import { up } from '../e2e/lab/net/lab.ts'
import { percentile, printTable } from './figures.ts'
import { timeInPage } from './joins.ts'

const EVENTS = {
  address: 'the address changes (home to mobile)',
  spare: 'the same, and the caller was on both before',
  coturn: 'coturn restarts',
  node: 'the node is killed, another is up',
} as const
type EventName = keyof typeof EVENTS

const { values } = parseArgs({
  options: {
    times: { type: 'string', default: '10' },
    rtt: { type: 'string', default: '50' },
    event: { type: 'string', default: Object.keys(EVENTS).join(',') },
    browser: { type: 'string', default: 'chromium' },
  },
})
const times = Number(values.times)
const rttMs = Number(values.rtt)
const lab = await up({ name: 'rejoin', caller: { nat: 'port-restricted' } })
const stack = await LabStack.start(lab)
try {
  const rows: string[][] = []
  for (const event of values.event.split(',').map(choice)) {
    const ms: number[] = []
    for (let i = 0; i < times; i++) ms.push(await backAfter(event))
    const figures = [percentile(ms, 50), percentile(ms, 95), Math.max(...ms)]
    rows.push([EVENTS[event], ...figures.map((figure) => figure.toFixed(0))])
  }
  const title = `Back to talking, ${values.browser}, ${rttMs} ms round trip, ${times} times each, ms`
  printTable(title, ['what happened', 'p50', 'p95', 'max'], rows)
} finally {
  await stack.stop()
  await lab.down()
}

// --- the parts ---

/** One call, one event; ms until it is talking again. */
async function backAfter(event: EventName): Promise<number> {
  await lab.shape({})
  await lab.join('home')
  await stack.stopNodes()
  await stack.node({ host: 'media' })
  const site = await stack.site()
  const browser = await startBrowser(values.browser === 'firefox' ? 'firefox' : 'chromium', {
    site,
  })
  try {
    const page = await browser.context.newPage()
    await page.addInitScript(timeInPage)
    await page.goto(site.origin)
    await page.locator('main[data-detector=ready]').waitFor({ timeout: 30_000 })
    if (rttMs > 0) await lab.shape({ rttMs })
    await page.getByRole('button', { name: 'Start talking' }).click()
    await page.locator('main[data-state=live][data-path="relay/udp"]').waitFor()
    // Not in step with anything that the page does by the clock.
    if (event === 'spare') {
      await lab.joinBeside('mobile')
      // Until the browser knows of it.
      await page.waitForTimeout(3_000)
    }
    await page.waitForTimeout(1_500 + 1_000 * Math.random())
    const back = await happen(event)
    return (await newConnection(page, back)) - back
  } finally {
    await browser.stop()
  }
}

/** Unix ms of the moment from which a connection is possible again. */
async function happen(event: EventName): Promise<number> {
  switch (event) {
    case 'address':
    case 'spare':
      await lab.join('mobile')
      return Date.now()
    case 'coturn':
      await stack.stopRelay()
      await stack.startRelay()
      return Date.now()
    case 'node':
      await stack.node({ host: 'media2' })
      // The clock starts before the kill: its own duration counts.
      return killed()
    default:
      return event satisfies never
  }
}

async function killed(): Promise<number> {
  const at = Date.now()
  await stack.killNode('media')
  return at
}

async function newConnection(page: Page, after: number): Promise<number> {
  const handle = await page.waitForFunction(
    (since) =>
      document.querySelector('main')?.dataset['state'] === 'live' &&
      window.earshotConnected.find((at, i) => i > 0 && at >= since),
    // The relay may be back a little before we know of it.
    after - 500,
    { polling: 20, timeout: 70_000 },
  )
  return Number(await handle.jsonValue())
}

function choice(text: string): EventName {
  const known = Object.keys(EVENTS) as EventName[]
  const event = known.find((name) => name === text)
  if (event) return event
  throw new Error(`--event ${text}: it is ${known.join(', ')}`)
}
