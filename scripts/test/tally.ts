/** Counts of a test run, and how they are read from the reports of Vitest and Playwright. */
export interface Tally {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

export const NONE: Tally = { passed: 0, failed: 0, skipped: 0 }

export function add(a: Tally, b: Tally): Tally {
  return {
    passed: a.passed + b.passed,
    failed: a.failed + b.failed,
    skipped: a.skipped + b.skipped,
  }
}

/** The closing line: `12 passed, 0 failed`, with `, 1 skipped` when there are any. */
export function summary({ passed, failed, skipped }: Tally): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`
}

/**
 * From Vitest's JSON report. A file that could not be loaded holds no test and is one failure; so is
 * a run that failed without a failed test (`exitedWell` false), or left no report.
 */
export function vitestTally(report: unknown, exitedWell: boolean): Tally {
  if (!isRecord(report)) return { ...NONE, failed: 1 }
  const files = Array.isArray(report['testResults']) ? report['testResults'] : []
  const unloaded = files.filter(
    (file) =>
      isRecord(file) &&
      file['status'] === 'failed' &&
      Array.isArray(file['assertionResults']) &&
      !file['assertionResults'].some((test) => isRecord(test) && test['status'] === 'failed'),
  )
  return honest(
    {
      passed: count(report, 'numPassedTests'),
      failed: count(report, 'numFailedTests') + unloaded.length,
      skipped: count(report, 'numPendingTests') + count(report, 'numTodoTests'),
    },
    exitedWell,
  )
}

/** From Playwright's JSON report; a flaky test has passed. */
export function playwrightTally(report: unknown, exitedWell: boolean): Tally {
  const stats = isRecord(report) ? report['stats'] : undefined
  if (!isRecord(stats)) return { ...NONE, failed: 1 }
  return honest(
    {
      passed: count(stats, 'expected') + count(stats, 'flaky'),
      failed: count(stats, 'unexpected'),
      skipped: count(stats, 'skipped'),
    },
    exitedWell,
  )
}

/** A run that failed, or ran nothing at all, has at least one failure. */
function honest(tally: Tally, exitedWell: boolean): Tally {
  const ranNothing = tally.passed + tally.failed === 0
  return tally.failed === 0 && (!exitedWell || ranNothing) ? { ...tally, failed: 1 } : tally
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

function count(record: Record<string, unknown>, name: string): number {
  const value = record[name]
  return typeof value === 'number' ? value : 0
}
