import { runTool } from './tool.mjs'

await runTool('bench', {
  index: 'bench/index.ts',
  'maths-worker': 'src/engine/maths-worker.ts',
  'large-tasks': 'bench/support/large-tasks.ts',
  'prune-tasks': 'bench/support/prune-tasks.ts',
  'quantize-tasks': 'bench/support/quantize-tasks.ts',
})
