/** Packet captures, by tcpdump. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'

const START_TIMEOUT_MS = 5000
const SETTLE_MS = 100

export interface CaptureOptions {
  readonly file: string
  /** In tcpdump's language: `udp port 3478`. */
  readonly filter?: string
  /** Default: all of the host's. */
  readonly interface?: string
}

export interface Capture {
  readonly file: string
  /** Resolves once everything is in the file. */
  stop(): Promise<void>
}

/** `prefix`: the argv before tcpdump's. Resolves once it is listening. */
export async function capture(
  [command = '', ...prefix]: readonly string[],
  { file, filter, interface: name = 'any' }: CaptureOptions,
): Promise<Capture> {
  // As root: Debian's tcpdump would give its rights up, and may not write there then.
  const options = [
    '-i',
    name,
    '-w',
    file,
    '-U',
    '--immediate-mode',
    '-n',
    '-s',
    '0',
    '-Z',
    'root',
    '-B',
    '4096',
  ]
  const argv = [...prefix, 'tcpdump', ...options, ...(filter === undefined ? [] : [filter])]
  const child = spawn(command, argv, { stdio: ['ignore', 'ignore', 'pipe'] })
  const ended = once(child, 'close')
  let said = ''
  await new Promise<void>((resolve, reject) => {
    const fail = (): void => reject(new Error(`tcpdump does not capture: ${said}`))
    const timer = setTimeout(fail, START_TIMEOUT_MS)
    child.on('error', reject)
    child.on('close', fail)
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text
      if (!said.includes('listening on')) return
      clearTimeout(timer)
      resolve()
    })
  })
  return {
    file,
    stop: async () => {
      // What the kernel has seen is not all with tcpdump yet.
      await new Promise((resolve) => setTimeout(resolve, SETTLE_MS))
      child.kill('SIGINT')
      await ended
    },
  }
}
