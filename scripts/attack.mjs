import { ensureBuilt } from './build.mjs'
import { runTool } from './tool.mjs'

ensureBuilt()
await runTool('attack', { index: 'attack/index.ts' })
