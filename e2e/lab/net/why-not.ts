/** Whether this machine can make a lab. */
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { newOwner, namespaceOf, removeNamespaces } from './namespaces.ts'
import { run } from './processes.ts'

const PROGRAMS = ['ip', 'nft', 'socat', 'conntrack', 'tcpdump', 'ping']
let known: Promise<string | undefined> | undefined

/** A sentence that says what keeps this machine from making labs; `undefined`: nothing does. */
export function whyNot(): Promise<string | undefined> {
  known ??= look()
  return known
}

// --- the parts ---

async function look(): Promise<string | undefined> {
  if (process.platform !== 'linux') return 'The lab is made of Linux network namespaces.'
  if (process.getuid?.() !== 0) return 'Only root can make the network namespaces of the lab.'
  const missing = PROGRAMS.filter((program) => !isOnPath(program))
  if (missing.length > 0) return `The lab needs ${missing.join(', ')}, not found on PATH.`
  if (!existsSync('/dev/net/tun')) return 'The lab needs /dev/net/tun, which is not there.'
  return tryOne()
}

/** Rights, kernel and container all have their say: only trying tells. */
async function tryOne(): Promise<string | undefined> {
  const name = namespaceOf(newOwner('try'), 'only')
  try {
    const made = await run(['ip', 'netns', 'add', name])
    if (made.code !== 0) return `Network namespaces cannot be made here: ${made.stderr.trim()}`
    const rule = 'ip link add one type veth peer name other && nft add table ip nat && conntrack -L'
    const tried = await run(['ip', 'netns', 'exec', name, 'sh', '-ec', rule])
    if (tried.code === 0) return undefined
    return `A network namespace here cannot have what the lab needs: ${tried.stderr.trim()}`
  } finally {
    await removeNamespaces([name])
  }
}

function isOnPath(program: string): boolean {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '')
  return folders.some((folder) => existsSync(join(folder, program)))
}
