/** Units spread over processes; a process that dies or takes too long costs the step it was at, and no more. */
import { fork, type ChildProcess } from 'node:child_process'
import type { FromWorker, Task } from '../worker'
import type { Result, SuiteOptions } from './suite'

interface PoolOptions {
  worker: string
  kind: string
  jobs: number
  /** No unit begins after this many seconds. */
  seconds: number
  suite: SuiteOptions
  /** Steps that have their verdict from an earlier run. */
  done(unit: string): string[]
  /** Those of them that ended a process. */
  deadly(unit: string): string[]
  result(result: Result): void
  finished(unit: string): void
}

/** Leaks of native memory in long runs would be taken for faults of the unit at hand. */
const UNITS_A_PROCESS = 150

/** Works through the units; gives how many were left when the time was over. */
export async function runPool(units: readonly string[], options: PoolOptions): Promise<number> {
  const queue = [...units]
  const end = Date.now() + options.seconds * 1000
  const work = async (): Promise<void> => {
    let child: ChildProcess | undefined
    let used = 0
    for (let unit = queue.shift(); unit !== undefined && Date.now() < end; unit = queue.shift()) {
      const task: Task = { unit, done: options.done(unit), deadly: options.deadly(unit) }
      for (;;) {
        if (used >= UNITS_A_PROCESS) {
          child?.kill('SIGKILL')
          child = undefined
        }
        if (!child) [child, used] = [start(options), 0]
        used++
        const end = await attempt(child, task, options)
        if (end !== 'done') child = undefined
        if (end !== 'lost at a step') break
      }
      options.finished(unit)
    }
    child?.kill('SIGKILL')
  }
  await Promise.all(Array.from({ length: options.jobs }, work))
  return queue.length
}

function start({ worker, kind, suite }: PoolOptions): ChildProcess {
  const child = fork(worker, [JSON.stringify([kind, suite])], {
    execArgv: ['--max-old-space-size=3000'],
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  })
  // A task sent to a process that has just ended; its end is told as that.
  child.on('error', () => undefined)
  return child
}

const started = new WeakSet<ChildProcess>()

type End = 'done' | 'lost at a step' | 'lost between steps'

/** How the unit, or the process, ended. A step that ended the process is added to those that `task` lists as done. */
function attempt(child: ChildProcess, task: Task, { suite, result }: PoolOptions): Promise<End> {
  return new Promise((resolve) => {
    let at: string | undefined
    let began = Date.now()
    let timer: NodeJS.Timeout | undefined
    const stop = (end: End): void => {
      clearTimeout(timer)
      child.removeAllListeners('message')
      child.removeAllListeners('exit')
      resolve(end)
    }
    const lost = (verdict: 'crash' | 'hang', detail: string): void => {
      const step = at ?? '(unit)'
      task.done.push(step)
      task.deadly.push(step)
      result({ unit: task.unit, step, verdict, detail, ms: Date.now() - began })
      stop(at === undefined ? 'lost between steps' : 'lost at a step')
    }
    const watch = (): void => {
      clearTimeout(timer)
      began = Date.now()
      timer = setTimeout(() => {
        child.removeAllListeners('exit')
        child.kill('SIGKILL')
        lost('hang', `no end in ${suite.limit} s`)
      }, suite.limit * 1000)
    }
    child.on('message', (message: FromWorker) => {
      if (message.type === 'ready') return void child.send(task)
      if (message.type === 'finished') return stop('done')
      watch()
      if (message.type === 'begin') at = message.step
      else {
        task.done.push(message.result.step)
        at = undefined
        result(message.result)
      }
    })
    child.once('exit', (code, signal) => lost('crash', `the process ended by ${signal ?? `exit ${code}`}`))
    watch()
    // A new process asks for it.
    if (started.has(child)) child.send(task)
    started.add(child)
  })
}
