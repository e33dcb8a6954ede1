import { readFileSync } from 'node:fs'

/** The compiled codec; the bundler puts the bytes themselves in place of this file. */
export function wasmBytes(): Uint8Array {
  return readFileSync(new URL('./libopus.wasm', import.meta.url))
}
