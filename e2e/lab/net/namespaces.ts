/** Network namespaces by name: whose they are, what runs in them, and taking them away. */
import { mkdirSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { rmSync, statSync, writeFileSync } from 'node:fs'
import { must, startOf } from './processes.ts'

const FOLDER = '/run/netns'
/** Files that `ip netns exec` puts in place of those in /etc, for whoever enters. */
const FILES = '/etc/netns'

/** One lab of one process. Its namespaces carry all of this in their names. */
export interface Owner {
  /** Lower-case letters: what the lab is for. */
  readonly label: string
  readonly pid: number
  /** When that process started: ids of processes come round again. */
  readonly started: string
  /** Counts the labs of that process. */
  readonly lab: number
}

let labs = 0

/** A new lab of this process. */
export function newOwner(label: string): Owner {
  const started = startOf(process.pid)
  if (started === undefined) throw new Error('The lab needs a Linux /proc')
  labs += 1
  return { label, pid: process.pid, started, lab: labs }
}

export function namespaceOf(owner: Owner, host: string): string {
  return `earshot-${owner.label}-${owner.pid}-${owner.started}-${owner.lab}-${host}`
}

/** `undefined`: not one of ours. */
export function parseNamespace(name: string): { owner: Owner; host: string } | undefined {
  const match = /^earshot-([a-z]+)-(\d+)-(\d+)-(\d+)-([a-z0-9-]+)$/.exec(name)
  const [, label, pid, started, lab, host] = match ?? []
  if (label === undefined || started === undefined || host === undefined) return undefined
  return { owner: { label, pid: Number(pid), started, lab: Number(lab) }, host }
}

export function isAlive(owner: Owner): boolean {
  return startOf(owner.pid) === owner.started
}

/** Every namespace of a lab, of this process or another. */
export function labNamespaces(): { name: string; owner: Owner; host: string }[] {
  const names = new Set([FOLDER, FILES].flatMap((folder) => entriesOf(folder)))
  return [...names].flatMap((name) => {
    const parsed = parseNamespace(name)
    return parsed === undefined ? [] : [{ name, ...parsed }]
  })
}

/** Whoever enters asks a name server inside, or nobody: never that of the machine. */
export function useOwnNameServer(name: string): void {
  mkdirSync(`${FILES}/${name}`, { recursive: true })
  writeFileSync(`${FILES}/${name}/resolv.conf`, 'nameserver 127.0.0.1\n')
}

/** Takes away what runs whose process is gone have left. */
export async function sweep(): Promise<readonly string[]> {
  const dead = labNamespaces().filter(({ owner }) => !isAlive(owner))
  await removeNamespaces(dead.map(({ name }) => name))
  return dead.map(({ name }) => name)
}

/** Ends every process inside and deletes the names. Names that are not there are no error. */
export async function removeNamespaces(names: readonly string[]): Promise<void> {
  for (let pass = 0; pass < 20; pass += 1) {
    const pids = processesIn(names)
    if (pids.length === 0) break
    for (const pid of pids) kill(pid)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  for (const name of names) rmSync(`${FILES}/${name}`, { recursive: true, force: true })
  const there = names.filter((name) => inodeOf(name) !== undefined)
  if (there.length === 0) return
  const input = there.map((name) => `netns del ${name}\n`).join('')
  // Another run may be sweeping the same names: -force goes on, and what counts is the end.
  await must(['ip', '-force', '-batch', '-'], { input }).catch((error: unknown) => {
    if (there.some((name) => inodeOf(name) !== undefined)) throw error
  })
}

/** The processes whose network is one of these namespaces. */
export function processesIn(names: readonly string[]): number[] {
  const inodes = new Set(names.map((name) => inodeOf(name)).filter((inode) => inode !== undefined))
  // A name that is a file without a namespace mounted on it could never match; our own must not.
  inodes.delete(networkOf('self') ?? -1)
  inodes.delete(networkOf('1') ?? -1)
  if (inodes.size === 0) return []
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .filter((entry) => inodes.has(networkOf(entry) ?? -1) && !isZombie(entry))
    .map(Number)
}

// --- the parts ---

function entriesOf(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

function isZombie(pid: string): boolean {
  try {
    return /^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return true
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It ended by itself.
  }
}

function inodeOf(name: string): number | undefined {
  return statSync(`${FOLDER}/${name}`, { throwIfNoEntry: false })?.ino
}

function networkOf(pid: string): number | undefined {
  try {
    return Number(/\[(\d+)\]/.exec(readlinkSync(`/proc/${pid}/ns/net`))?.[1])
  } catch {
    return undefined
  }
}
