/**
 * How many calls one core carries.
 *
 *   pnpm bench:capacity [--step 5] [--max 80] [--seconds 8]
 *
 * One media node process (its bundle, on the `loopback` handler: every frame is received, decoded, encoded and
 * sent) against synthetic callers in a second process: real UDP, DTLS, SRTP and Opus at 50 packets a second each
 * way. A frame's lateness is the time from its sending to the arrival of its echo. The number of calls grows until
 * the 99th percentile passes 20 ms, one frame. The callers' own event loop is shown as a check on the measurement:
 * near 100 % it is they who are late, not the node.
 */
import { fork } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { startMediaNode } from '../scripts/stack/media.ts'
import { LOOPBACK } from '../scripts/stack/places.ts'
import { freePort, freeRange } from '../scripts/stack/ports.ts'
import { makeSecrets } from '../scripts/stack/secrets.ts'
import type { FromCallers, ToCallers } from './callers.ts'
import { percentile, printTable } from './figures.ts'
import { startBenchFleet } from './fleet.ts'
import { memoryHeld } from './heap.ts'

const LATE_MS = 20
const { values } = parseArgs({
  options: {
    step: { type: 'string', default: '5' },
    max: { type: 'string', default: '80' },
    seconds: { type: 'string', default: '8' },
  },
})
const step = Number(values.step)
const max = Number(values.max)
const measureMs = Number(values.seconds) * 1000

const secrets = makeSecrets()
const fleet = await startBenchFleet(await freePort())
const first = await freeRange(max * 2, LOOPBACK.media)
const inspector = await freePort()
const node = await startMediaNode({
  edgeUrl: fleet.url,
  tokenFile: secrets.nodeTokenFile,
  turnUrls: [],
  addresses: [LOOPBACK.media],
  direct: true,
  ports: [first, first + max * 2 - 1],
  httpPort: await freePort(),
  handler: 'loopback',
  seats: max,
  bundle: true,
  env: { LOG_LEVEL: 'warn', NODE_OPTIONS: `--inspect=127.0.0.1:${inspector}` },
})
const callers = fork(fileURLToPath(new URL('callers.ts', import.meta.url)))
const inbox: FromCallers[] = []
callers.on('message', (message: FromCallers) => {
  if (message.type === 'offer') void relayOffer(message.call, message.sdp)
  else inbox.push(message)
})
const tell = (message: ToCallers): void => void callers.send(message)

try {
  await next('ready')
  await run()
} finally {
  callers.disconnect()
  await node.stop()
  fleet.close()
  secrets.remove()
}

async function run(): Promise<void> {
  const idle = await memory()
  const rows: string[][] = []
  let carried = 0
  let late = false
  let full = idle
  for (let calls = 0; calls < max && !late;) {
    for (let i = 0; i < step; i++, calls++) {
      tell({ type: 'add', call: callId(calls) })
      await next('added')
      await pause(60)
    }
    await pause(2000)
    const cpuBefore = cpuSeconds()
    tell({ type: 'measure', ms: measureMs })
    const { sent, received, delays, busy } = await next('measured')
    const cpu = (cpuSeconds() - cpuBefore) / (measureMs / 1000)
    full = await memory()
    const p99 = percentile(delays, 99)
    late = p99 > LATE_MS || received < sent * 0.99
    if (!late) carried = calls
    rows.push([
      String(calls),
      percentile(delays, 50).toFixed(1),
      percentile(delays, 95).toFixed(1),
      p99.toFixed(1),
      `${((100 * received) / sent).toFixed(1)} %`,
      `${(100 * cpu).toFixed(0)} %`,
      ((1000 * cpu) / calls).toFixed(1),
      ((full.resident - idle.resident) / calls).toFixed(2),
      `${(100 * busy).toFixed(0)} %`,
    ])
  }
  printTable(
    'Echo with decode and encode, one node process',
    [
      'calls',
      'p50 ms',
      'p95 ms',
      'p99 ms',
      'returned',
      'node CPU',
      'CPU ms/s a call',
      'MB a call',
      'callers busy',
    ],
    rows,
  )
  console.log(
    late
      ? `Calls a core before the 99th percentile of frame lateness passes ${LATE_MS} ms: ${carried}`
      : `All ${carried} calls were carried: the 99th percentile stayed under ${LATE_MS} ms (raise --max)`,
  )
  await memoryAfter(idle, full, Number(rows.at(-1)?.[0]))
}

/** Hangs up, fills the seats once more and hangs up again: a leak would show as a second rise. */
async function memoryAfter(idle: Memory, full: Memory, calls: number): Promise<void> {
  const rows: [string, Memory][] = [
    ['idle', idle],
    [`${calls} calls`, full],
    ['all hung up', await hangUp()],
  ]
  for (let i = 0; i < calls; i++) {
    tell({ type: 'add', call: callId(1000 + i) })
    await next('added')
  }
  await pause(2000)
  rows.push([`${calls} other calls`, await memory()], ['all hung up', await hangUp()])
  printTable(
    "The node's memory after a full garbage collection, MB",
    ['', 'heap', 'external', 'resident'],
    rows.map(([label, { heap, external, resident }]) => [
      label,
      heap.toFixed(1),
      external.toFixed(1),
      resident.toFixed(0),
    ]),
  )
  console.log(`Seats still taken: ${await metric('earshot_calls')}`)
}

async function hangUp(): Promise<Memory> {
  tell({ type: 'hang-up' })
  await next('hung-up')
  await pause(5000)
  return memory()
}

type Memory = Awaited<ReturnType<typeof memory>>

async function memory() {
  return { ...(await memoryHeld(inspector)), resident: residentMb() }
}

async function relayOffer(call: string, sdp: string): Promise<void> {
  try {
    tell({ type: 'answer', call, sdp: await fleet.offer(call, sdp) })
  } catch (error) {
    tell({ type: 'refused', call, why: String(error) })
  }
}

async function next<T extends FromCallers['type']>(
  type: T,
): Promise<Extract<FromCallers, { type: T }>> {
  for (let waited = 0; waited < 60_000; waited += 5) {
    const failed = inbox.find((message) => message.type === 'failed')
    if (failed?.type === 'failed') throw new Error(`a caller failed: ${failed.why}`)
    const at = inbox.findIndex((message) => message.type === type)
    if (at >= 0) return inbox.splice(at, 1)[0] as Extract<FromCallers, { type: T }>
    await pause(5)
  }
  throw new Error(`the callers never said ${type}`)
}

async function metric(name: string): Promise<number> {
  const text = await (await fetch(`${node.url}/metrics`)).text()
  return Number(new RegExp(`^${name} (.+)$`, 'm').exec(text)?.[1])
}

/** Resident memory of the node, from the kernel. */
function residentMb(): number {
  const status = readFileSync(`/proc/${node.part.pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024
}

/** User and system time of the node, from the kernel; a tick is 10 ms. */
function cpuSeconds(): number {
  const fields =
    readFileSync(`/proc/${node.part.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) / 100
}

function callId(i: number): string {
  return `global-${String(i).padStart(22, '0')}`
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
