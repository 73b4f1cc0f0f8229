import { svelte } from '@sveltejs/vite-plugin-svelte'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  plugins: [svelte()],
  test: {
    include: ['tests/**/*.test.ts'],
    exclude: ['tests/e2e/**'],
    pool: 'forks',
    // Much of the time is spent waiting for engines and files.
    maxWorkers: '100%',
    // Ends what hangs; nothing is timed.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    coverage: {
      reportOnFailure: true,
      provider: 'v8',
      include: ['src/**/*.ts'],
      reporter: ['text-summary', 'json-summary', 'html'],
      // Of this process alone: what only runs in the engine's own process or a shell's counts as not reached.
      thresholds: { lines: 88, 'src/engine/**': { lines: 92 } },
    },
  },
})
