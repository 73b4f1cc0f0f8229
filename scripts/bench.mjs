/** Builds the bench with the project's own tools and runs it in a plain Node. */
import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { build } from 'vite'

const root = path.resolve(import.meta.dirname, '..')
const outDir = path.join(root, 'out', 'bench')

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
        index: path.join(root, 'bench', 'index.ts'),
        'maths-worker': path.join(root, 'src', 'engine', 'maths-worker.ts'),
        'large-tasks': path.join(root, 'bench', 'support', 'large-tasks.ts'),
        'prune-tasks': path.join(root, 'bench', 'support', 'prune-tasks.ts'),
        'quantize-tasks': path.join(root, 'bench', 'support', 'quantize-tasks.ts'),
      },
      output: { format: 'es', entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js' },
    },
  },
})

const { status } = spawnSync(process.execPath, [path.join(outDir, 'index.js'), ...process.argv.slice(2)], {
  stdio: 'inherit',
})
process.exit(status ?? 1)
