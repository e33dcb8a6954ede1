/** What a development run wants of this machine, and whether it can have it. */
import { execFile } from 'node:child_process'
import { networkInterfaces } from 'node:os'
import { promisify } from 'node:util'
import { LOOPBACK } from '../stack/places.ts'
import { holderOf, isTaken } from '../stack/ports.ts'
import type { Transport } from '../stack/ports.ts'

export interface Plan {
  readonly pagePort: number
  readonly turnPort: number
  /** First and last. */
  readonly mediaPorts: readonly [number, number]
  readonly handler: string
}

/** From EARSHOT_PORT, EARSHOT_TURN_PORT, EARSHOT_MEDIA_PORTS and HANDLER. Throws with all problems. */
export function readPlan(env: NodeJS.ProcessEnv, handler: string | undefined): Plan {
  const problems: string[] = []
  const port = (name: string, fallback: number): number => {
    const value = env[name]
    if (value === undefined || value === '') return fallback
    if (/^\d{1,5}$/.test(value) && Number(value) > 0 && Number(value) < 65_536) return Number(value)
    problems.push(`${name} must be a port, 1-65535.`)
    return fallback
  }
  const range = env['EARSHOT_MEDIA_PORTS'] ?? '40000-40099'
  const [, first = '', last = ''] = /^(\d{1,5})-(\d{1,5})$/.exec(range) ?? []
  if (Number(first) < 1024 || Number(last) > 65_535 || Number(first) >= Number(last)) {
    problems.push('EARSHOT_MEDIA_PORTS must be a range such as 40000-40099.')
  }
  const plan: Plan = {
    pagePort: port('EARSHOT_PORT', 5173),
    turnPort: port('EARSHOT_TURN_PORT', 3478),
    mediaPorts: [Number(first), Number(last)],
    handler: handler ?? (env['HANDLER'] || 'echo'),
  }
  if (problems.length > 0) throw new Error(problems.join('\n'))
  return plan
}

/** One sentence a port that is taken: the part, the port, who has it, and what to do. */
export async function portProblems(plan: Plan, withRelay: boolean): Promise<string[]> {
  const { pagePort, turnPort, mediaPorts } = plan
  const wanted: Wanted[] = [
    { part: 'page', port: pagePort, transport: 'tcp', host: '127.0.0.1', setting: 'EARSHOT_PORT' },
  ]
  if (withRelay) {
    const relay = { part: 'relay', port: turnPort, host: LOOPBACK.listen }
    wanted.push({ ...relay, transport: 'udp', setting: 'EARSHOT_TURN_PORT' })
    wanted.push({ ...relay, transport: 'tcp', setting: 'EARSHOT_TURN_PORT' })
  }
  const host = withRelay ? LOOPBACK.media : '127.0.0.1'
  const [first, last] = mediaPorts
  const media = Array.from({ length: last - first + 1 }, (_, at) => ({
    part: 'media node',
    port: first + at,
    transport: 'udp' as const,
    host,
    setting: 'EARSHOT_MEDIA_PORTS',
  }))
  const found = await Promise.all([...wanted, ...media].map(async (each) => [await taken(each)]))
  // One line a part is enough to act on.
  const byPart = new Map(found.flat().flatMap((each) => (each ? [[each.part, each]] : [])))
  return Promise.all([...byPart.values()].map((each) => explain(each)))
}

/** True when `turnserver` can be run. */
export async function hasCoturn(): Promise<boolean> {
  return promisify(execFile)('turnserver', ['--version'], { timeout: 5000 }).then(
    () => true,
    () => false,
  )
}

/** The IPv4 addresses of this machine besides loopback. */
export function lanAddresses(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ family, internal }) => family === 'IPv4' && !internal)
    .map(({ address }) => address)
}

// --- the parts ---

interface Wanted {
  readonly part: string
  readonly port: number
  readonly transport: Transport
  readonly host: string
  readonly setting: string
}

async function taken(wanted: Wanted): Promise<Wanted | undefined> {
  return (await isTaken(wanted.port, wanted.transport, wanted.host)) ? wanted : undefined
}

async function explain({ part, port, transport, setting }: Wanted): Promise<string> {
  const holder = await holderOf(port, transport)
  const by = holder === undefined ? 'by another program' : `by ${holder}`
  const example = setting === 'EARSHOT_MEDIA_PORTS' ? '41000-41099' : String(port + 1)
  return (
    `The ${part} needs ${transport.toUpperCase()} port ${port}, which is taken ${by}. ` +
    `End that, or choose another: ${setting}=${example}`
  )
}
