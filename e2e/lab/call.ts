/** A call by hand: all of our parts in a network, a browser that says a sentence now and then. */
import { setTimeout as sleep } from 'node:timers/promises'
import { concat } from '@earshot/audio'
import type { Page } from '@playwright/test'
import { silence, speech } from '../audio/speech.ts'
import { startBrowser } from '../browser/browsers.ts'
import { selectedPair } from '../browser/capture.ts'
import { LabStack } from './lab-stack.ts'
import type { Lab } from './net/lab.ts'
import { startProxy } from './start-proxy.ts'

const SENTENCE = 'Hello, is anybody there?'
const EVERY_MS = 8000
/** After so many the microphone is silent. */
const SENTENCES = 40
const LOOK_EVERY_MS = 500
const DETECTOR_TIMEOUT_MS = 30_000

/**
 * Places a call with Chromium, and writes what the page says and what is heard from the node, until
 * the signal. The page is loaded before the path gets its shape: over a slow one it would not come.
 */
export async function call(lab: Lab, signal: AbortSignal, say = console.log): Promise<void> {
  const path = lab.network.path ?? {}
  await lab.shape({})
  const stops: (() => Promise<unknown>)[] = []
  try {
    const stack = await LabStack.start(lab)
    stops.push(() => stack.stop())
    await stack.node()
    const isProxied = lab.network.caller?.firewall === 'proxy-only'
    const proxy = isProxied ? await startProxy(stack) : undefined
    if (proxy !== undefined) stops.push(() => proxy.stop())
    const site = await stack.site()
    const lines = await sentences()
    const browser = await startBrowser('chromium', {
      lines,
      site: { ...site, ...(proxy && { proxy: proxy.url }) },
    })
    stops.push(() => browser.stop())
    const page = await browser.context.newPage()
    await page.goto(site.origin)
    const ready = page.locator('main[data-detector="ready"]')
    await ready.waitFor({ timeout: DETECTOR_TIMEOUT_MS })
    await lab.shape(path)
    await page.getByRole('button', { name: 'Start talking' }).click()
    browser.talk()
    await tell(page, signal, say)
  } finally {
    for (const stop of stops.toReversed()) await stop()
  }
}

// --- the parts ---

async function sentences(): Promise<Int16Array> {
  const said = await speech(SENTENCE)
  const pause = silence(Math.max(0, EVERY_MS - said.length / 48))
  return concat([silence(2000), ...Array.from({ length: SENTENCES }, () => [said, pause]).flat()])
}

/** A line for each change of what the page says, of the pair, or of whether something is heard. */
async function tell(page: Page, signal: AbortSignal, say: (line: string) => void): Promise<void> {
  const started = performance.now()
  let last = ''
  while (!signal.aborted) {
    const line = await look(page)
    const seconds = ((performance.now() - started) / 1000).toFixed(1).padStart(6)
    if (line !== last) say(`${seconds} s  ${line}`)
    last = line
    // The end is told by the signal itself.
    await sleep(LOOK_EVERY_MS, undefined, { signal }).catch(() => undefined)
  }
}

async function look(page: Page): Promise<string> {
  const main = page.locator('main')
  const [state, path, status, pair, isHeard] = await Promise.all([
    main.getAttribute('data-state'),
    main.getAttribute('data-path'),
    page.getByRole('status').innerText(),
    selectedPair(page),
    hearsSound(page),
  ])
  const way = pair === undefined ? '' : `${pair.local} to ${pair.remoteAddress}`
  const sound = isHeard ? 'sound' : 'silence'
  return [state, path, way, sound, status.replaceAll(/\s+/g, ' ')].filter(Boolean).join(' | ')
}

/** Whether anything louder than -50 dBFS came in since the last look. */
function hearsSound(page: Page): Promise<boolean> {
  return page.evaluate(() => {
    const chunks = window.earshotHeard.at(-1)?.chunks.splice(0) ?? []
    return chunks.some((chunk) => chunk.some((sample) => Math.abs(sample) > 100))
  })
}
