import path from 'node:path'
import { runTool } from './tool.mjs'

// A folder for each kind: one that runs must not be built over by another.
const kind = process.argv.slice(2).find((word) => /^[a-z]+$/.test(word)) ?? 'all'
await runTool(path.join('suite-build', kind), {
  index: 'suite/index.ts',
  worker: 'suite/worker.ts',
  'memory-process': 'suite/memory-process.ts',
  'maths-worker': 'src/engine/maths-worker.ts',
})
