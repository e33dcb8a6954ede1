/** The page about the lab, `docs/lab.md`, written from results. Pure. */
import { allCells, chosenCells, DIMENSIONS, nameOf, PAIRS, type Cell } from './cells.ts'
import type { CellRun, OtherRun, Results } from './results.ts'

/** `machine`: what it was measured on, in a few words. `note`: what else a reader has to know of the runs. */
export function resultsPage(results: Results, machine: string, note?: string): string {
  const rows = group(results.cells, ({ cell }) => nameOf(cell))
  const all = allCells().length
  const chosen = chosenCells()
  const isChosen = new Set(chosen.map(nameOf))
  const ran = [...rows.keys()]
  const chosenRan = ran.filter((name) => isChosen.has(name)).length
  const failed = results.cells.filter(({ passed }) => !passed).length
  return `# Calls from every network

The lab (\`e2e/lab\`) builds a caller's network out of Linux network namespaces (address translation, a firewall, a lossy or slow path, a relay's machine), runs the real parts in it (coturn, the built worker, the media node's bundle, Chromium or Firefox), and places a call. A cell of the matrix is one such network with one browser. It passes when the page is live within 10 s of the tap (where packets are lost or the line is thin it may say within 10 s that it takes longer, and be live within 10 s of that), the call runs by the path that the network leaves open, and a sentence that is spoken is answered with itself.

This page is written by a program from the reports of real runs; nobody edits it.

## What was run

- When: ${day(results.from)}${day(results.to) === day(results.from) ? '' : ` to ${day(results.to)}`}. On what: ${machine}.
- ${count(results.cells.length, 'run')} of ${count(ran.length, 'cell')}: ${results.cells.length - failed} passed, ${failed} failed. No test was retried within a run.
- Of the ${chosen.length} cells that a test run takes, ${chosenRan} were run. Of all ${all}, ${ran.length} were: **the other ${all - ran.length} were not**, and nothing is known of them but what their neighbours say.${note === undefined ? '' : `\n- ${note}`}

## How to run it

On Linux, as root (network namespaces and \`/dev/net/tun\`):

\`\`\`sh
npx -y pnpm@12.21.0 test --only packages,build,lab                        # the chosen cells and all events
EARSHOT_LAB=all EARSHOT_LAB_SHARD=3/50 npx -y pnpm@12.21.0 exec playwright test --project=lab matrix
npx -y pnpm@12.21.0 lab list                                              # networks to stand in by hand
\`\`\`

\`EARSHOT_LAB=all\` takes all ${all} cells, which lasts about a day; a shard is every so many-th of them after a shuffle that a seed decides (\`EARSHOT_LAB_SEED\`, 1 when left out), so that each is a sample of the whole. Add \`--reporter=list,json\` with \`PLAYWRIGHT_JSON_OUTPUT_FILE=<file>\`, and \`pnpm lab report <file>...\` writes this page anew.

## Which cells there are

${dimensionTable()}

All values of all dimensions with each other are ${all} combinations; none is left out.

A test run takes ${chosen.length}, found greedily, so that each pair of values occurs of these dimensions, which constrain each other: ${PAIRS.filter(
    ([a, b]) => a !== b,
  )
    .map(([a, b]) => `${a} and ${b}`)
    .join(
      ', ',
    )}; and each path at least once. The transport is what the firewall leaves: UDP, TCP, or TLS on port 443; the way is direct, or by a relay over that transport.

## The matrix

*Taken*: the way of the packets by the browser's own account. *Live*: ms from the tap to the open call, the median and, of several, the least and the most; it includes the round trips of that path. *Said*: how often the sentence had to be said until it was answered, the most of all runs (once is the rule where nothing is lost, four times the limit elsewhere). *Connections*: the most that one call made, those beside each other at the start included. Cells of the test run are marked with a dot.

| | NAT | firewall | path | VM | mode | browser | taken | live, ms | said | connections | passed |
|---|---|---|---|---|---|---|---|---|---|---|---|
${[...rows.values()]
  .toSorted(byName)
  .map((runs) => row(runs, isChosen))
  .join('\n')}
${others(results.others)}`
}

// --- the parts ---

function dimensionTable(): string {
  const lines = Object.entries(DIMENSIONS).map(
    ([name, values]) => `| ${name} | ${values.map((value) => short(value)).join(', ')} |`,
  )
  return ['| dimension | values |', '|---|---|', ...lines].join('\n')
}

function row(runs: readonly CellRun[], isChosen: ReadonlySet<string>): string {
  const [first] = runs
  if (!first) return ''
  const { nat, firewall, path, vm, mode, browser } = first.cell
  const passed = runs.filter((run) => run.passed).length
  const taken = [...new Set(known(runs.map((run) => run.path)))].toSorted()
  const cells = [
    isChosen.has(nameOf(first.cell)) ? '•' : '',
    nat,
    firewall,
    short(path),
    vm,
    mode,
    browser,
    taken.join(', '),
    spread(known(runs.map(({ tapToLiveMs }) => tapToLiveMs))),
    most(runs.map(({ said }) => said)),
    most(runs.map(({ connections }) => connections)),
    passed === runs.length ? `${passed}/${runs.length}` : `**${passed}/${runs.length}**`,
  ]
  return `| ${cells.join(' | ')} |`
}

/** `230`, or `230 (180-410)` of several. */
function spread(all: readonly number[]): string {
  const sorted = all.toSorted((a, b) => a - b)
  const median = sorted[Math.floor((sorted.length - 1) / 2)]
  if (median === undefined) return ''
  return sorted.length === 1 ? `${median}` : `${median} (${sorted[0]}-${sorted.at(-1)})`
}

function most(all: readonly (number | undefined)[]): string {
  const numbers = known(all)
  return numbers.length === 0 ? '' : String(Math.max(...numbers))
}

function others(runs: readonly OtherRun[]): string {
  if (runs.length === 0) return ''
  const lines = [...group(runs, (run) => `| ${run.group} | ${run.title}`)].map(
    ([name, all]) => `${name} | ${all.filter(({ passed }) => passed).length}/${all.length} |`,
  )
  return `
## What else was run

What happens to a network in the middle of a call (*events*), a link or a machine that is away for a while (*dead-link*), networks that no call gets through (*hopeless*), a caller who is quiet for long (*quiet*), and what a call that comes back goes on with (*rejoin*).

| | test | passed |
|---|---|---|
${lines.join('\n')}
`
}

function byName([a]: readonly CellRun[], [b]: readonly CellRun[]): number {
  const key = (run: CellRun | undefined): string => {
    if (!run) return ''
    const { firewall, nat, path, mode, vm, browser }: Cell = run.cell
    return [firewall, nat, path, mode, vm, browser].join(' ')
  }
  return key(a).localeCompare(key(b))
}

function group<T>(all: readonly T[], keyOf: (one: T) => string): Map<string, T[]> {
  return Map.groupBy(all, keyOf)
}

function known<T>(all: readonly (T | undefined)[]): T[] {
  return all.filter((one) => one !== undefined)
}

function short(path: string): string {
  return path.replace('path-', '')
}

function day(date: Date): string {
  return date.toISOString().slice(0, 10)
}

function count(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? '' : 's'}`
}
