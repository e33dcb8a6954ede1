/** Programs that come from the operating system's packages: for the relay, and for browsers. */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'

export interface SystemPackage {
  /** Its name in Debian and Ubuntu. */
  readonly name: string
  /** One of these must be on PATH. */
  readonly commands: readonly string[]
  readonly why: string
}

export const TEST_PACKAGES: readonly SystemPackage[] = [
  { name: 'coturn', commands: ['turnserver'], why: 'the relay' },
  { name: 'chromium', commands: ['chromium'], why: 'end-to-end tests' },
  { name: 'firefox-esr', commands: ['firefox-esr'], why: 'end-to-end tests' },
  {
    name: 'pulseaudio',
    commands: ['pulseaudio'],
    why: 'Firefox plays nothing without a sound card',
  },
  { name: 'pulseaudio-utils', commands: ['pactl'], why: 'the same' },
  { name: 'iproute2', commands: ['ip'], why: 'the lab: networks of network namespaces' },
  { name: 'nftables', commands: ['nft'], why: 'NATs and firewalls of the lab' },
  { name: 'conntrack', commands: ['conntrack'], why: 'NATs of the lab that forget' },
  { name: 'socat', commands: ['socat'], why: 'paths of the lab with delay and loss' },
  { name: 'tcpdump', commands: ['tcpdump'], why: 'captures in the lab' },
  { name: 'iputils-ping', commands: ['ping'], why: 'measuring the lab' },
  { name: 'procps', commands: ['ps'], why: 'tests that look for processes left behind' },
]

export function missingPackages(
  packages: readonly SystemPackage[],
  // Debian keeps `nft` and its like out of the PATH of everyone but root.
  path = `${process.env['PATH'] ?? ''}${delimiter}/usr/sbin${delimiter}/sbin`,
): SystemPackage[] {
  const folders = path.split(delimiter).filter((folder) => folder !== '')
  const isThere = (command: string): boolean =>
    folders.some((folder) => existsSync(join(folder, command)))
  return packages.filter(({ commands }) => !commands.some((command) => isThere(command)))
}

/**
 * Installs what is missing when this is root on Debian or Ubuntu. Returns what a person has to do
 * otherwise, or what went wrong; `undefined` when everything is there.
 */
export function installMissing(packages: readonly SystemPackage[]): string | undefined {
  const missing = missingPackages(packages)
  if (missing.length === 0) return undefined
  const names = missing.map(({ name }) => name)
  if (!isDebian()) return `Missing: ${describe(missing)}. Install them, then run this again.`
  const command = `apt-get update && apt-get install --no-install-recommends -y ${names.join(' ')}`
  if (process.getuid?.() !== 0) return `Missing: ${describe(missing)}. Run: sudo sh -c '${command}'`
  process.stdout.write(`Installing ${names.join(', ')} …\n`)
  const failed = aptGet('update') ?? aptGet('install', '--no-install-recommends', '-y', ...names)
  if (failed !== undefined) return `${failed}\nInstall by hand: ${command}`
  const still = missingPackages(missing)
  return still.length === 0 ? undefined : `Installed, but still not on PATH: ${describe(still)}.`
}

// --- the parts ---

function describe(packages: readonly SystemPackage[]): string {
  return packages.map(({ name, why }) => `${name} (${why})`).join(', ')
}

function isDebian(): boolean {
  const file = '/etc/os-release'
  return existsSync(file) && /^ID(?:_LIKE)?=.*(?:debian|ubuntu)/m.test(readFileSync(file, 'utf8'))
}

/** `undefined` when it worked, else its last words. */
function aptGet(...args: string[]): string | undefined {
  const result = spawnSync('apt-get', ['-o', 'DPkg::Lock::Timeout=300', '-q', ...args], {
    encoding: 'utf8',
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    timeout: 900_000,
    maxBuffer: 64 << 20,
  })
  if (result.status === 0) return undefined
  const said = `${result.stdout}${result.stderr}`.trim().split('\n').slice(-10).join('\n')
  return `apt-get ${args[0]} failed:\n${said}`
}
