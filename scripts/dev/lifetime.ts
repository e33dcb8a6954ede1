/** How long a development run lasts: until a signal, or until what started it is gone. */
import { execFileSync } from 'node:child_process'

/**
 * Aborted at SIGINT, SIGTERM or SIGHUP, and when the package runner above us has ended: a signal
 * sent to `npx` alone is not handed on. A second signal ends this process at once; its parts are
 * then ended by the reaper.
 */
export function runLifetime(): AbortSignal {
  const end = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      // Ctrl-C arrives twice when a package runner hands it on: only a later one means "now".
      if (end.signal.aborted && Date.now() - endedAt > 500) process.exit(130)
      if (!end.signal.aborted) endedAt = Date.now()
      end.abort()
    })
  }
  let endedAt = 0
  const runners = packageRunners(processTable(), process.pid)
  setInterval(() => {
    if (runners.some((pid) => !isAlive(pid))) end.abort()
  }, 300).unref()
  return end.signal
}

export interface ProcessRow {
  readonly pid: number
  readonly parent: number
  readonly command: string
}

/** The ancestors of `pid` up to the topmost npx, npm, pnpm or yarn. */
export function packageRunners(table: readonly ProcessRow[], pid: number): number[] {
  const byPid = new Map(table.map((row) => [row.pid, row]))
  const ancestors: ProcessRow[] = []
  for (let row = byPid.get(byPid.get(pid)?.parent ?? 0); row; row = byPid.get(row.parent)) {
    if (row.pid <= 1 || ancestors.includes(row)) break
    ancestors.push(row)
  }
  const isRunner = ({ command }: ProcessRow): boolean =>
    /(?:^|[\s/])(?:npx|npm|pnpm|yarn)(?:[\s.-]|$)/.test(command)
  return ancestors.slice(0, ancestors.findLastIndex(isRunner) + 1).map((row) => row.pid)
}

function processTable(): ProcessRow[] {
  try {
    const text = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,args='], {
      encoding: 'utf8',
      maxBuffer: 64 << 20,
    })
    return text.split('\n').flatMap((line) => {
      const [, pid, parent, command] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? []
      return command === undefined ? [] : [{ pid: Number(pid), parent: Number(parent), command }]
    })
  } catch {
    // No ps: then the direct parent is all that can be known.
    return [{ pid: process.ppid, parent: 1, command: 'pnpm' }]
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
