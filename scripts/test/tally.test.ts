import { describe, expect, it } from 'vitest'
import { add, NONE, playwrightTally, summary, vitestTally } from './tally.ts'

const report = { numPassedTests: 5, numFailedTests: 0, numPendingTests: 2, numTodoTests: 1 }

describe('the count of a Vitest run', () => {
  it('is what the report says', () => {
    expect(vitestTally({ ...report, testResults: [] }, true)).toEqual({
      passed: 5,
      failed: 0,
      skipped: 3,
    })
  })

  it('has a failure for a file that could not be loaded', () => {
    const file = { status: 'failed', assertionResults: [] }
    expect(vitestTally({ ...report, testResults: [file] }, false).failed).toBe(1)
  })

  it('counts a failed test of a failed file once', () => {
    const file = { status: 'failed', assertionResults: [{ status: 'failed' }] }
    const failing = { ...report, numFailedTests: 1, testResults: [file] }
    expect(vitestTally(failing, false).failed).toBe(1)
  })

  it.each([
    ['a run that ended badly', vitestTally(report, false)],
    ['a run without a report', vitestTally(undefined, true)],
    ['a run of no test', vitestTally({ numPassedTests: 0 }, true)],
  ])('has a failure for %s', (_, tally) => {
    expect(tally.failed).toBe(1)
  })
})

describe('the count of a Playwright run', () => {
  it('is what the report says, flaky ones passed', () => {
    const stats = { expected: 7, flaky: 1, unexpected: 2, skipped: 3 }
    expect(playwrightTally({ stats }, false)).toEqual({ passed: 8, failed: 2, skipped: 3 })
  })

  it('has a failure for a run that could not start', () => {
    const stats = { expected: 0, flaky: 0, unexpected: 0, skipped: 0 }
    expect(playwrightTally({ stats }, false).failed).toBe(1)
    expect(playwrightTally(undefined, false).failed).toBe(1)
  })
})

it('closes with one line', () => {
  const total = add({ passed: 1, failed: 2, skipped: 0 }, { passed: 3, failed: 0, skipped: 1 })
  expect(summary(total)).toBe('4 passed, 2 failed, 1 skipped')
  expect(summary(NONE)).toBe('0 passed, 0 failed')
})
