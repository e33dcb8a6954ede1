import { defineConfig } from 'vitest/config'

// Apart from vite.config.ts: the Cloudflare plugin there would start a worker for these tests.
export default defineConfig({
  test: { name: 'web', environment: 'node', include: ['src/**/*.test.ts'] },
})
