/** Answers messages with jobs, one after the other. */
import { PareError, toError } from '../../contract/errors'
import { failureOf } from '../run/steps'
import { HANDLERS } from './handlers'
import type { JobContext, JobHandlers } from './job'
import type { FromEngine, JobEvent, JobName, ToEngine } from './protocol'

export interface Port {
  post(message: FromEngine): void
  onMessage(listener: (message: unknown) => void): void
}

export function serve(port: Port, handlers: JobHandlers = HANDLERS): void {
  let stopped = -1
  const probes = new Map<number, (answer: Extract<ToEngine, { type: 'probed' }>['answer']) => void>()
  let last: Promise<void> = Promise.resolve()
  port.onMessage((raw) => {
    const message = raw as ToEngine
    if (message.type === 'stop-training') stopped = message.id
    else if (message.type === 'probed') probes.get(message.probe)?.(message.answer)
    else last = last.then(() => work(message))
  })
  port.post({ type: 'ready' })

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
    }
    try {
      const handler = handlers[job] as ((input: unknown, context: JobContext) => unknown) | undefined
      if (!handler)
        throw new PareError('bad-request', { method: job, reason: `The engine does not know “${job}”.` })
      port.post({ type: 'done', id, output: await handler(input, context) })
    } catch (thrown) {
      port.post({ type: 'failed', id, error: failureOf(thrown, DURING[job] ?? job) })
    }
  }
}

/** Names of jobs as they stand in a sentence. */
const DURING: Partial<Record<JobName, string>> = {
  inspect: 'reading the model',
  openData: 'reading the data',
  findPreprocessing: 'trying ways to read the data',
  evaluate: 'measuring',
  compress: 'compressing',
  search: 'searching',
  sensitivity: 'measuring sensitivity',
  compare: 'comparing',
  exportBundle: 'writing the bundle',
}
