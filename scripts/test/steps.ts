/** The steps of `pnpm test`, in order. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { whyNot } from '../../e2e/lab/net/why-not.ts'
import { ROOT } from '../stack/places.ts'
import { installMissing, TEST_PACKAGES } from '../system-packages.ts'
import { runNode } from './command.ts'
import { LIMITS, pageSizes, sizeLines } from './sizes.ts'
import { NONE, playwrightTally, vitestTally } from './tally.ts'
import type { Tally } from './tally.ts'

export interface Step {
  /** For `--only`. */
  readonly key: string
  readonly title: string
  /** Steps that must have passed, when they are part of the run. */
  readonly needs?: readonly string[]
  run(signal: AbortSignal): Promise<Tally>
}

const MINUTE = 60_000

export const STEPS: readonly Step[] = [
  {
    key: 'packages',
    title: 'System packages',
    run: async () => {
      const problem = installMissing(TEST_PACKAGES)
      if (problem !== undefined) process.stdout.write(`${problem}\n`)
      return check(problem === undefined)
    },
  },
  {
    key: 'lint',
    title: 'Lint',
    run: async (signal) =>
      check(await runNode(bin('oxlint'), ['--type-aware', '--deny-warnings'], { signal })),
  },
  {
    key: 'format',
    title: 'Format',
    run: async (signal) => check(await runNode(bin('oxfmt'), ['--check'], { signal })),
  },
  {
    key: 'types',
    title: 'Types',
    run: async (signal) => check(await runNode('scripts/typecheck.ts', [], { signal })),
  },
  {
    key: 'unit',
    title: 'Unit, worker, media and relay tests',
    run: async (signal) =>
      withReport(async (file) => {
        const args = ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${file}`]
        return [await runNode('node_modules/vitest/vitest.mjs', args, { signal }), vitestTally]
      }),
  },
  {
    key: 'build',
    title: 'Build of the page, the worker and the media node',
    run: async (signal) => {
      const vite = 'apps/web/node_modules/vite/bin/vite.js'
      const page = await runNode(vite, ['build'], { cwd: 'apps/web', signal })
      const media = await runNode('apps/media/build.ts', [], { cwd: 'apps/media', signal })
      return {
        ...NONE,
        passed: Number(page) + Number(media),
        failed: Number(!page) + Number(!media),
      }
    },
  },
  {
    key: 'deploy',
    title: 'Deployment of the worker, dry',
    needs: ['build'],
    run: async (signal) =>
      withFolder(async (folder) => {
        const args = ['deploy', '--dry-run', '--outdir', folder]
        const env = { WRANGLER_SEND_METRICS: 'false', XDG_CONFIG_HOME: folder, CI: '1' }
        const script = 'node_modules/wrangler/bin/wrangler.js'
        return check(await runNode(script, args, { cwd: 'apps/signal', env, signal }))
      }),
  },
  {
    key: 'size',
    title: 'Size of the page',
    needs: ['build'],
    run: async () => {
      const sizes = pageSizes(`${ROOT}/apps/web/dist/client`)
      process.stdout.write(`${sizeLines(sizes).join('\n')}\n`)
      return check(sizes.firstLoad < LIMITS.firstLoad && sizes.vad < LIMITS.vad)
    },
  },
  {
    key: 'e2e',
    title: 'End-to-end tests',
    needs: ['packages', 'build'],
    run: (signal) => playwright(['chromium', 'firefox'], signal),
  },
  {
    key: 'lab',
    title: 'Calls from every network, in the lab',
    needs: ['packages', 'build'],
    run: async (signal) => {
      const why = await whyNot()
      if (why === undefined) return playwright(['lab', 'lab-waiting'], signal)
      process.stdout.write(`Not run: ${why}\n`)
      return { ...NONE, skipped: 1 }
    },
  },
]

// --- the parts ---

function playwright(projects: readonly string[], signal: AbortSignal): Promise<Tally> {
  return withReport(async (file) => {
    const chosen = projects.map((project) => `--project=${project}`)
    const args = ['test', '--reporter=list,json', ...chosen]
    const env = { PLAYWRIGHT_JSON_OUTPUT_FILE: file, PLAYWRIGHT_JSON_OUTPUT_NAME: file }
    const script = 'node_modules/@playwright/test/cli.js'
    const timeoutMs = 25 * MINUTE
    return [await runNode(script, args, { env, signal, timeoutMs }), playwrightTally]
  })
}

/** A step that is no test counts as one. */
function check(passed: boolean): Tally {
  return passed ? { ...NONE, passed: 1 } : { ...NONE, failed: 1 }
}

type Reader = (report: unknown, exitedWell: boolean) => Tally

async function withReport(
  run: (file: string) => Promise<readonly [boolean, Reader]>,
): Promise<Tally> {
  return withFolder(async (folder) => {
    const file = join(folder, 'report.json')
    const [exitedWell, read] = await run(file)
    return read(parseFile(file), exitedWell)
  })
}

async function withFolder<T>(run: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'earshot-test-'))
  return run(folder).finally(() => rmSync(folder, { recursive: true, force: true }))
}

function parseFile(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return undefined
  }
}

function bin(name: 'oxlint' | 'oxfmt'): string {
  return `node_modules/${name}/bin/${name}`
}
