/** `pnpm typecheck`: one tsc for each tsconfig of the repository, two at a time. */
import { execFile } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { promisify } from 'node:util'
import { ROOT } from './stack/places.ts'

const AT_ONCE = 2

/** Every tsconfig that names files of its own, from the root. */
export function projects(): string[] {
  const parents = ['apps', 'packages', 'infra'].flatMap((parent) => children(parent))
  return ['e2e', 'bench', 'scripts', ...parents].flatMap((folder) =>
    entries(folder)
      .filter((name) => /^tsconfig(?:\.\w+)?\.json$/.test(name))
      .map((name) => `${folder}/${name}`),
  )
}

async function main(): Promise<void> {
  const waiting = projects()
  const worker = async (): Promise<number> => {
    let wrong = 0
    for (let project = waiting.shift(); project; project = waiting.shift()) {
      if (!(await check(project))) wrong += 1
    }
    return wrong
  }
  const total = waiting.length
  const wrong = await Promise.all(Array.from({ length: AT_ONCE }, worker))
  const failed = wrong.reduce((sum, each) => sum + each, 0)
  process.stdout.write(`${total - failed} of ${total} projects have no type error\n`)
  process.exitCode = failed === 0 ? 0 : 1
}

async function check(project: string): Promise<boolean> {
  const tsc = `${ROOT}/node_modules/typescript/bin/tsc`
  const args = [tsc, '-p', project, '--pretty', process.stdout.isTTY ? 'true' : 'false']
  return promisify(execFile)(process.execPath, args, { cwd: ROOT, maxBuffer: 64 << 20 }).then(
    () => true,
    (error: { stdout?: string; message: string }) => {
      process.stdout.write(`${project}\n${error.stdout ?? error.message}\n`)
      return false
    },
  )
}

function children(folder: string): string[] {
  return entries(folder).map((name) => `${folder}/${name}`)
}

function entries(folder: string): string[] {
  const path = `${ROOT}/${folder}`
  if (!existsSync(path)) return []
  try {
    return readdirSync(path).toSorted()
  } catch {
    return []
  }
}

if (process.argv[1] === import.meta.filename) await main()
