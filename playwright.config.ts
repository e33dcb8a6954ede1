import { defineConfig } from '@playwright/test'

/**
 * Every test runs against the real parts: coturn, the built worker in workerd, the media node's bundle and
 * a browser. Each starts what it needs on free ports of loopback or in a network of its own, so they could
 * all run side by side; one at a time keeps real audio real on a small machine. Those that mostly wait run
 * beside the others.
 */
export default defineConfig({
  testDir: 'e2e',
  testMatch: '*.spec.ts',
  workers: 2,
  retries: 0,
  timeout: 60_000,
  expect: { timeout: 10_000 },
  forbidOnly: process.env.CI !== undefined,
  reporter: 'list',
  projects: [
    { name: 'chromium', testIgnore: 'lab/**', workers: 1 },
    { name: 'firefox', testMatch: ['relay.spec.ts', 'direct.spec.ts'], workers: 1 },
    { name: 'lab', testMatch: 'lab/*.spec.ts', workers: 1 },
    { name: 'lab-waiting', testMatch: 'lab/waiting/*.spec.ts', workers: 1 },
  ],
})
