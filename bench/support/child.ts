/** Work done in a process of its own, so that its peak memory is its own. */
import { fork } from 'node:child_process'

interface Measured<T> {
  result: T
  /** Of the task. */
  seconds: number
  /** Since the process started, loading included. */
  wholeSeconds: number
  /** Largest resident set of the process, megabytes (10⁶ bytes). */
  peakMegabytes: number
}

const TASK = 'PARE_BENCH_TASK'

/** Runs `task` of the module at `url` in a child process; that module must call `answer`. */
export function inChild<T>(url: string, task: string, ...args: string[]): Promise<Measured<T>> {
  return new Promise((resolve, reject) => {
    const child = fork(new URL(url), args, { env: { ...process.env, [TASK]: task } })
    child.once('message', (message) => resolve(message as Measured<T>))
    child.once('exit', (code, signal) =>
      reject(new Error(`${task} ended with ${code ?? signal} and no result`)),
    )
  })
}

/** In a child: does the task it was started for. In the parent: nothing. */
export async function answer(tasks: Record<string, (...args: string[]) => unknown>): Promise<void> {
  const task = tasks[process.env[TASK] ?? '']
  if (!task || !process.send) return
  const start = performance.now()
  const result = await task(...process.argv.slice(2))
  const peakMegabytes = (process.resourceUsage().maxRSS * 1024) / 1e6
  const now = performance.now()
  const times = { seconds: (now - start) / 1000, wholeSeconds: now / 1000 }
  process.send({ result, ...times, peakMegabytes }, () => process.exit(0))
}
