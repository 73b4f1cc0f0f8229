import fs from 'node:fs'
import { svelte } from '@sveltejs/vite-plugin-svelte'
import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** What takes minutes, mostly in processes of its own; begun last, it would keep one core busy and leave the others idle. */
const LONG = [
  'tests/attack/short',
  'tests/privacy/silence',
  'tests/engine/data/find',
  'tests/service/service',
  'tests/browser-shell/conformance',
  'tests/cli/executed',
  'tests/site',
  'tests/tarball',
  'tests/action/run',
  'tests/package',
]

const COMPONENTS = 'tests/renderer/components/**/*.test.ts'

/**
 * Tests of the engine share the modules of their process, as reading them anew for each file takes longer than many of
 * the tests. Not those that put other modules in place, which their neighbours would get as well.
 */
const SHARING = fs
  .readdirSync('tests/engine', { recursive: true, encoding: 'utf8' })
  .map((name) => `tests/engine/${name.replaceAll('\\', '/')}`)
  .filter((file) => file.endsWith('.test.ts') && !fs.readFileSync(file, 'utf8').includes('vi.mock('))

/** Without durations of an earlier run, as on a clean clone, vitest begins with the largest files. */
class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const at = LONG.findIndex((name) => moduleId.replaceAll('\\', '/').includes(name))
      return at < 0 ? LONG.length : at
    }
    return (await super.sort(files)).toSorted((a, b) => rank(a) - rank(b))
  }
}

export default defineConfig({
  plugins: [svelte()],
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: 'node',
          include: ['tests/**/*.test.ts'],
          exclude: ['tests/e2e/**', COMPONENTS, ...SHARING],
        },
      },
      {
        extends: true,
        test: { name: 'engine', include: SHARING, isolate: false, restoreMocks: true },
      },
      {
        // Components run as in a browser: Svelte's own build for it, and a document.
        extends: true,
        resolve: { conditions: ['browser', 'module', 'import', 'default'] },
        test: { name: 'components', include: [COMPONENTS], environment: 'happy-dom' },
      },
    ],
    pool: 'forks',
    // Much of the time is spent waiting for engines and files.
    maxWorkers: '100%',
    sequence: { sequencer: LongFirst },
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
