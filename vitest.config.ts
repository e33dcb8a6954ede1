import { defineConfig } from 'vitest/config'

export default defineConfig({
  // What a passing test writes is of no use to anyone.
  test: {
    silent: 'passed-only',
    projects: ['packages/*', 'apps/*', 'infra/coturn', 'scripts', 'e2e/lab'],
  },
})
