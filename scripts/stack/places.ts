/** Where things are, and the loopback addresses that development and tests use. */
import { fileURLToPath } from 'node:url'

/** The repository's root. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '')

/** A machine that a part runs on: this one, or one that stands in for another. */
export interface Place {
  /** The address that it listens on. */
  readonly address: string
  /** What goes before a program and its arguments to run it there; empty for this machine. */
  readonly enter: readonly string[]
}

/** This machine, by its loopback. */
export const HERE: Place = { address: '127.0.0.1', enter: [] }

export interface StackAddresses {
  /** Where browsers reach the page and the relay. */
  readonly listen: string
  /** What the relay sends from, towards media. */
  readonly relay: string
  /** What media binds and offers. */
  readonly media: string
}

/**
 * On Linux all of 127.0.0.0/8 is this machine: three addresses, so that "media is the only peer"
 * is true to the address. Elsewhere there is just one.
 */
export const LOOPBACK: StackAddresses =
  process.platform === 'linux'
    ? { listen: '127.0.0.1', relay: '127.77.0.1', media: '127.77.0.10' }
    : { listen: '127.0.0.1', relay: '127.0.0.1', media: '127.0.0.1' }
