/**
 * Threads for pure work. None of them loads ONNX Runtime, as ending a thread during a run of it aborts the whole
 * process.
 */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { copied, errorOf, type Failure } from './parcel'
import { TASKS, type TaskInput, type TaskName, type TaskOutput } from './tasks'

export interface Pool {
  /** Tasks done at the same time. */
  readonly size: number
  /** Rejects with the error the task threw. `input` is not changed. */
  run<N extends TaskName>(name: N, input: TaskInput<N>): Promise<TaskOutput<N>>
  /** Ends the threads, also in the midst of work; what still runs is rejected. */
  close(): Promise<void>
}

export type FromThread = { output: object } | { failure: Failure }
export interface ToThread {
  task: TaskName
  input: object
}

export const IN_THREAD: Pool = {
  size: 1,
  run: async (name, input) => (await TASKS[name](input)) as TaskOutput<typeof name>,
  close: async () => undefined,
}

export interface PoolOptions {
  cores?: number
  /** The built entry of a thread. */
  entry?: string
}

/**
 * At most `most` threads, and no more than cores. With one there is none but this one, and so it is in tests that
 * run the sources as they are: a thread's entry must be built, for Node does not run TypeScript.
 */
export function openPool(most: number, options: PoolOptions = {}): Pool {
  const size = Math.min(most, options.cores ?? os.availableParallelism())
  const entry = size > 1 ? (options.entry ?? builtEntry()) : undefined
  return entry ? new ThreadPool(size, entry) : IN_THREAD
}

/** This module is built into an entry or into a chunk one folder below. */
function builtEntry(): string | undefined {
  const here = path.dirname(fileURLToPath(import.meta.url))
  return [here, path.dirname(here)]
    .map((folder) => path.join(folder, 'maths-worker.js'))
    .find((file) => fs.existsSync(file))
}

class ThreadPool implements Pool {
  private readonly threads: Thread[]
  private readonly idle: Thread[]
  private readonly waiting: ((thread: Thread) => void)[] = []

  constructor(
    readonly size: number,
    entry: string,
  ) {
    this.threads = Array.from({ length: size }, () => new Thread(entry))
    this.idle = [...this.threads]
  }

  async run<N extends TaskName>(name: N, input: TaskInput<N>): Promise<TaskOutput<N>> {
    const thread = this.idle.pop() ?? (await new Promise<Thread>((resolve) => this.waiting.push(resolve)))
    try {
      return (await thread.run(name, input)) as TaskOutput<N>
    } finally {
      const next = this.waiting.shift()
      if (next) next(thread)
      else this.idle.push(thread)
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.threads.map((thread) => thread.end()))
  }
}

class Thread {
  private readonly worker: Worker
  private settle: { resolve(output: unknown): void; reject(error: unknown): void } | undefined
  private dead: { reason: unknown } | undefined

  constructor(entry: string) {
    this.worker = new Worker(entry)
    this.worker.on('message', (message: FromThread) => this.receive(message))
    this.worker.on('error', (error) => this.die(error))
    this.worker.on('exit', () => this.die(new Error('a thread of the engine ended')))
  }

  run(task: TaskName, input: object): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.dead) return reject(this.dead.reason)
      this.settle = { resolve, reject }
      const [message, moved] = copied(input)
      this.worker.postMessage({ task, input: message } satisfies ToThread, moved)
    })
  }

  async end(): Promise<void> {
    await this.worker.terminate()
  }

  private receive(message: FromThread): void {
    if ('output' in message) this.settle?.resolve(message.output)
    else this.settle?.reject(errorOf(message.failure))
  }

  /** The first reason counts: an exit follows an error. */
  private die(reason: unknown): void {
    this.dead ??= { reason }
    this.settle?.reject(this.dead.reason)
  }
}
