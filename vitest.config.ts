import { defineConfig } from 'vitest/config'

// Packages resolve to each other's sources through the `@fak/source` condition, so tests need no build.
export default defineConfig({
  ssr: { resolve: { conditions: ['@fak/source'], externalConditions: ['@fak/source'] } },
  resolve: { conditions: ['@fak/source'] },
  test: {
    include: ['packages/*/test/**/*.test.ts', 'examples/test/*.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
})
