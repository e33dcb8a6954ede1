/** Runs the programs that make and use namespaces, and looks processes up. */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'

export interface RunOptions {
  /** Written to its standard input. */
  readonly input?: string
  /** Ended after so many ms, with `code` null. Default 20 s. */
  readonly timeoutMs?: number
}

export interface RunResult {
  /** `null`: a signal ended it. */
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs a command to its end. Rejects when it cannot be started at all. */
export function run(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const [command = '', ...args] = argv
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      stdio: 'pipe',
      timeout: options.timeoutMs ?? 20_000,
      killSignal: 'SIGKILL',
    })
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
    // A program that ends without having read its input is judged by its code.
    child.stdin.on('error', () => {})
    child.stdin.end(options.input ?? '')
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, stdout, stderr }))
  })
}

/** The same, for commands that have to work: an error names the command and its last words. */
export async function must(argv: readonly string[], options: RunOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await run(argv, options)
  if (code === 0) return stdout
  const said = `${stderr}${stdout}`.trim().split('\n').slice(-6).join('\n')
  throw new Error(`${argv.join(' ')} failed (${code ?? 'killed'}): ${said}\n${options.input ?? ''}`)
}

/** When a process started, in ticks since boot: with its id, its identity. `undefined`: it is gone. */
export function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    // A zombie has ended, whoever has yet to hear of it.
    return fields[0] === 'Z' ? undefined : fields[19]
  } catch {
    return undefined
  }
}
