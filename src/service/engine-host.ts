/** Keeps an engine process alive and gives it one job after another. Cancelling a job kills the process. */
import { errorData, PareError, toError, type ErrorData } from '../contract/errors'
import type { FromEngine, JobEvent, JobInput, JobName, JobOutput, ToEngine } from '../engine/jobs/protocol'
import type { EngineProcess } from './engine-process'
import { exitError, memoryKills } from './exit-reason'

export interface JobOptions {
  /** What is being done, as it stands in a sentence: 'reading the model'. */
  during: string
  signal?: AbortSignal
  /** Nobody waits for it: it gives way to whatever is asked for, and begins anew when there is nothing else to do. */
  background?: boolean
  onEvent?(event: JobEvent): void
}

interface Task {
  id: number
  job: JobName
  input: unknown
  options: JobOptions
  /** It was asked to end with the best it has; so are helpers that begin later. */
  stopping?: boolean
  resolve(output: unknown): void
  reject(error: unknown): void
}

export class EngineHost {
  private readonly waiting: Task[] = []
  private active: Task | undefined
  private process: EngineProcess | undefined
  private nextId = 1
  /** Processes that share the work of the job. */
  private helpers: EngineHost[] = []
  private closed = false
  /** The process is to be replaced once its job has ended. */
  private stale = false

  /** `start` may be told bytes that a process may use. `onDeath` is told when the process ended without being asked to. */
  constructor(
    private readonly start: (memory?: number) => EngineProcess,
    private readonly onDeath: (error: ErrorData) => void = () => undefined,
  ) {}

  get busy(): boolean {
    return this.active !== undefined
  }

  /**
   * Rejects with the engine's PareError, with `cancelled` when the signal aborts, and with `engine/crashed` or
   * `engine/out-of-memory` when the process ends.
   */
  run<J extends JobName>(job: J, input: JobInput<J>, options: JobOptions): Promise<JobOutput<J>> {
    return new Promise<unknown>((resolve, reject) => {
      const { signal, during } = options
      if (this.closed || signal?.aborted) return reject(new PareError('cancelled', { during }))
      const abort = (): void => this.cancel(task)
      // One signal may be given to many jobs, one after the other.
      const settling =
        <T>(settle: (value: T) => void) =>
        (value: T): void => {
          signal?.removeEventListener('abort', abort)
          settle(value)
        }
      const ends = { resolve: settling(resolve), reject: settling(reject) }
      const task: Task = { id: this.nextId++, job, input, options, ...ends }
      signal?.addEventListener('abort', abort, { once: true })
      this.waiting.push(task)
      if (!options.background) this.giveWay()
      this.proceed()
    }) as Promise<JobOutput<J>>
  }

  /** Jobs that learn or search end with the best they have; one that still waits does so once it began. */
  stopTraining(): void {
    for (const task of this.waiting) task.stopping = true
    if (!this.active) return
    this.active.stopping = true
    this.post({ type: 'stop-training', id: this.active.id })
    for (const helper of this.helpers) helper.stopTraining()
  }

  /** Ends the process when nothing runs, to give its memory back. */
  rest(): void {
    if (!this.active) this.end()
  }

  /** The next job goes to a new process, started with what is set by then; with `anew` so does what goes on. */
  renew(anew = false): void {
    if (this.active && anew) this.putBack(this.active)
    if (this.active) this.stale = true
    else this.end()
    this.proceed()
  }

  close(): void {
    this.closed = true
    for (const task of this.waiting.splice(0))
      task.reject(new PareError('cancelled', { during: task.options.during }))
    if (this.active) this.cancel(this.active)
    this.end()
  }

  private cancel(task: Task): void {
    const place = this.waiting.indexOf(task)
    if (place >= 0) this.waiting.splice(place, 1)
    else if (this.active === task) {
      this.active = undefined
      this.end()
    } else return
    task.reject(new PareError('cancelled', { during: task.options.during }))
    this.proceed()
  }

  private giveWay(): void {
    if (this.active?.options.background) this.putBack(this.active)
  }

  private putBack(task: Task): void {
    this.active = undefined
    this.end()
    // What the process that was ended may still have sent is not for the next try.
    task.id = this.nextId++
    this.waiting.push(task)
  }

  private next(): Task | undefined {
    const asked = this.waiting.findIndex(({ options }) => !options.background)
    return this.waiting.splice(Math.max(0, asked), 1)[0]
  }

  private end(): void {
    const { process } = this
    this.process = undefined
    process?.kill()
    this.dismiss()
  }

  private dismiss(): void {
    for (const helper of this.helpers.splice(0)) helper.close()
  }

  private proceed(): void {
    if (this.active || this.closed) return
    this.active = this.next()
    if (!this.active) return
    const { id, job, input, reject, stopping } = this.active
    try {
      this.process ??= this.launch()
      this.post({ type: 'start', id, job, input })
      if (stopping) this.post({ type: 'stop-training', id })
    } catch (cause) {
      // It cannot be started, or not be told what to do: the next job may be luckier.
      this.active = undefined
      reject(cause)
      this.proceed()
    }
  }

  private post(message: ToEngine): void {
    this.process?.post(message)
  }

  private launch(): EngineProcess {
    this.stale = false
    const kills = memoryKills()
    const process = this.start()
    process.onMessage((message) => this.receive(message as FromEngine))
    process.onExit((exit) => {
      if (this.process !== process) return
      this.process = undefined
      this.dismiss()
      const task = this.active
      this.active = undefined
      const error = exitError(exit, task?.options.during ?? '', kills)
      this.onDeath(error)
      task?.reject(toError(error))
      this.proceed()
    })
    return process
  }

  private receive(message: FromEngine): void {
    const task = this.active
    if (message.type === 'ready' || task?.id !== message.id) return
    if (message.type === 'event') return this.hear(task, message.event)
    if (message.type === 'probe') return this.probe(task, message)
    if (message.type === 'assist') return this.assist(task, message)
    this.active = undefined
    if (this.stale || (message.type === 'failed' && message.spent)) this.end()
    if (message.type === 'done') task.resolve(message.output)
    else task.reject(toError(message.error))
    this.proceed()
  }

  /** What cannot be kept of a job, on a full disk say, ends it: nobody would have its result. */
  private hear(task: Task, event: JobEvent): void {
    try {
      task.options.onEvent?.(event)
    } catch (cause) {
      this.active = undefined
      this.end()
      task.reject(cause)
      this.proceed()
    }
  }

  /** Starts helpers. One that cannot go on leaves its work to the others, and all of them to whoever asked. */
  private assist(task: Task, { id, requests, memory }: Extract<FromEngine, { type: 'assist' }>): void {
    this.dismiss()
    this.helpers = requests.map(() => new EngineHost(() => this.start(memory)))
    const { during } = task.options
    const work = this.helpers.map((helper, at) => helper.run('searchAssist', requests[at]!, { during }))
    if (task.stopping) for (const helper of this.helpers) helper.stopTraining()
    const tell = (): void => {
      if (this.active?.id !== id) return
      this.dismiss()
      this.post({ type: 'assisted', id })
    }
    Promise.allSettled(work).then(tell, tell)
  }

  /** Measures in a fresh process, and answers whoever asked. */
  private probe(task: Task, { probe, request }: Extract<FromEngine, { type: 'probe' }>): void {
    const fresh = new EngineHost(this.start)
    const { during } = task.options
    const stop = new AbortController()
    task.options.signal?.addEventListener('abort', () => stop.abort(), { once: true })
    fresh
      .run('probe', request, { during: `${during} (memory)`, signal: stop.signal })
      .then(
        (reply): void => this.post({ type: 'probed', probe, answer: { reply } }),
        (cause: unknown) => this.post({ type: 'probed', probe, answer: { error: errorData(cause) } }),
      )
      .finally(() => fresh.close())
  }
}
