/**
 * The shaped way of the path: two TAP interfaces and the process between them that holds, loses,
 * repeats and reorders frames. User space, because not every kernel has `netem`.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import type { LaneShape } from './lane.ts'
import { addressLines } from './plan.ts'
import { must, run } from './processes.ts'
import { WAYS } from './topology.ts'

const START_TIMEOUT_MS = 10_000

export interface Shapes {
  readonly up: LaneShape
  readonly down: LaneShape
}

export class Shaper {
  readonly #child: ChildProcess
  #lastWords = ''

  /** `namespace`: an empty one for the process itself; `namespaceOf`: of the two ends. */
  static async start(
    namespace: string,
    namespaceOf: (end: 'access' | 'internet') => string,
  ): Promise<Shaper> {
    const shaper = new Shaper(namespace)
    await shaper.#heard('open')
    await waitForInterfaces(namespace)
    await placeInterfaces(namespace, namespaceOf)
    return shaper
  }

  private constructor(namespace: string) {
    const file = `${import.meta.dirname}/shaper-process.ts`
    const argv = ['netns', 'exec', namespace, process.execPath, file]
    this.#child = spawn('ip', argv, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#lastWords = `${this.#lastWords}${text}`.slice(-2000)
    })
    this.#child.on('error', (error) => (this.#lastWords = error.message))
  }

  /** Frames that are held already keep their times. Resolves once new ones are shaped like this. */
  async shape(shapes: Shapes): Promise<void> {
    const answer = this.#heard('shaped')
    this.#child.send(shapes)
    await answer
  }

  stop(): void {
    this.#child.kill('SIGKILL')
  }

  #heard(word: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const child = this.#child
      const settle = (error?: Error): void => {
        clearTimeout(timer)
        child.off('message', onMessage)
        child.off('exit', onExit)
        if (error === undefined) resolve()
        else reject(error)
      }
      const onMessage = (data: unknown): void => {
        if (data === word) settle()
      }
      const onExit = (): void => settle(new Error(`The shaper ended: ${this.#lastWords}`))
      const timer = setTimeout(() => {
        settle(new Error(`The shaper never said '${word}': ${this.#lastWords}`))
      }, START_TIMEOUT_MS)
      child.on('message', onMessage)
      child.on('exit', onExit)
      if (child.exitCode !== null || child.signalCode !== null) onExit()
    })
  }
}

// --- the parts ---

async function waitForInterfaces(namespace: string): Promise<void> {
  const deadline = performance.now() + START_TIMEOUT_MS
  while (performance.now() < deadline) {
    const { stdout } = await run(['ip', '-n', namespace, '-o', 'link'])
    if (stdout.includes(' access:') && stdout.includes(' internet:')) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  throw new Error('socat made no TAP interfaces: is /dev/net/tun there, and usable?')
}

/**
 * Fixed link addresses, known to both ends: a lost frame is never one of address resolution, which
 * would stall the path for a second.
 */
async function placeInterfaces(
  namespace: string,
  namespaceOf: (end: 'access' | 'internet') => string,
): Promise<void> {
  const moves = (['access', 'internet'] as const).map(
    (end) => `link set ${end} netns ${namespaceOf(end)} name shaped`,
  )
  await must(['ip', '-n', namespace, '-batch', '-'], { input: `${moves.join('\n')}\n` })
  const macs = { access: '02:00:00:00:00:01', internet: '02:00:00:00:00:02' }
  const settle = async (end: 'access' | 'internet'): Promise<void> => {
    const other = end === 'access' ? 'internet' : 'access'
    const lines = [
      `link set shaped address ${macs[end]}`,
      ...addressLines(WAYS.shaped[end]),
      ...WAYS.shaped[other].addresses.map(
        (address) =>
          `neigh replace ${address.split('/')[0]} lladdr ${macs[other]} dev shaped nud permanent`,
      ),
    ]
    const input = `${lines.join('\n')}\n`
    await must(['ip', '-n', namespaceOf(end), '-batch', '-'], { input })
  }
  await Promise.all([settle('access'), settle('internet')])
}
