/**
 * `pnpm test`: everything that can be checked on one machine, in order. It goes on after a failure,
 * and its last line is always `N passed, N failed`. `--only unit,e2e` runs a part of it.
 */
import { parseArgs } from 'node:util'
import { STEPS } from './test/steps.ts'
import type { Step } from './test/steps.ts'
import { add, NONE, summary } from './test/tally.ts'
import type { Tally } from './test/tally.ts'

const end = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => end.abort())
}

async function main(): Promise<Tally> {
  const steps = chosen()
  const failed = new Set<string>()
  let total = NONE
  for (const step of steps) {
    if (end.signal.aborted) return stopped(total)
    const tally = await runStep(step, failed)
    if (tally.failed > 0) failed.add(step.key)
    total = add(total, tally)
  }
  if (failed.size > 0) process.stdout.write(`\nFailed: ${[...failed].join(', ')}\n`)
  return end.signal.aborted ? stopped(total) : total
}

async function runStep(step: Step, failed: ReadonlySet<string>): Promise<Tally> {
  process.stdout.write(`\n== ${step.title}\n`)
  const missing = step.needs?.filter((key) => failed.has(key)) ?? []
  if (missing.length > 0) {
    process.stdout.write(`Not run: it needs ${missing.join(' and ')}, which failed.\n`)
    return { ...NONE, skipped: 1 }
  }
  const started = performance.now()
  const tally = await step.run(end.signal).catch((error: unknown) => {
    process.stdout.write(`${error instanceof Error ? error.message : String(error)}\n`)
    return { ...NONE, failed: 1 }
  })
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  process.stdout.write(`-- ${tally.failed > 0 ? 'failed' : 'ok'} in ${seconds} s\n`)
  return tally
}

function chosen(): readonly Step[] {
  const { values } = parseArgs({ options: { only: { type: 'string', multiple: true } } })
  const wanted = values.only?.flatMap((keys) => keys.split(','))
  if (wanted === undefined) return STEPS
  const known = STEPS.map(({ key }) => key)
  const unknown = wanted.filter((key) => !known.includes(key))
  if (unknown.length > 0) {
    throw new Error(`There is no step ${unknown.join(', ')}. Steps: ${known.join(', ')}`)
  }
  return STEPS.filter(({ key }) => wanted.includes(key))
}

function stopped(total: Tally): Tally {
  process.stdout.write('\nStopped before the end.\n')
  return add(total, { ...NONE, failed: 1 })
}

const total = await main().catch((error: unknown) => {
  process.stdout.write(`${error instanceof Error ? error.message : String(error)}\n`)
  return { ...NONE, failed: 1 }
})
process.stdout.write(`\n${summary(total)}\n`)
process.exitCode = total.failed > 0 ? 1 : 0
