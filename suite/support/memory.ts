/** Memory that looking at a model takes beside a plain run of it, each in a process of its own. */
import { fork } from 'node:child_process'
import path from 'node:path'
import { formatBytes } from '../../src/contract/format'
import { readModel } from '../../src/engine/onnx'
import { workingFeeds, type Values } from '../../src/engine/runtime'
import type { Outcome } from './suite'

/** What the process does: one run with these feeds or, without any, an inspection. */
export interface MemoryTask {
  model: string
  feeds?: Values
}

/** Inspecting may take so many times the memory of a run. */
const MOST = 2

/** Bytes resident at most; undefined where the process failed. */
function peakOf(task: MemoryTask): Promise<number | undefined> {
  const child = fork(path.join(path.dirname(process.argv[1]!), 'memory-process.js'), [], {
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  })
  return new Promise((resolve) => {
    child.once('message', (bytes: number) => resolve(bytes))
    child.once('exit', () => resolve(undefined))
    child.once('error', () => resolve(undefined))
    child.send(task)
  })
}

/** The run has the inputs that an inspection makes by itself: one sample, in sizes that were found to run. */
export async function memoryOutcome(file: string): Promise<Outcome> {
  const feeds = await workingFeeds(readModel(file))
  const [run, inspected] = [await peakOf({ model: file, feeds }), await peakOf({ model: file })]
  if (!run || !inspected) return { verdict: 'crash', detail: 'a process of its own gave no answer' }
  const ratio = inspected / run
  return {
    verdict: ratio <= MOST ? 'ok' : 'wrong',
    figure: `${ratio.toFixed(2)}×`,
    detail: `inspecting ${formatBytes(inspected)}, a run ${formatBytes(run)}`,
  }
}
