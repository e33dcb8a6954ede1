/** One command of the test run: its output goes straight to ours, and it cannot hang for ever. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { ROOT } from '../stack/places.ts'
import { reaper } from '../stack/reaper.ts'

export interface CommandOptions {
  /** From the repository's root. */
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  readonly timeoutMs?: number
  readonly signal: AbortSignal
}

/** Runs a JavaScript program under our own Node; true when it ended with 0. */
export async function runNode(
  script: string,
  args: readonly string[],
  options: CommandOptions,
): Promise<boolean> {
  if (options.signal.aborted) return false
  const child = spawn(process.execPath, [`${ROOT}/${script}`, ...args], {
    cwd: `${ROOT}/${options.cwd ?? ''}`,
    env: { ...process.env, ...(process.stdout.isTTY ? {} : { NO_COLOR: '1' }), ...options.env },
    stdio: ['ignore', 'inherit', 'inherit'],
    detached: true,
  })
  const group = child.pid
  if (group === undefined) return false
  reaper.watchGroup(group)
  const end = (): void => killGroup(group, 'SIGTERM')
  options.signal.addEventListener('abort', end, { once: true })
  const minutes = (options.timeoutMs ?? 600_000) / 60_000
  const timer = setTimeout(() => {
    process.stdout.write(`Not done after ${minutes} minutes: ended.\n`)
    end()
    setTimeout(() => killGroup(group, 'SIGKILL'), 5000).unref()
  }, minutes * 60_000)
  const [code] = await once(child, 'exit')
  clearTimeout(timer)
  options.signal.removeEventListener('abort', end)
  killGroup(group, 'SIGKILL')
  reaper.forgetGroup(group)
  return code === 0
}

function killGroup(group: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-group, signal)
  } catch {
    // Nothing of it is left.
  }
}
