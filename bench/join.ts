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
import type { Page, Request } from '@playwright/test'
import { silence } from '../e2e/audio/speech.ts'
import { startBrowser } from '../e2e/browser/browsers.ts'
import { Stack, type NodeChoice } from '../e2e/stack.ts'
import { percentile, printTable } from './figures.ts'

const STEPS = [
  ['post', 'tap → offer posted'],
  ['answer', '→ answer here (HTTP)'],
  ['remote', '→ answer applied'],
  ['ice', '→ relay allocated, path checked (ICE)'],
  ['connected', '→ DTLS up'],
  ['open', '→ data channel open'],
] as const
type Step = 'tap' | 'mic' | (typeof STEPS)[number][0]
type Times = Partial<Record<Step, number>>

declare global {
  interface Window {
    earshotTimes: Times
  }
}

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

  const runs: { times: Times; requests: number }[] = []
  // The first join warms up both ends; it is shown, not counted.
  for (let i = 0; i <= joins; i++) runs.push(await joinOnce(page))
  report(runs.slice(1), runs[0])
} finally {
  await browser.stop()
  await stack.stop()
}

async function joinOnce(page: Page): Promise<{ times: Times; requests: number }> {
  let requests = 0
  const count = (request: Request): void => {
    if (/^https?:/.test(request.url())) requests++
  }
  await page.evaluate(() => {
    window.earshotTimes = {}
  })
  page.on('request', count)
  await page.getByRole('button', { name: 'Start talking' }).click()
  await page.waitForFunction(() => window.earshotTimes.open !== undefined)
  page.off('request', count)
  const times = await page.evaluate(() => window.earshotTimes)
  await page.getByRole('button', { name: 'Hang up' }).click()
  await page.getByRole('button', { name: 'Start talking' }).waitFor()
  await page.waitForTimeout(300)
  return { times, requests }
}

function report(runs: { times: Times; requests: number }[], first?: { times: Times }): void {
  const whole = runs.map(({ times }) => (times.open ?? Number.NaN) - (times.tap ?? Number.NaN))
  const steps = STEPS.map(([step, label], i) => {
    const before = i === 0 ? 'tap' : (STEPS[i - 1]?.[0] ?? 'tap')
    const ms = runs.map(({ times }) => (times[step] ?? Number.NaN) - (times[before] ?? Number.NaN))
    return [label, ms] as const
  })
  const mic = runs.map(({ times }) => (times.mic ?? Number.NaN) - (times.tap ?? Number.NaN))
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
  const cold = (first?.times.open ?? Number.NaN) - (first?.times.tap ?? Number.NaN)
  console.log(`First join of a cold page and node (not counted above): ${cold.toFixed(0)} ms`)
}

/** Runs in the page before its own code. */
function timeInPage(): void {
  const mark = (step: Step): void => {
    window.earshotTimes[step] ??= performance.now()
  }
  window.earshotTimes = {}
  addEventListener('click', (event) => (window.earshotTimes.tap ??= event.timeStamp), {
    capture: true,
  })

  const { mediaDevices } = navigator
  const getUserMedia = mediaDevices.getUserMedia.bind(mediaDevices)
  mediaDevices.getUserMedia = async (constraints) => {
    const stream = await getUserMedia(constraints)
    mark('mic')
    return stream
  }
  const native = window.fetch.bind(window)
  window.fetch = async (input, init) => {
    if (init?.method !== 'POST') return native(input, init)
    mark('post')
    const response = await native(input, init)
    mark('answer')
    return response
  }
  const Native = window.RTCPeerConnection
  window.RTCPeerConnection = class extends Native {
    constructor(configuration?: RTCConfiguration) {
      super(configuration)
      this.addEventListener('iceconnectionstatechange', () => {
        if (/^(connected|completed)$/.test(this.iceConnectionState)) mark('ice')
      })
      this.addEventListener('connectionstatechange', () => {
        if (this.connectionState === 'connected') mark('connected')
      })
    }
    override createDataChannel(label: string, options?: RTCDataChannelInit): RTCDataChannel {
      const channel = super.createDataChannel(label, options)
      channel.addEventListener('open', () => mark('open'))
      return channel
    }
    override async setRemoteDescription(description: RTCSessionDescriptionInit): Promise<void> {
      await super.setRemoteDescription(description)
      mark('remote')
    }
  }
}

function choice(text: string): NodeChoice['via'] {
  if (text === 'udp' || text === 'tcp' || text === 'direct') return text
  throw new Error(`--via ${text}: it is udp, tcp or direct`)
}
