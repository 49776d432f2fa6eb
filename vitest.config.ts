import { defineConfig } from 'vitest/config'
// @ts-expect-error: a plain script without types
import { embed } from './scripts/embed.mjs'

embed()

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    pool: 'forks',
    maxWorkers: 2,
    reporters: ['default', './scripts/summary-reporter.mjs'],
  },
})
