/** Builds the app and the attack with the project's own tools and runs it in a plain Node. */
import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { build } from 'vite'
import { ensureBuilt, root } from './build.mjs'

ensureBuilt()
const outDir = path.join(root, 'out', 'attack')
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
      input: { index: path.join(root, 'attack', 'index.ts') },
      output: { format: 'es', entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js' },
    },
  },
})
const { status } = spawnSync(process.execPath, [path.join(outDir, 'index.js'), ...process.argv.slice(2)], {
  cwd: root,
  stdio: 'inherit',
})
process.exit(status ?? 1)
