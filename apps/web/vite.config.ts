import { cloudflare } from '@cloudflare/vite-plugin'
import react from '@vitejs/plugin-react'
import { createRequire } from 'node:module'
import path from 'node:path'
import { defineConfig } from 'vite'
import { vadAssets } from './build/vad-assets.ts'

const require = createRequire(import.meta.url)
const ort = path.dirname(require.resolve('onnxruntime-web/ort-wasm-simd-threaded.wasm'))
const VAD = '@ricky0123/vad-web/dist/real-time-vad.js'

// One origin in development as in production: the worker serves the page and the API.
export default defineConfig({
  plugins: [react(), cloudflare({ configPath: '../signal/wrangler.jsonc' }), vadAssets()],
  resolve: {
    alias: [
      // The build that runs on plain wasm and holds its loader: a quarter of the default's size.
      {
        find: /^onnxruntime-web(\/wasm)?$/,
        replacement: path.join(ort, 'ort.wasm.bundle.min.mjs'),
      },
    ],
  },
  // Found only after first paint, and a late discovery would reload the page under the talker.
  optimizeDeps: { include: [VAD] },
  build: { target: 'es2022', sourcemap: false },
})
