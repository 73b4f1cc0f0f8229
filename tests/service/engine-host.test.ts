import path from 'node:path'
import { expect, test } from 'vitest'
import { PareError } from '../../src/contract/errors'
import { SearchGoal } from '../../src/contract/goal'
import type { FromEngine, JobInput, ToEngine } from '../../src/engine/jobs/protocol'
import { EngineHost } from '../../src/service/engine-host'
import { forkEngine, type EngineExit, type EngineProcess } from '../../src/service/engine-process'
import { exitError } from '../../src/service/exit-reason'
import { bundled } from '../bundled'
import { best, given, settings } from '../engine/jobs/support'

/** An engine process that does what the test says. */
class FakeEngine implements EngineProcess {
  readonly received: ToEngine[] = []
  killed = false
  memory: number | undefined
  private tell: (message: unknown) => void = () => undefined
  private end: (exit: EngineExit) => void = () => undefined

  post(message: unknown): void {
    this.received.push(message as ToEngine)
  }
  onMessage(listener: (message: unknown) => void): void {
    this.tell = listener
  }
  onExit(listener: (exit: EngineExit) => void): void {
    this.end = listener
  }
  kill(): void {
    this.killed = true
    this.exit({ code: null, signal: 'SIGKILL', log: '' })
  }
  say(message: FromEngine): void {
    this.tell(message)
  }
  exit(exit: EngineExit): void {
    this.end(exit)
  }
  /** Id of the last job it was given. */
  get job(): number {
    return (this.received.findLast((message) => message.type === 'start') as { id: number }).id
  }
}

function watched() {
  const engines: FakeEngine[] = []
  const deaths: string[] = []
  const host = new EngineHost(
    (memory) => {
      engines.push(new FakeEngine())
      engines.at(-1)!.memory = memory
      return engines.at(-1)!
    },
    (error) => deaths.push(error.code),
  )
  return { host, engines, deaths }
}

const passes = (host: EngineHost, signal?: AbortSignal) =>
  host.run('passes', undefined, { during: 'listing', ...(signal && { signal }) })

test('jobs go one after the other to the same process', async () => {
  const { host, engines } = watched()
  const first = passes(host)
  const second = passes(host)
  expect(engines).toHaveLength(1)
  expect(engines[0]!.received).toHaveLength(1)
  engines[0]!.say({ type: 'done', id: engines[0]!.job, output: ['one'] })
  expect(await first).toEqual(['one'])
  engines[0]!.say({ type: 'done', id: engines[0]!.job, output: ['two'] })
  expect(await second).toEqual(['two'])
})

test('a process that is spent is ended, and the next job goes to a fresh one', async () => {
  const { host, engines, deaths } = watched()
  const [first, second] = [passes(host), passes(host)]
  const error = { code: 'internal', reason: 'a fault nobody caught' } as const
  engines[0]!.say({ type: 'failed', id: engines[0]!.job, error, spent: true })
  await expect(first).rejects.toMatchObject({ code: 'internal' })
  expect(engines[0]!.killed).toBe(true)
  engines[1]!.say({ type: 'done', id: engines[1]!.job, output: ['listed'] })
  expect(await second).toEqual(['listed'])
  expect(deaths).toEqual([])
})

test('a renewed process takes no further job; anew, what goes on begins again in the next', async () => {
  const { host, engines, deaths } = watched()
  const [first, second] = [passes(host), passes(host)]
  host.renew()
  expect(engines[0]!.killed).toBe(false)
  engines[0]!.say({ type: 'done', id: engines[0]!.job, output: ['old'] })
  expect(await first).toEqual(['old'])
  expect(engines[0]!.killed).toBe(true)
  const before = engines[1]!.job
  host.renew(true)
  expect(engines[1]!.killed).toBe(true)
  expect(engines[2]!.job).not.toBe(before)
  engines[2]!.say({ type: 'done', id: engines[2]!.job, output: ['new'] })
  expect(await second).toEqual(['new'])
  host.renew()
  expect(engines[2]!.killed).toBe(true)
  expect(deaths).toEqual([])
})

test('an error of the engine comes whole', async () => {
  const { host, engines } = watched()
  const job = passes(host)
  const error = { code: 'data/shape-mismatch', input: 'x', expected: '[1, 4]', got: '[1, 3]' } as const
  engines[0]!.say({ type: 'failed', id: engines[0]!.job, error })
  await expect(job).rejects.toMatchObject({ name: 'PareError', data: error })
})

test('cancelling kills the process; what waits goes to a new one', async () => {
  const { host, engines, deaths } = watched()
  const stop = new AbortController()
  const first = passes(host, stop.signal)
  const second = passes(host)
  stop.abort()
  await expect(first).rejects.toMatchObject({ code: 'cancelled' })
  expect(engines[0]!.killed).toBe(true)
  expect(engines).toHaveLength(2)
  engines[1]!.say({ type: 'done', id: engines[1]!.job, output: [] })
  expect(await second).toEqual([])
  expect(deaths).toEqual([])
})

test('cancelling what only waits kills nothing', async () => {
  const { host, engines } = watched()
  const stop = new AbortController()
  const first = passes(host)
  const second = passes(host, stop.signal)
  stop.abort()
  await expect(second).rejects.toMatchObject({ code: 'cancelled' })
  expect(engines[0]!.killed).toBe(false)
  engines[0]!.say({ type: 'done', id: engines[0]!.job, output: [] })
  await first
})

test('late words of a killed process are not taken for the new one’s', async () => {
  const { host, engines } = watched()
  const stop = new AbortController()
  const first = passes(host, stop.signal)
  const id = engines[0]!.job
  const second = passes(host)
  stop.abort()
  await expect(first).rejects.toThrow()
  engines[0]!.say({ type: 'done', id, output: ['late'] })
  engines[1]!.say({ type: 'done', id: engines[1]!.job, output: ['right'] })
  expect(await second).toEqual(['right'])
})

test('a crash is an error with a code, and the next job runs', async () => {
  const { host, engines, deaths } = watched()
  const first = passes(host)
  const second = passes(host)
  engines[0]!.exit({ code: null, signal: 'SIGSEGV', log: '' })
  await expect(first).rejects.toMatchObject({
    data: { code: 'engine/crashed', exit: 'SIGSEGV', during: 'listing' },
  })
  engines[1]!.say({ type: 'done', id: engines[1]!.job, output: [] })
  await second
  expect(deaths).toEqual(['engine/crashed'])
})

test('after close nothing is taken any more', async () => {
  const { host } = watched()
  const running = passes(host)
  host.close()
  await expect(running).rejects.toMatchObject({ code: 'cancelled' })
  await expect(passes(host)).rejects.toMatchObject({ code: 'cancelled' })
})

test.each<[string, EngineExit, number | undefined, string]>([
  [
    'the heap of V8',
    { code: null, signal: 'SIGABRT', log: 'FATAL ERROR: JavaScript heap out of memory' },
    0,
    'engine/out-of-memory',
  ],
  ['the allocator', { code: 134, signal: null, log: 'what():  std::bad_alloc' }, 0, 'engine/out-of-memory'],
  [
    'a kernel that counts its kills, and did not',
    { code: null, signal: 'SIGKILL', log: '' },
    Infinity,
    'engine/crashed',
  ],
  [
    'a kernel that does not count',
    { code: null, signal: 'SIGKILL', log: '' },
    undefined,
    'engine/out-of-memory',
  ],
  ['a bad address', { code: null, signal: 'SIGSEGV', log: 'Segmentation fault' }, 0, 'engine/crashed'],
  ['an exit', { code: 3, signal: null, log: '' }, 0, 'engine/crashed'],
])('an end by %s is told apart', (_, exit, kills, code) => {
  expect(exitError(exit, 'work', kills)).toMatchObject({ code, during: 'work' })
})

test('the real process: answers, dies when killed from outside, comes back', async () => {
  const worker = await bundled('worker')
  const started: EngineProcess[] = []
  const deaths: string[] = []
  const host = new EngineHost(
    () => {
      started.push(forkEngine(worker))
      return started.at(-1)!
    },
    (error) => deaths.push(error.code),
  )
  expect((await passes(host)).length).toBeGreaterThan(0)
  const job = host.run('inspect', { model: '/nowhere.onnx' }, { during: 'reading the model' })
  await expect(job).rejects.toMatchObject({ data: { code: 'data/not-found', path: '/nowhere.onnx' } })
  // A process that failed at something is not used again.
  const doomed = passes(host)
  started[1]!.kill()
  await expect(doomed).rejects.toMatchObject({ code: expect.stringMatching(/^engine\//) as string })
  expect((await passes(host)).length).toBeGreaterThan(0)
  expect(started).toHaveLength(3)
  expect(deaths).toHaveLength(1)
  host.close()
})

test(
  'a search and the processes beside it end together when it is cancelled',
  { timeout: 120_000 },
  async () => {
    const worker = await bundled('worker')
    const pids: number[] = []
    const host = new EngineHost((memory) => {
      const started = forkEngine(worker, { memory })
      pids.push(started.pid!)
      return started
    })
    const place = given(best)
    const request = {
      ...place,
      settings: { ...settings, threads: 2 },
      folder: path.join(place.folder, 'search'),
      goal: SearchGoal.parse({ kind: 'search', maxDrop: 5, minutes: 30 }),
      seed: 0,
      resume: false,
    }
    const stop = new AbortController()
    let trials = 0
    const onEvent = ({ event }: { event: string }): void => void (event === 'trial' && trials++)
    const job = host.run('search', request, { during: 'searching', signal: stop.signal, onEvent })
    const cancelled = expect(job).rejects.toMatchObject({ code: 'cancelled' })
    // One that asks and two that help, in the midst of their work.
    await expect.poll(() => (pids.length === 3 ? trials : 0), { timeout: 100_000 }).toBeGreaterThan(0)
    stop.abort()
    await cancelled
    await expect.poll(() => pids.filter(lives), { timeout: 5000, interval: 20 }).toEqual([])
    host.close()
  },
)

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

test('a job in the background gives way to what is asked for, and begins anew after it', async () => {
  const { host, engines, deaths } = watched()
  const unasked = host.run('passes', undefined, { during: 'trying', background: true })
  const stale = engines[0]!.job
  const asked = passes(host)
  expect(engines[0]!.killed).toBe(true)
  expect(engines).toHaveLength(2)
  engines[0]!.say({ type: 'done', id: stale, output: ['of the ended process'] })
  const later = passes(host)
  engines[1]!.say({ type: 'done', id: engines[1]!.job, output: ['asked'] })
  engines[1]!.say({ type: 'done', id: engines[1]!.job, output: ['later'] })
  expect([await asked, await later]).toEqual([['asked'], ['later']])
  engines[1]!.say({ type: 'done', id: engines[1]!.job, output: ['unasked'] })
  expect(await unasked).toEqual(['unasked'])
  expect(deaths).toEqual([])
})

test('a job in the background that gave way can be cancelled like any other', async () => {
  const { host, engines } = watched()
  const stop = new AbortController()
  const unasked = host.run('passes', undefined, { during: 'trying', background: true, signal: stop.signal })
  const asked = passes(host)
  stop.abort()
  await expect(unasked).rejects.toMatchObject({ code: 'cancelled' })
  engines[1]!.say({ type: 'done', id: engines[1]!.job, output: ['asked'] })
  expect(await asked).toEqual(['asked'])
  expect(engines).toHaveLength(2)
})

test('a job that cannot be told to the engine, and a process that cannot be started, block nobody', async () => {
  const { engines } = watched()
  let cannotStart = true
  const host = new EngineHost(() => {
    if (cannotStart)
      throw Object.assign(new Error('no'), { code: 'EACCES', syscall: 'open', path: '/engine' })
    engines.push(new FakeEngine())
    return engines.at(-1)!
  })
  await expect(passes(host)).rejects.toThrow('no')
  cannotStart = false
  const told = passes(host)
  engines[0]!.say({ type: 'done', id: engines[0]!.job, output: [] })
  await told
  engines[0]!.post = () => {
    throw new RangeError('Maximum call stack size exceeded')
  }
  const first = passes(host)
  const second = passes(host)
  await expect(first).rejects.toThrow('stack')
  await expect(second).rejects.toThrow('stack')
  expect(host.busy).toBe(false)
})

test('what cannot be kept of a job ends it with the reason, and the next one is done', async () => {
  const { host, engines } = watched()
  const full = new PareError('disk/full', { path: '/projects/p.json', needed: 9 })
  const work = host.run('passes', undefined, {
    during: 'working',
    onEvent: () => {
      throw full
    },
  })
  const next = passes(host)
  engines[0]!.say({
    type: 'event',
    id: engines[0]!.job,
    event: { event: 'progress', data: { done: 0, doing: '' } },
  })
  await expect(work).rejects.toBe(full)
  expect(engines[0]!.killed).toBe(true)
  engines[1]!.say({ type: 'done', id: engines[1]!.job, output: ['a'] })
  expect(await next).toEqual(['a'])
})

/** A search that has asked for two helpers. */
function assisted(before?: (host: EngineHost) => void) {
  const { host, engines } = watched()
  const controller = new AbortController()
  const done = passes(host, controller.signal)
  const [main] = engines
  before?.(host)
  const requests = ['a', 'b'].map((worker) => ({ worker }) as JobInput<'searchAssist'>)
  main!.say({ type: 'assist', id: main!.job, requests, memory: 1000 })
  return { host, main: main!, helpers: engines.slice(1), controller, done }
}

test('helpers share the work within their memory, are told to stop learning, and their end is told', async () => {
  const { host, main, helpers, done } = assisted()
  expect(helpers.map(({ memory, received }) => [memory, received])).toEqual(
    ['a', 'b'].map((worker) => [1000, [expect.objectContaining({ job: 'searchAssist', input: { worker } })]]),
  )
  host.stopTraining()
  for (const helper of helpers) expect(helper.received.at(-1)).toMatchObject({ type: 'stop-training' })
  const [first, second] = helpers
  first!.say({ type: 'done', id: first!.job, output: undefined })
  // One that dies takes nothing from whoever asked.
  second!.exit({ code: 1, signal: null, log: 'out of memory' })
  await expect.poll(() => main.received.at(-1)).toEqual({ type: 'assisted', id: main.job })
  expect(first!.killed).toBe(true)
  main.say({ type: 'done', id: main.job, output: [] })
  await expect(done).resolves.toEqual([])
})

test('a job that waits behind another when a stop is asked for is told once it begins', async () => {
  const { host, engines } = watched()
  const first = passes(host)
  const second = passes(host)
  host.stopTraining()
  const [engine] = engines
  engine!.say({ type: 'done', id: engine!.job, output: [] })
  await first
  expect(engine!.received.slice(-2)).toMatchObject([
    { type: 'start', id: engine!.job },
    { type: 'stop-training', id: engine!.job },
  ])
  engine!.say({ type: 'done', id: engine!.job, output: [] })
  await second
})

test('helpers that begin after a stop was asked for are told at once', () => {
  const { helpers } = assisted((host) => host.stopTraining())
  for (const helper of helpers)
    expect(helper.received.map(({ type }) => type)).toEqual(['start', 'stop-training'])
})

test('helpers end with whoever asked for them', async () => {
  const { helpers, controller, done } = assisted()
  controller.abort()
  await expect(done).rejects.toMatchObject({ code: 'cancelled' })
  expect(helpers.map(({ killed }) => killed)).toEqual([true, true])
  const crashed = assisted()
  crashed.main.exit({ code: 1, signal: null, log: '' })
  await expect(crashed.done).rejects.toMatchObject({ code: 'engine/crashed' })
  expect(crashed.helpers.map(({ killed }) => killed)).toEqual([true, true])
})
