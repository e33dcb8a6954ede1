/** Runs run.sh as tests need it. */
import { execFile } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { RUN_SCRIPT } from '../../../scripts/stack/relay.ts'
import { baseEnvironment } from '../../../scripts/stack/process.ts'

export interface ScriptResult {
  readonly code: number
  readonly output: string
}

/** Runs the script to its end with these settings alone; it must not start a relay. */
export async function runScript(
  settings: Readonly<Record<string, string>>,
  args: readonly string[] = [],
): Promise<ScriptResult> {
  const env = { ...baseEnvironment(), ...settings }
  return promisify(execFile)('/bin/sh', [RUN_SCRIPT, ...args], { env, timeout: 10_000 })
    .then(({ stdout, stderr }) => ({ code: 0, output: stdout + stderr }))
    .catch((error: { code: number; stdout: string; stderr: string }) => ({
      code: error.code,
      output: error.stdout + error.stderr,
    }))
}

/**
 * Puts a `turnserver` into `directory` that only says a version and a help text. It stands in for a
 * release that is not on this machine, to test what is rendered for it: it relays nothing.
 */
export function fakeTurnserver(directory: string, version: string, help: string): string {
  const file = join(directory, 'turnserver')
  writeFileSync(
    file,
    `#!/bin/sh\ncase $1 in --version) echo ${version} ;; -h) cat <<'HELP'\n${help}\nHELP\n;; esac\n`,
  )
  chmodSync(file, 0o755)
  return `${directory}:${baseEnvironment()['PATH'] ?? ''}`
}

/** A PATH with the tools that the script calls, and no turnserver. */
export function toolsAlone(directory: string): string {
  const tools = join(directory, 'tools')
  mkdirSync(tools)
  for (const name of 'awk cat dirname fold grep head id sed sort stat tr wc'.split(' ')) {
    const found = ['/usr/bin', '/bin'].map((from) => join(from, name)).find((at) => existsSync(at))
    if (found === undefined) throw new Error(`${name} is not in /usr/bin or /bin`)
    symlinkSync(found, join(tools, name))
  }
  return tools
}
