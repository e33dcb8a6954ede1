/** Fresh secrets for one run, in a directory that only this user can read and that goes with the run. */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { reaper } from './reaper.ts'

export interface RunSecrets {
  /** Mode 0700. */
  readonly directory: string
  /** 256 bits, hexadecimal: shared by the worker and the relay. */
  readonly turnSecret: string
  /** Mode 0600. */
  readonly turnSecretFile: string
  /** 256 bits, hexadecimal: what a media node shows to the worker. */
  readonly nodeToken: string
  readonly nodeTokenFile: string
  /** A new private directory inside `directory`. */
  makeDirectory(name: string): string
  /** Deletes all of it. It also happens when this process ends, in whichever way. */
  remove(): void
}

export function makeSecrets(): RunSecrets {
  const directory = mkdtempSync(join(tmpdir(), 'earshot-'))
  const remove = (): void => rmSync(directory, { recursive: true, force: true })
  reaper.watchDirectory(directory)
  process.once('exit', remove)
  const write = (name: string, value: string): string => {
    const file = join(directory, name)
    writeFileSync(file, `${value}\n`, { mode: 0o600 })
    return file
  }
  const turnSecret = randomBytes(32).toString('hex')
  const nodeToken = randomBytes(32).toString('hex')
  return {
    directory,
    turnSecret,
    turnSecretFile: write('turn-secret', turnSecret),
    nodeToken,
    nodeTokenFile: write('node-token', nodeToken),
    makeDirectory: (name) => mkdtempSync(join(directory, `${name}-`)),
    remove: () => {
      process.removeListener('exit', remove)
      remove()
    },
  }
}
