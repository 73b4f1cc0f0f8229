/** Engine processes under attack, each with a limit of time and memory. */
import fs from 'node:fs'
import path from 'node:path'
import { PareError } from '../../src/contract/errors'
import { isAlive } from '../../src/disk/left'
import type { FromEngine } from '../../src/engine/jobs/protocol'
import { EngineHost, forkEngine, type EngineProcess } from '../../src/service'
import { verdictOf, type Outcome } from './attack'

/** A job that takes longer than this alone on a core hangs; so does one that does nothing for several times as long. */
const LONGEST_MS = 20_000
const LONGEST_WAIT_MS = 6 * LONGEST_MS
const LOOK_MS = 500

/** Linux counts processor time in hundredths of a second, whatever its clock. Source: proc(5), times(2). */
const MS_PER_TICK = 10

/** Time the process has spent on cores, of all its threads; undefined where the system does not tell. Source: proc(5). */
function spentBy(pid: number): number | undefined {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name, in brackets, may hold anything.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK
  } catch {
    return undefined
  }
}

/** Most memory the process ever had, in bytes; undefined where the system does not tell. Source: proc(5), VmHWM. */
function peakOf(pid: number): number | undefined {
  try {
    const found = /^VmHWM:\s+(\d+) kB/m.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))
    return found ? Number(found[1]) * 1024 : undefined
  } catch {
    return undefined
  }
}

/** The same process, which a job that failed does not spend. */
const unspent = (process: EngineProcess): EngineProcess => ({
  pid: process.pid,
  post: (message) => process.post(message),
  onMessage: (listener) =>
    process.onMessage((message) => listener({ ...(message as FromEngine), spent: undefined })),
  onExit: (listener) => process.onExit(listener),
  kill: () => process.kill(),
})

export class Target {
  private started: EngineProcess[] = []
  private host: EngineHost
  private given = 0

  /**
   * The app replaces an engine after each job that failed. With `jobsEach` one is given that many, failed or not: harsher,
   * as each works beside what the ones before it left, and most of the time goes into starting engines otherwise.
   */
  constructor(
    private readonly built: string,
    private readonly memory: number,
    private readonly jobsEach?: number,
  ) {
    this.host = this.fresh()
  }

  private fresh(): EngineHost {
    this.started = []
    return new EngineHost(() => {
      const process = forkEngine(path.join(this.built, 'worker.js'), { memory: this.memory })
      this.started.push(process)
      return this.jobsEach === undefined ? process : unspent(process)
    })
  }

  /** Of the engine itself: what measures memory for it is started the same way, and after it. */
  get pid(): number | undefined {
    return this.started.find(({ pid }) => pid !== undefined && isAlive(pid))?.pid
  }

  /** Runs what `work` asks of the engine, and says what became of it. */
  async outcome(work: (run: EngineHost['run']) => Promise<unknown>): Promise<Outcome> {
    if (this.jobsEach !== undefined && ++this.given > this.jobsEach) this.restart()
    const started = Date.now()
    const ending = new AbortController()
    const { signal } = ending
    const before = new Map<number, number>()
    const look = setInterval(() => {
      const { pid } = this
      const spent = pid === undefined ? undefined : spentBy(pid)
      // An engine that is started during the job has spent nothing before it.
      if (pid !== undefined && spent !== undefined && !before.has(pid)) before.set(pid, spent)
      const alone = pid === undefined || spent === undefined ? 0 : spent - before.get(pid)!
      const waited = Date.now() - started
      if (alone > LONGEST_MS || waited > LONGEST_WAIT_MS) ending.abort()
    }, LOOK_MS)
    let refused: Outcome | undefined
    try {
      await work((job, input, options) => this.host.run(job, input, { ...options, signal }))
    } catch (thrown) {
      if (signal.aborted) return { verdict: 'hang', detail: `no answer in ${Date.now() - started} ms` }
      refused =
        thrown instanceof PareError
          ? verdictOf(thrown.data)
          : { verdict: 'internal', detail: String((thrown as Error).stack ?? thrown) }
      if (refused.verdict !== 'coded') return refused
    } finally {
      clearInterval(look)
    }
    // What was refused may have taken the memory all the same.
    const peak = this.pid === undefined ? undefined : peakOf(this.pid)
    if (peak === undefined || peak <= this.memory) return refused ?? { verdict: 'ok' }
    this.restart()
    return { verdict: 'memory', detail: `${Math.round(peak / 2 ** 20)} MiB` }
  }

  restart(): void {
    this.given = 0
    this.host.close()
    this.host = this.fresh()
  }

  close(): void {
    this.host.close()
  }
}
