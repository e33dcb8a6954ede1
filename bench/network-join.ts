/**
 * How long a person waits from the tap to an open audio path across a network, by round trip and by
 * transport, and how many round trips on the wire that is.
 *
 *   pnpm bench:network-join [--joins 20] [--rtt 0,50,150] [--via udp,tcp,tls] [--trace]
 *
 * Real parts in the lab's namespaces: the caller is behind a port-restricted NAT, and the round trip is
 * added on the caller's access line, so that the page's server and the relay are equally far. Round
 * trips are counted from a capture at the caller, of every packet to the page's server and to the relay
 * between the tap and the moment when DTLS is up and audio flows; they are the longest chain of packets that
 * can have caused each other (`e2e/lab/wire.ts`). `--trace` prints the packets of the last join.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Page } from '@playwright/test'
import { silence } from '../e2e/audio/speech.ts'
import { startBrowser } from '../e2e/browser/browsers.ts'
import { LabStack, type Transport } from '../e2e/lab/lab-stack.ts'
import { callerAddresses, EDGE, VM } from '../e2e/lab/net/addresses.ts'
import { up } from '../e2e/lab/net/lab.ts'
import { readCapture, roundTrips, type Packet } from '../e2e/lab/wire.ts'
import { percentile, printTable } from './figures.ts'
import { joinOnce, msFromTap, timeInPage, type Join } from './joins.ts'

const NETWORK = { name: 'network-join', caller: { nat: 'port-restricted' } } as const
/** Below this the ends' own thinking time cannot be told from a round trip. */
const COUNTABLE_MS = 50

const { values } = parseArgs({
  options: {
    joins: { type: 'string', default: '20' },
    rtt: { type: 'string', default: '0,50,150' },
    via: { type: 'string', default: 'udp,tcp,tls' },
    trace: { type: 'boolean', default: false },
  },
})
const joins = Number(values.joins)
const rows: string[][] = []
const lab = await up(NETWORK)
const stack = await LabStack.start(lab)
try {
  for (const transport of values.via.split(',').map(choice)) {
    await stack.stopNodes()
    await stack.node({ transports: [transport] })
    for (const rttMs of values.rtt.split(',').map(Number)) {
      rows.push(await measure(transport, rttMs))
    }
  }
} finally {
  await stack.stop()
  await lab.down()
}
printTable(
  `Join through the relay, tap to open audio path, ${joins} joins each, ms`,
  ['relay over', 'round trip', 'p50', 'p95', 'max', 'HTTP', 'round trips'],
  rows,
)

// --- the parts ---

interface Measured {
  readonly join: Join
  readonly trips: number | undefined
}

async function measure(transport: Transport, rttMs: number): Promise<string[]> {
  await lab.shape({})
  const site = await stack.site()
  const browser = await startBrowser('chromium', { lines: silence(100), site })
  try {
    const page = await browser.context.newPage()
    await page.addInitScript(timeInPage)
    await page.goto(site.origin)
    await page.locator('main[data-detector=ready]').waitFor({ timeout: 30_000 })
    await lab.shape(rttMs > 0 ? { rttMs } : {})
    const runs: Measured[] = []
    // The first join warms up both ends; it is not counted.
    for (let i = 0; i <= joins; i++) runs.push(await joinCaptured(page, rttMs))
    return row(transport, rttMs, runs.slice(1))
  } finally {
    await browser.stop()
  }
}

function row(transport: Transport, rttMs: number, runs: readonly Measured[]): string[] {
  const whole = runs.map(({ join: run }) => msFromTap(run, 'connected'))
  const trips = runs.flatMap(({ trips: count }) => count ?? [])
  const requests = [...new Set(runs.map(({ join: run }) => run.requests))]
  return [
    transport.toUpperCase(),
    `${rttMs} ms`,
    percentile(whole, 50).toFixed(0),
    percentile(whole, 95).toFixed(0),
    Math.max(...whole).toFixed(0),
    requests.join(' or '),
    trips.length === 0
      ? ''
      : `${percentile(trips, 50)} (${Math.min(...trips)}-${Math.max(...trips)})`,
  ]
}

async function joinCaptured(page: Page, rttMs: number): Promise<Measured> {
  const file = join(stack.secrets.directory, 'join.pcap')
  const filter = `host ${EDGE.v4} or host ${VM.v4}`
  const capture = await lab.capture('caller', file, { filter, interface: 'eth0' })
  const run = await joinOnce(page)
  // The page's clock counts from its own time origin, and so does nothing on the wire.
  const origin = await page.evaluate(() => performance.timeOrigin)
  await capture.stop()
  const [from, until] = [origin + (run.times.tap ?? 0), origin + (run.times.connected ?? 0)]
  const all = readCapture(await readFile(file))
  const packets = all.filter(({ at }) => at >= from && at <= until)
  const host = callerAddresses(lab.network).v4 ?? ''
  if (values.trace) trace(packets, host, from)
  const trips = rttMs < COUNTABLE_MS ? undefined : roundTrips(packets, host, rttMs, until)
  return { join: run, trips }
}

function trace(packets: readonly Packet[], host: string, from: number): void {
  for (const { at, protocol, from: source, to, payload, control } of packets) {
    if (payload.length === 0 && !control) continue
    const out = source.address === host
    const far = out ? to : source
    const head = Buffer.from(payload.subarray(0, 8)).toString('hex')
    const ms = (at - from).toFixed(1).padStart(7)
    const way = out ? '->' : '<-'
    console.log(`${ms} ${way} ${protocol} ${far.address}:${far.port} ${payload.length} B ${head}`)
  }
  console.log('')
}

function choice(text: string): Transport {
  if (text === 'udp' || text === 'tcp' || text === 'tls') return text
  throw new Error(`--via ${text}: it is udp, tcp or tls`)
}
