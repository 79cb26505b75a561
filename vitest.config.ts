import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Two cores are the smallest machine this runs on; each file brings servers and worker threads of its own.
    maxWorkers: 2,
    globalSetup: ['test/support/global-setup.ts'],
  },
})
