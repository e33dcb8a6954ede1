import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import type { Plugin } from 'vite'

const require = createRequire(import.meta.url)
const FILES: Record<string, string> = {
  'vad.worklet.bundle.min.js': 'text/javascript',
  'silero_vad_v6.onnx': 'application/x-protobuf',
}

/**
 * Serves the voice detector's worklet and model from `/vad/<version>/`: the library asks for them
 * by fixed names, so the version in the path is what lets them be cached for ever.
 * `VAD_BASE_URL` is that path.
 */
export function vadAssets(): Plugin {
  const manifest = require.resolve('@ricky0123/vad-web/package.json')
  const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }
  const base = `/vad/${version}/`
  const read = (name: string) => readFileSync(path.join(path.dirname(manifest), 'dist', name))
  return {
    name: 'earshot:vad-assets',
    applyToEnvironment: (environment) => environment.name === 'client',
    config: () => ({ define: { VAD_BASE_URL: JSON.stringify(base) } }),
    configureServer(server) {
      server.middlewares.use(base, (request, response, next) => {
        const name = (request.url ?? '').slice(1).split('?')[0] ?? ''
        const type = FILES[name]
        if (type === undefined) {
          next()
          return
        }
        response.setHeader('Content-Type', type)
        response.end(read(name))
      })
    },
    generateBundle() {
      for (const name of Object.keys(FILES)) {
        this.emitFile({ type: 'asset', fileName: `${base.slice(1)}${name}`, source: read(name) })
      }
    },
  }
}
