/**
 * `pnpm lab list | up <name> | call <name> | down`: stand in a caller's network by hand. `up` and
 * `call` last until Ctrl-C, or until `down` from another terminal. `pnpm lab report <file>...` writes
 * `docs/lab.md` from Playwright's JSON reports of runs on this machine; `--note <text>` adds to it what
 * a reader has to know of them.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { cpus, release, totalmem } from 'node:os'
import { parseArgs } from 'node:util'
import { ROOT } from '../../scripts/stack/places.ts'
import { call } from './call.ts'
import * as addresses from './net/addresses.ts'
import type { Network } from './net/description.ts'
import { up, type Lab } from './net/lab.ts'
import { isAlive, labNamespaces, sweep, type Owner } from './net/namespaces.ts'
import { whyNot } from './net/why-not.ts'
import { NETWORKS, summaryOf } from './networks.ts'
import { resultsPage } from './results-page.ts'
import { readResults } from './results.ts'

const LABEL = 'hand'
const DOWN_TIMEOUT_MS = 10_000
const PAGE = 'docs/lab.md'
const USAGE =
  'Usage: pnpm lab list | up <name> | call <name> | down | report [--note <text>] <file>...'

async function main([command, ...args]: readonly string[]): Promise<void> {
  const [name] = args
  switch (command) {
    case 'list':
      list()
      return
    case 'up':
      await stand(networkOf(name), untilAborted)
      return
    case 'call':
      await stand(networkOf(name), (lab, signal) => call(lab, signal, say))
      return
    case 'down':
      await endAll()
      return
    case 'report':
      await report(args)
      return
    default:
      throw new Error(USAGE)
  }
}

function list(): void {
  const width = Math.max(...NETWORKS.map((network) => network.name.length)) + 2
  for (const network of NETWORKS) say(`${network.name.padEnd(width)}${summaryOf(network)}`)
}

/** Makes a network, does something in it, and takes it away, however that ends. */
async function stand(
  network: Network,
  work: (lab: Lab, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const why = await whyNot()
  if (why !== undefined) throw new Error(why)
  const end = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => end.abort())
  }
  const lab = await up(network, LABEL)
  try {
    describe(lab)
    await work(lab, end.signal)
  } finally {
    await lab.down()
  }
  say(`${network.name} is down.`)
}

async function untilAborted(_: Lab, signal: AbortSignal): Promise<void> {
  say('\nIt stays until Ctrl-C, or `pnpm lab down`.')
  // An event of a signal alone keeps no process alive.
  const alive = setInterval(() => {}, 60_000)
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
  clearInterval(alive)
}

function describe(lab: Lab): void {
  const { network } = lab
  const { EDGE, MEDIA, MEDIA2, PROXY, RELAY, SEEN, VM } = addresses
  const { v4, v6 } = addresses.callerAddresses(network)
  const seen =
    v4 === undefined ? [] : [`seen as ${addresses.seenAddress(network)}, on mobile ${SEEN.mobile}`]
  const notes: Readonly<Record<string, string>> = {
    caller: [v4, v6, ...seen].filter((part) => part !== undefined).join(', '),
    proxy: `${PROXY.v4}, ${PROXY.v6}`,
    vm: `${VM.v4}, ${VM.v6}; relays from ${RELAY}`,
    edge: `${EDGE.v4}, ${EDGE.v6}`,
    media: MEDIA,
    media2: MEDIA2,
  }
  say(`${network.name}: ${summaryOf(network)}\n`)
  const hosts = lab.hosts.filter((host) => host !== 'shaper')
  const width = Math.max(...hosts.map((host) => host.length)) + 2
  for (const host of hosts) say(`  ${host.padEnd(width)}${notes[host] ?? ''}`.trimEnd())
  say(`\nTo enter one: ip netns exec ${lab.namespaceOf('caller')} bash (and so for each)`)
}

/** Ends the labs that were made by hand, and takes away what dead ones have left. */
async function endAll(): Promise<void> {
  const owners = new Map<number, Owner>()
  for (const { owner } of labNamespaces()) {
    if (owner.label === LABEL && isAlive(owner)) owners.set(owner.pid, owner)
  }
  for (const pid of owners.keys()) process.kill(pid, 'SIGTERM')
  const deadline = performance.now() + DOWN_TIMEOUT_MS
  while ([...owners.values()].some(isAlive)) {
    if (performance.now() > deadline) throw new Error('A lab does not end: Ctrl-C where it runs.')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  const swept = await sweep()
  say(`${owners.size} ended, ${swept.length} namespaces of dead runs taken away.`)
}

async function report(args: readonly string[]): Promise<void> {
  const options = { note: { type: 'string' } } as const
  const parsed = parseArgs({ args: [...args], options, allowPositionals: true })
  const { values, positionals: files } = parsed
  if (files.length === 0) throw new Error(`${USAGE}\nNo report is named`)
  const reports = files.map(async (file): Promise<unknown> => {
    try {
      return JSON.parse(await readFile(file, 'utf8'))
    } catch (error) {
      throw new Error(`${file} cannot be read as a report: ${String(error)}`, { cause: error })
    }
  })
  const page = resultsPage(readResults(await Promise.all(reports)), machine(), values.note)
  await writeFile(`${ROOT}/${PAGE}`, page)
  say(`${PAGE} is written.`)
}

function machine(): string {
  const all = cpus()
  const gigabytes = Math.round(totalmem() / 2 ** 30)
  return `${all.length} cores (${all[0]?.model ?? 'unknown'}), ${gigabytes} GB, Linux ${release().split('-')[0]}`
}

function networkOf(wanted: string | undefined): Network {
  const network = NETWORKS.find(({ name }) => name === wanted)
  if (network !== undefined) return network
  throw new Error(`${USAGE}\n${wanted ?? 'Nothing'} is no network; see: pnpm lab list`)
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

// A reader that goes away (`| head`) must not keep a network from being taken away.
process.stdout.on('error', () => {})

await main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
})
