import { expect, test, vi } from 'vitest'
import { PareError } from '../../../src/contract/errors'
import type { JobContext, JobHandlers } from '../../../src/engine/jobs/job'
import type { FromEngine, ToEngine } from '../../../src/engine/jobs/protocol'
import { serve } from '../../../src/engine/jobs/serve'

type Work = (input: unknown, context: JobContext) => unknown

function served(handlers: Record<string, Work>) {
  const said: FromEngine[] = []
  let tell: (message: ToEngine) => void = () => undefined
  const stray = serve(
    { post: (message) => void said.push(message), onMessage: (listener) => (tell = listener) },
    handlers as unknown as JobHandlers,
  )
  const start = (id: number, job: string, input?: unknown): void =>
    tell({ type: 'start', id, job: job as 'passes', input })
  return { stray, said, tell: (message: ToEngine) => tell(message), start }
}

const settled = () => new Promise((resolve) => setTimeout(resolve, 0))
const idle = () => new Promise((resolve) => setTimeout(resolve, 400))

test('it says when it is ready, and does one job after the other', async () => {
  const order: string[] = []
  let release: () => void = () => undefined
  const { said, start } = served({
    slow: async () => {
      order.push('slow begins')
      await new Promise<void>((resolve) => (release = resolve))
      order.push('slow ends')
      return 1
    },
    quick: (input) => {
      order.push('quick')
      return input
    },
  })
  expect(said).toEqual([{ type: 'ready' }])
  start(1, 'slow')
  start(2, 'quick', { a: 2 })
  await settled()
  expect(order).toEqual(['slow begins'])
  release()
  await settled()
  expect(order).toEqual(['slow begins', 'slow ends', 'quick'])
  expect(said.slice(1)).toEqual([
    { type: 'done', id: 1, output: 1 },
    { type: 'done', id: 2, output: { a: 2 } },
  ])
})

test('what fails is told with its code, and the next job is done', async () => {
  const { said, start } = served({
    coded: () => {
      throw new PareError('data/empty', { path: '/a' })
    },
    memory: () => Promise.reject(new Error('std::bad_alloc')),
    inspect: () => Promise.reject(new RangeError('Array buffer allocation failed')),
    plain: () => {
      throw new Error('no luck')
    },
    fine: () => 'fine',
  })
  for (const [id, job] of ['coded', 'memory', 'inspect', 'plain', 'unheard', 'fine'].entries()) start(id, job)
  await idle()
  expect(said.slice(1)).toMatchObject([
    { type: 'failed', id: 0, error: { code: 'data/empty', path: '/a' } },
    { type: 'failed', id: 1, error: { code: 'engine/out-of-memory', during: 'memory' } },
    { type: 'failed', id: 2, error: { code: 'engine/out-of-memory', during: 'reading the model' } },
    { type: 'failed', id: 3, error: { code: 'internal', reason: 'no luck' } },
    { type: 'failed', id: 4, error: { code: 'bad-request', method: 'unheard' } },
    { type: 'done', id: 5, output: 'fine' },
  ])
})

test('events carry the id of their job, and learning is stopped only in the job that was meant', async () => {
  const seen: boolean[] = []
  const { said, tell, start } = served({
    learn: async (_, { progress, emit, stopRequested }) => {
      progress(0.5, 'half')
      emit('point', { epoch: 1, loss: 2 })
      await settled()
      seen.push(stopRequested())
    },
  })
  start(7, 'learn')
  start(8, 'learn')
  tell({ type: 'stop-training', id: 7 })
  await settled()
  await settled()
  await settled()
  expect(seen).toEqual([true, false])
  expect(said.filter((message) => message.type === 'event')).toEqual(
    [7, 8].flatMap((id) => [
      { type: 'event', id, event: { event: 'progress', data: { done: 0.5, doing: 'half' } } },
      { type: 'event', id, event: { event: 'point', data: { epoch: 1, loss: 2 } } },
    ]),
  )
})

test('memory is asked for outside, and each answer goes to its own question', async () => {
  const { said, tell, start } = served({
    ask: async (_, { probe }) => {
      const asked = ['a', 'b', 'c'].map((model) =>
        probe({ model, feeds: {} }).then(
          ({ peakBytes }) => peakBytes,
          (cause: PareError) => cause.code,
        ),
      )
      return Promise.all(asked)
    },
  })
  start(1, 'ask')
  await settled()
  const questions = said.filter((message) => message.type === 'probe')
  expect(questions.map(({ request, id }) => [request.model, id])).toEqual([
    ['a', 1],
    ['b', 1],
    ['c', 1],
  ])
  const [a, b, c] = questions.map(({ probe }) => probe)
  tell({ type: 'probed', probe: c!, answer: { reply: { peakBytes: 300 } } })
  tell({ type: 'probed', probe: a!, answer: { reply: { peakBytes: 100 } } })
  tell({ type: 'probed', probe: 99, answer: { reply: { peakBytes: 1 } } })
  tell({ type: 'probed', probe: b!, answer: { error: { code: 'engine/out-of-memory', during: 'b' } } })
  await settled()
  expect(said.at(-1)).toEqual({ type: 'done', id: 1, output: [100, 'engine/out-of-memory', 300] })
})

test('a fault nobody caught is the failure of the job that runs, whose process is spent', async () => {
  const { said, start, stray } = served({ inspect: () => new Promise(() => undefined) })
  start(1, 'inspect')
  await settled()
  stray(new PareError('data/empty', { path: '/a' }))
  stray(new Error('a second one'))
  expect(said.slice(1)).toEqual([
    { type: 'failed', id: 1, error: { code: 'data/empty', path: '/a' }, spent: true },
  ])
})

test('a job that failed has spent its process, so that a later fault is not that of the next', async () => {
  const { said, start, stray } = served({
    inspect: () => {
      throw new PareError('data/empty', { path: '/a' })
    },
  })
  const told = vi.spyOn(console, 'error').mockImplementation(() => undefined)
  start(1, 'inspect')
  await idle()
  stray(new Error('late'))
  expect(said.slice(1)).toEqual([
    { type: 'failed', id: 1, error: { code: 'data/empty', path: '/a' }, spent: true },
  ])
  expect(told).toHaveBeenCalledOnce()
  told.mockRestore()
})

test('what a job that succeeded left behind does not fail the next', async () => {
  const told = vi.spyOn(console, 'error').mockImplementation(() => undefined)
  const before = process.rawListeners('unhandledRejection')
  process.removeAllListeners('unhandledRejection')
  let late: (cause: Error) => void = () => undefined
  /** What nobody waits for. */
  const left: Promise<unknown>[] = []
  const { said, start, stray } = served({
    careless: () => {
      left.push(new Promise((_, reject) => (late = reject)))
      return 'done'
    },
    next: async () => {
      late(new Error('late'))
      await idle()
      return 'done as well'
    },
    own: () => {
      left.push(Promise.reject(new Error('its own')))
      return idle()
    },
  })
  process.on('unhandledRejection', stray)
  for (const [id, job] of ['careless', 'next', 'own'].entries()) start(id, job)
  await idle()
  await idle()
  await idle()
  process.off('unhandledRejection', stray)
  for (const listener of before)
    process.on('unhandledRejection', listener as NodeJS.UnhandledRejectionListener)
  expect(said.slice(1)).toMatchObject([
    { type: 'done', id: 0 },
    { type: 'done', id: 1, output: 'done as well' },
    { type: 'failed', id: 2, error: { code: 'internal', reason: 'its own' }, spent: true },
  ])
  expect(told).toHaveBeenCalledOnce()
  told.mockRestore()
})
