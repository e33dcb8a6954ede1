import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    name: 'media',
    include: ['src/**/*.test.ts'],
    // Real calls run in real time, on machines that may be busy with other tests.
    testTimeout: 20_000,
  },
})
