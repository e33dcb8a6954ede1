/**
 * How long a person waits from the tap to an open call, and where the time goes.
 *
 *   pnpm bench:join [--via udp|tcp|direct] [--joins 20]
 *
 * Real parts on loopback: coturn, the built worker in workerd, the media node's bundle, Chromium. Microphone
 * and voice detector are granted and loaded before the first tap. The steps are read by wrapping the browser's
 * own interfaces from outside: the page does not know that it is measured.
 */
import { parseArgs } from 'node:util'
import { silence } from '../e2e/audio/speech.ts'
import { startBrowser } from '../e2e/browser/browsers.ts'
import { Stack, type NodeChoice } from '../e2e/stack.ts'
import { percentile, printTable } from './figures.ts'
import { joinOnce, msFromTap, STEPS, timeInPage, type Join } from './joins.ts'

const { values } = parseArgs({
  options: { via: { type: 'string', default: 'udp' }, joins: { type: 'string', default: '20' } },
})
const via = choice(values.via)
const joins = Number(values.joins)

const stack = await Stack.start()
const browser = await startBrowser('chromium', { lines: silence(100) })
try {
  await stack.relay()
  await stack.node({ via, handler: 'echo', seats: 4 })
  const page = await browser.context.newPage()
  await page.addInitScript(timeInPage)
  await page.goto(stack.edge.url)
  await page.locator('main[data-detector=ready]').waitFor({ timeout: 30_000 })

  const runs: Join[] = []
  // The first join warms up both ends; it is shown, not counted.
  for (let i = 0; i <= joins; i++) runs.push(await joinOnce(page))
  report(runs.slice(1), runs[0])
} finally {
  await browser.stop()
  await stack.stop()
}

function report(runs: readonly Join[], first?: Join): void {
  const whole = runs.map((run) => msFromTap(run, 'open'))
  const steps = STEPS.map(([step, label], i) => {
    const before = i === 0 ? 'tap' : (STEPS[i - 1]?.[0] ?? 'tap')
    const ms = runs.map(({ times }) => (times[step] ?? Number.NaN) - (times[before] ?? Number.NaN))
    return [label, ms] as const
  })
  const mic = runs.map((run) => msFromTap(run, 'mic'))
  const median = percentile(whole, 50)
  printTable(
    `Join over ${via}, ${runs.length} joins, ms`,
    ['step', 'p50', 'p95', 'max', 'share of p50'],
    [
      ...steps,
      ['tap → data channel open', whole] as const,
      ['(meanwhile: tap → microphone open)', mic] as const,
    ].map(([label, ms]) => [
      label,
      percentile(ms, 50).toFixed(0),
      percentile(ms, 95).toFixed(0),
      Math.max(...ms).toFixed(0),
      `${((100 * percentile(ms, 50)) / median).toFixed(0)} %`,
    ]),
  )
  const requests = [...new Set(runs.map((run) => run.requests))]
  console.log(`HTTP round trips between tap and call: ${requests.join(' or ')}`)
  const cold = first ? msFromTap(first, 'open') : Number.NaN
  console.log(`First join of a cold page and node (not counted above): ${cold.toFixed(0)} ms`)
}

function choice(text: string): NodeChoice['via'] {
  if (text === 'udp' || text === 'tcp' || text === 'direct') return text
  throw new Error(`--via ${text}: it is udp, tcp or direct`)
}
