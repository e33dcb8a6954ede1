/**
 * Parts: the programs that a run starts. Each has a process group of its own and is ended by it,
 * and none outlives the run, even when the run is killed.
 */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { reaper } from './reaper.ts'

export interface PartOptions {
  /** For messages: 'relay', 'edge', 'media'. */
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  readonly cwd?: string
  /** What goes before the command, to run it in another place. */
  readonly enter?: readonly string[]
  /** Added to `baseEnvironment()`. */
  readonly env?: Readonly<Record<string, string>>
  /** Each line of its output as it comes. */
  readonly onLine?: (line: string) => void
  /** Aborting it stops the part. */
  readonly signal?: AbortSignal
  /** How long SIGTERM may take before SIGKILL, in ms; 5000 when left out. */
  readonly graceMs?: number
}

export interface Part {
  readonly name: string
  readonly pid: number
  /** The last lines of its output, newest last. */
  lastLines(): readonly string[]
  /** Settles when it has ended, with how: 'exit code 1', 'signal SIGKILL'. */
  readonly ended: Promise<string>
  /** False from its end on. */
  running(): boolean
  /** Ends the part and everything it started. Legal at any time, and twice. */
  stop(): Promise<void>
}

/** A part ended, or did not get ready, when it should have. The message holds its last lines. */
export class PartFailure extends Error {
  override readonly name = 'PartFailure'
  readonly part: string

  constructor(part: string, what: string, lines: readonly string[]) {
    const said = lines.length === 0 ? 'It said nothing.' : `It said:\n${indent(lines)}`
    super(`${part}: ${what}. ${said}`)
    this.part = part
  }
}

/** Starts a program. Throws when the signal is aborted already or the program cannot be started. */
export async function startPart(options: PartOptions): Promise<Part> {
  options.signal?.throwIfAborted()
  const [command = '', ...args] = [...(options.enter ?? []), options.command, ...options.args]
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: { ...baseEnvironment(), ...options.env },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const closed = once(child, 'close')
  // 'error' instead of 'spawn': the program is not there. Then there is no group to watch.
  await Promise.race([once(child, 'spawn'), closed]).catch((error: unknown) => {
    closed.catch(() => {})
    throw new PartFailure(options.name, `cannot be started (${String(error)})`, [])
  })
  return new RunningPart(child, options, closed)
}

/**
 * Waits until `probe` says true. Throws `PartFailure` when the part ends before, or `withinMs` pass,
 * and the signal's reason when it is aborted.
 */
export async function whenReady(
  part: Part,
  probe: () => Promise<boolean>,
  withinMs: number,
  signal?: AbortSignal,
): Promise<void> {
  const until = Date.now() + withinMs
  for (;;) {
    signal?.throwIfAborted()
    const answered = await probe().catch(() => false)
    // In this order: what answers when the part is gone is something else.
    if (!part.running()) {
      throw new PartFailure(part.name, `ended (${await part.ended})`, part.lastLines())
    }
    if (answered) return
    if (Date.now() > until) {
      const seconds = Math.round(withinMs / 1000)
      throw new PartFailure(part.name, `not ready after ${seconds} s`, part.lastLines())
    }
    await delay(50)
  }
}

/** What a part gets of our own environment: no setting or secret of the caller leaks into it. */
export function baseEnvironment(): Record<string, string> {
  const names = ['PATH', 'HOME', 'LANG', 'LC_ALL', 'TMPDIR', 'TZ', 'PULSE_SERVER']
  const known = names.map((name) => [name, process.env[name]] as const)
  return Object.fromEntries(known.filter((pair): pair is [string, string] => pair[1] !== undefined))
}

// --- the parts ---

const KEPT_LINES = 40
const GRACE_MS = 5_000

class RunningPart implements Part {
  readonly name: string
  readonly pid: number
  readonly ended: Promise<string>
  readonly #lines: string[] = []
  readonly #graceMs: number
  #running = true
  #stopping: Promise<void> | undefined

  constructor(child: ChildProcess, options: PartOptions, closed: Promise<unknown>) {
    this.name = options.name
    this.pid = child.pid ?? 0
    this.#graceMs = options.graceMs ?? GRACE_MS
    reaper.watchGroup(this.pid)
    for (const stream of [child.stdout, child.stderr]) {
      if (stream === null) continue
      createInterface({ input: stream }).on('line', (line) => {
        this.#lines.push(line)
        if (this.#lines.length > KEPT_LINES) this.#lines.shift()
        options.onLine?.(line)
      })
    }
    const stop = (): void => void this.stop()
    options.signal?.addEventListener('abort', stop, { once: true })
    this.ended = this.#end(child, closed).finally(() =>
      options.signal?.removeEventListener('abort', stop),
    )
  }

  lastLines(): readonly string[] {
    return this.#lines
  }

  running(): boolean {
    return this.#running
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async #end(child: ChildProcess, closed: Promise<unknown>): Promise<string> {
    await once(child, 'exit')
    this.#running = false
    // What it started and left behind goes with it, and lets go of its output.
    signalGroup(this.pid, 'SIGKILL')
    await closed
    reaper.forgetGroup(this.pid)
    return child.signalCode === null ? `exit code ${child.exitCode}` : `signal ${child.signalCode}`
  }

  async #stop(): Promise<void> {
    if (this.#running) signalGroup(this.pid, 'SIGTERM')
    const timer = setTimeout(() => signalGroup(this.pid, 'SIGKILL'), this.#graceMs)
    await this.ended
    clearTimeout(timer)
  }
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal)
  } catch {
    // The group has no process left: that is what was wanted.
  }
}

function indent(lines: readonly string[]): string {
  return lines.map((line) => `    ${line}`).join('\n')
}
