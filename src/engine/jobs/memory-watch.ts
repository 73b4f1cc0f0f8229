/**
 * Ends the engine before it takes the machine with it. ONNX Runtime blocks the engine's own thread while it
 * allocates, so another thread looks; whoever started the engine reads the last line and tells
 * `engine/out-of-memory`.
 */
import { Worker } from 'node:worker_threads'
import { MEMORY_BUDGET } from '../onnx/budget'

const EVERY_MS = 50

/** As text: a thread of a few lines needs no file of its own in every shell's package. */
const WATCH = `
const { workerData } = require('node:worker_threads')
const { writeSync } = require('node:fs')
setInterval(() => {
  const used = process.memoryUsage.rss()
  if (used < workerData.budget) return
  writeSync(2, 'out of memory: ' + used + ' of ' + workerData.budget + ' bytes')
  process.kill(process.pid, 'SIGKILL')
}, workerData.every)
`

export function watchMemory(budget = MEMORY_BUDGET): void {
  new Worker(WATCH, { eval: true, workerData: { budget, every: EVERY_MS } }).unref()
}
