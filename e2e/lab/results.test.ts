import { describe, expect, it } from 'vitest'
import { allCells, chosenCells, nameOf, type Cell } from './cells.ts'
import { resultsPage } from './results-page.ts'
import { readResults } from './results.ts'

const chosen = new Set(chosenCells().map(nameOf))
const cell = allCells().find((one) => chosen.has(nameOf(one)))
if (!cell) throw new Error('No cell is chosen')

describe('the reports of runs', () => {
  it('tell what each cell came to, and which other tests were run', () => {
    const { cells, others, from, to } = readResults([
      report('2026-01-02T10:00:00.000Z', [
        run(cell, 'passed', { path: 'relay/udp', 'tap-to-live-ms': '321', said: '2' }),
        spec('lab/events.spec.ts', 'coturn restarts', 'timedOut'),
        spec('lab/events.spec.ts', 'not for this machine', 'skipped'),
        spec('lab/waiting/dead-link.spec.ts', 'the link is dead', 'passed'),
        spec('faults.spec.ts', 'no media node', 'passed'),
      ]),
      report('2026-01-01T10:00:00.000Z', [run(cell, 'failed', {})]),
    ])
    expect(cells).toMatchObject([
      {
        cell,
        passed: true,
        path: 'relay/udp',
        tapToLiveMs: 321,
        said: 2,
        connections: undefined,
      },
      { cell, passed: false, path: undefined, tapToLiveMs: undefined },
    ])
    expect(others).toMatchObject([
      { group: 'events', title: 'coturn restarts', passed: false },
      { group: 'dead-link', title: 'the link is dead', passed: true },
    ])
    expect([from, to].map((date) => date.getUTCDate())).toEqual([1, 2])
  })

  it('are refused when they are none, or hold nothing of the lab', () => {
    expect(() => readResults([{ suites: 'none' }])).toThrow()
    const elsewhere = report('2026-01-02', [spec('faults.spec.ts', 'no media node', 'passed')])
    expect(() => readResults([elsewhere])).toThrow('no test that was run in the lab')
  })
})

describe('the page about the lab', () => {
  const runs = [
    run(cell, 'passed', { path: 'relay/tls', 'tap-to-live-ms': '300', connections: '1' }),
    run(cell, 'passed', {
      path: 'relay/tcp',
      'tap-to-live-ms': '100',
      connections: '2',
    }),
    run(cell, 'failed', { 'tap-to-live-ms': '200' }),
    spec('lab/events.spec.ts', 'coturn restarts', 'passed'),
  ]
  const page = resultsPage(readResults([report('2026-01-02', runs)]), 'a small machine')

  it('has a row for each cell, and does not hide a failure', () => {
    const row = page.split('\n').find((line) => line.startsWith('| • |'))
    expect(row).toContain(` ${cell.nat} | ${cell.firewall} | `)
    expect(row).toContain(' relay/tcp, relay/tls | 200 (100-300) |  | 2 | **2/3** |')
    expect(page).toContain('3 runs of 1 cell: 2 passed, 1 failed')
    expect(page).toContain('| events | coturn restarts | 1/1 |')
  })

  it('says what was not run', () => {
    const all = allCells().length
    expect(page).toContain(`Of all ${all}, 1 were: **the other ${all - 1} were not**`)
    expect(page).toContain('When: 2026-01-02. On what: a small machine.')
    expect(page).not.toContain('undefined')
    const results = readResults([report('2026-01-02', runs)])
    expect(resultsPage(results, 'a small machine', 'It rained.')).toContain('\n- It rained.\n')
  })
})

function run(of: Cell, status: string, notes: Readonly<Record<string, string>>): unknown {
  const annotations = Object.entries(notes).map(([type, description]) => ({ type, description }))
  return spec('lab/matrix.spec.ts', nameOf(of), status, annotations)
}

function spec(file: string, title: string, status: string, annotations: unknown[] = []): unknown {
  return { title, file, tests: [{ results: [{ status, annotations }] }] }
}

/** As Playwright nests them: specs in a file's suite, and in suites of its own. */
function report(startTime: string, specs: unknown[]): unknown {
  const [first, ...others] = specs
  const suites = [{ title: 'inner', specs: others }]
  return { suites: [{ title: 'outer', specs: [first], suites }], stats: { startTime } }
}
