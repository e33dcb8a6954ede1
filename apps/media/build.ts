/** Bundles the node into one file that runs under plain Node: what the container holds. */
import { copyFile, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { build, type Plugin } from 'esbuild'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/** Puts the codec's bytes where `codec/wasm.ts` would read them from the disk. */
const inlineWasm: Plugin = {
  name: 'inline-wasm',
  setup(bundle) {
    bundle.onLoad({ filter: /[/\\]codec[/\\]wasm\.ts$/ }, async () => {
      const bytes = await readFile(here('codec/libopus.wasm'), 'base64')
      return {
        contents: `export const wasmBytes = () => Buffer.from('${bytes}', 'base64')`,
        loader: 'js',
      }
    })
  },
}

await build({
  entryPoints: [here('src/main.ts')],
  outfile: here('dist/media.mjs'),
  bundle: true,
  platform: 'node',
  target: 'node22',
  format: 'esm',
  sourcemap: true,
  legalComments: 'linked',
  plugins: [inlineWasm],
  // CommonJS dependencies inside an ES module still call `require` and `__dirname`.
  banner: {
    js: [
      "import { createRequire as __createRequire } from 'node:module'",
      "import { dirname as __dirnameOf } from 'node:path'",
      "import { fileURLToPath as __fileOf } from 'node:url'",
      'const require = __createRequire(import.meta.url)',
      'const __filename = __fileOf(import.meta.url)',
      'const __dirname = __dirnameOf(__filename)',
    ].join('\n'),
  },
  logLevel: 'warning',
})

// The codec is inside the bundle, so its notice goes where the bundle goes.
await copyFile(here('codec/LICENSE.opus'), here('dist/LICENSE.opus'))
