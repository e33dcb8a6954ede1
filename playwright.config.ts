import { defineConfig } from '@playwright/test'

/**
 * Every test runs against the real parts: coturn, the built worker in workerd, the media node's bundle and
 * a browser. Each starts what it needs on free ports of loopback, so they could run side by side; one at a
 * time keeps real audio real on a small machine.
 */
export default defineConfig({
  testDir: 'e2e',
  testMatch: '*.spec.ts',
  workers: 1,
  retries: 0,
  timeout: 60_000,
  expect: { timeout: 10_000 },
  forbidOnly: process.env.CI !== undefined,
  reporter: 'list',
  projects: [
    { name: 'chromium', testIgnore: 'lab/**' },
    { name: 'firefox', testMatch: ['relay.spec.ts', 'direct.spec.ts'] },
    { name: 'lab', testMatch: 'lab/*.spec.ts' },
  ],
})
