import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    globalSetup: ['test/support/build.ts', 'test/support/dockerd.ts'],
    // Only what hangs should reach them, also on a machine that does ten other things.
    testTimeout: 180_000,
    hookTimeout: 300_000,
    // A worker whose daemons and containers go needs a while there, too.
    teardownTimeout: 60_000,
    expect: { poll: { timeout: 60_000 } },
    maxWorkers: 2,
    reporters: process.env.CI ? ['default', 'json'] : ['default'],
    outputFile: { json: 'coverage/tests.json' },
  },
})
