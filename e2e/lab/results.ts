/** What runs of the lab came to, read from Playwright's JSON reports. */
import * as v from 'valibot'
import { allCells, nameOf, type Cell } from './cells.ts'

/** One run of one cell of the matrix. What a run that failed did not get to is `undefined`. */
export interface CellRun {
  readonly cell: Cell
  readonly passed: boolean
  /** As the page names it: `relay/udp`. */
  readonly path: string | undefined
  readonly tapToLiveMs: number | undefined
  /** How often the sentence was said until it was answered. */
  readonly said: number | undefined
  /** How many connections the page made, the first included. */
  readonly connections: number | undefined
}

/** One run of another test of the lab. */
export interface OtherRun {
  /** The spec file's name without `.spec.ts`. */
  readonly group: string
  readonly title: string
  readonly passed: boolean
}

export interface Results {
  readonly cells: readonly CellRun[]
  readonly others: readonly OtherRun[]
  /** When the first and the last report began. */
  readonly from: Date
  readonly to: Date
}

/** Reads reports (parsed JSON), in any order. Throws on what is no report, or has no test of the lab. */
export function readResults(reports: readonly unknown[]): Results {
  const parsed = reports.map((report) => v.parse(reportSchema, report))
  const tests = parsed.flatMap(({ suites }) => suites.flatMap((suite) => testsOf(suite)))
  const cells = new Map(allCells().map((cell) => [nameOf(cell), cell]))
  const starts = parsed.map(({ stats }) => Date.parse(stats.startTime))
  const results: Results = {
    cells: tests.flatMap((test) => {
      const cell = cells.get(test.title)
      return cell && test.group === 'matrix' ? [cellRun(cell, test)] : []
    }),
    others: tests.filter(({ group }) => group !== 'matrix'),
    from: new Date(Math.min(...starts)),
    to: new Date(Math.max(...starts)),
  }
  if (tests.length === 0) throw new Error('The reports hold no test that was run in the lab')
  return results
}

// --- the parts ---

interface TestRun extends OtherRun {
  readonly notes: ReadonlyMap<string, string>
}

const noteSchema = v.object({ type: v.string(), description: v.optional(v.string(), '') })
const specSchema = v.object({
  title: v.string(),
  file: v.string(),
  tests: v.array(
    v.object({
      results: v.array(
        v.object({ status: v.string(), annotations: v.optional(v.array(noteSchema), []) }),
      ),
    }),
  ),
})
interface Suite {
  readonly specs: v.InferOutput<typeof specSchema>[]
  readonly suites?: Suite[] | undefined
}
const suiteSchema: v.GenericSchema<unknown, Suite> = v.object({
  specs: v.array(specSchema),
  suites: v.optional(v.array(v.lazy(() => suiteSchema))),
})
const reportSchema = v.object({
  suites: v.array(suiteSchema),
  stats: v.object({ startTime: v.string() }),
})

function testsOf({ specs, suites = [] }: Suite): TestRun[] {
  const own = specs.flatMap(({ title, file, tests }) => {
    const group = /^lab\/(?:waiting\/)?([\w-]+)\.spec\.ts$/.exec(file)?.[1]
    if (group === undefined) return []
    const runs = tests.flatMap(({ results }) => results)
    return runs
      .filter(({ status }) => status !== 'skipped')
      .map(({ status, annotations }) => ({
        group,
        title,
        passed: status === 'passed',
        notes: new Map(annotations.map(({ type, description }) => [type, description])),
      }))
  })
  return [...own, ...suites.flatMap((suite) => testsOf(suite))]
}

function cellRun(cell: Cell, { passed, notes }: TestRun): CellRun {
  const number = (type: string): number | undefined => {
    const text = notes.get(type)
    return text === undefined ? undefined : Number(text)
  }
  return {
    cell,
    passed,
    path: notes.get('path'),
    tapToLiveMs: number('tap-to-live-ms'),
    said: number('said'),
    connections: number('connections'),
  }
}
