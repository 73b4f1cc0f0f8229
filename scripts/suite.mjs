/** Builds the suites with the project's own tools and runs them in plain Node processes. */
import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { build } from 'vite'
import { root } from './build.mjs'

// A folder for each kind: one that runs must not be built over by another.
const kind = process.argv.slice(2).find((word) => /^[a-z]+$/.test(word)) ?? 'all'
const outDir = path.join(root, 'out', 'suite-build', kind)
const entry = (name) => path.join(root, 'suite', `${name}.ts`)
await build({
  configFile: false,
  root,
  logLevel: 'error',
  build: {
    ssr: true,
    target: 'node20',
    outDir,
    emptyOutDir: true,
    minify: false,
    rolldownOptions: {
      input: {
        index: entry('index'),
        worker: entry('worker'),
        'maths-worker': path.join(root, 'src', 'engine', 'maths-worker.ts'),
      },
      output: { format: 'es', entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js' },
    },
  },
})
const { status } = spawnSync(process.execPath, [path.join(outDir, 'index.js'), ...process.argv.slice(2)], {
  cwd: root,
  stdio: 'inherit',
})
process.exit(status ?? 1)
