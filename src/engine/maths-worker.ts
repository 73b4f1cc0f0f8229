/** Entry of a thread of the engine that does pure work; see `math/pool.ts`. */
import { parentPort } from 'node:worker_threads'
import { failureOf, given } from './math/parcel'
import type { FromThread, ToThread } from './math/pool'
import { TASKS } from './math/tasks'

if (!parentPort) throw new Error('this thread is started by the engine, not by hand')
const port = parentPort

port.on('message', ({ task, input }: ToThread) => {
  try {
    const [output, moved] = given(TASKS[task](input as never))
    port.postMessage({ output } satisfies FromThread, moved)
  } catch (error) {
    port.postMessage({ failure: failureOf(error) } satisfies FromThread)
  }
})
