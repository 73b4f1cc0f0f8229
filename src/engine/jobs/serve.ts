/** Answers messages with jobs, one after the other. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { PareError, toError } from '../../contract/errors'
import { failureOf } from '../runtime/failure'
import { HANDLERS } from './handlers'
import type { JobContext, JobHandlers } from './job'
import type { FromEngine, JobEvent, JobName, ToEngine } from './protocol'

export interface Port {
  post(message: FromEngine): void
  onMessage(listener: (message: unknown) => void): void
}

/**
 * Gives what is to be told of faults that nobody caught: they are the failure of the job that began what failed, while it
 * runs; one that has its answer, and whose files are closed behind it say, takes nothing from the next. The process of
 * a job that failed is of no use any more: what is left of that job may still be at work in it. Where
 * `ready` fails, so does every job.
 */
export function serve(
  port: Port,
  handlers: JobHandlers = HANDLERS,
  ready: Promise<void> = Promise.resolve(),
): (stray: unknown) => void {
  let stopped = -1
  let running: { id: number; job: JobName } | undefined
  const probes = new Map<number, (answer: Extract<ToEngine, { type: 'probed' }>['answer']) => void>()
  let assisted: (() => void) | undefined
  let last: Promise<void> = Promise.resolve()
  /** Id of the job in whose course something was begun, however much later it ends. */
  const origin = new AsyncLocalStorage<number>()
  port.onMessage((raw) => {
    const message = raw as ToEngine
    if (message.type === 'stop-training') stopped = message.id
    else if (message.type === 'assisted') assisted?.()
    else if (message.type === 'probed') probes.get(message.probe)?.(message.answer)
    else last = last.then(() => work(message))
  })
  // Told to whoever asks for a job.
  ready.catch(() => undefined)
  port.post({ type: 'ready' })
  return (stray) => {
    const from = origin.getStore()
    if (!running || (from !== undefined && from !== running.id))
      return console.error('pare: a fault after a job had ended:', stray)
    const { id, job } = running
    running = undefined
    port.post({ type: 'failed', id, error: failureOf(stray, DURING[job] ?? job), spent: true })
  }

  async function work({ id, job, input }: Extract<ToEngine, { type: 'start' }>): Promise<void> {
    const emit: JobContext['emit'] = (event, data) =>
      port.post({ type: 'event', id, event: { event, data } as JobEvent })
    const context: JobContext = {
      emit,
      progress: (done, doing) => emit('progress', { done, doing }),
      // Cancelling is killing this process; within it nothing aborts.
      signal: new AbortController().signal,
      stopRequested: () => stopped === id,
      probe: (request) =>
        new Promise((resolve, reject) => {
          const probe = probes.size
          probes.set(probe, (answer) =>
            'reply' in answer ? resolve(answer.reply) : reject(toError(answer.error)),
          )
          port.post({ type: 'probe', id, probe, request })
        }),
      assist: (requests, memory) =>
        new Promise((resolve) => {
          assisted = resolve
          port.post({ type: 'assist', id, requests, memory })
        }),
    }
    running = { id, job }
    try {
      await ready
      const handler = handlers[job] as ((input: unknown, context: JobContext) => unknown) | undefined
      if (!handler)
        throw new PareError('bad-request', { method: job, reason: `The engine does not know “${job}”.` })
      const output = await origin.run(id, () => handler(input, context))
      if (running) port.post({ type: 'done', id, output })
    } catch (thrown) {
      // What it left unfinished, such as the reading of a file, comes to its own end later: not in the next job's time.
      if (running)
        port.post({ type: 'failed', id, error: failureOf(thrown, DURING[job] ?? job), spent: true })
    }
    running = undefined
  }
}

/** Names of jobs as they stand in a sentence. */
const DURING: Partial<Record<JobName, string>> = {
  inspect: 'reading the model',
  combine: 'joining the scores',
  openData: 'reading the data',
  findPreprocessing: 'trying ways to read the data',
  evaluate: 'measuring',
  compress: 'compressing',
  search: 'searching',
  sensitivity: 'measuring sensitivity',
  compare: 'comparing',
  exportBundle: 'writing the bundle',
  verifyBundle: 'verifying the bundle',
}
