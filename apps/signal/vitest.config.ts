import { cloudflareTest } from '@cloudflare/vitest-plugin'
import { defineConfig } from 'vitest/config'

// Else wrangler warns, once a file, of secrets that are bound below.
// oxlint-disable-next-line node/no-process-env -- wrangler reads it from there and nowhere else
process.env.WRANGLER_LOG ??= 'error'

export default defineConfig({
  plugins: [
    cloudflareTest({
      wrangler: { configPath: './wrangler.jsonc' },
      miniflare: {
        bindings: {
          TURN_SECRET: 'R3ZtLq8cVn1xKd0YbWf5uHs7Jp2Ta9Ei',
          NODE_TOKEN: 'm4Qz7Xw1Bv6Nc9Lk3Jh8Gf2Ds5Ap0OyU',
        },
      },
    }),
  ],
  test: { name: 'signal', include: ['src/**/*.test.ts'], silent: 'passed-only', isolate: false },
})
