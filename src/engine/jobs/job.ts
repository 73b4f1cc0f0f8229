/** What a job is given besides its input. */
import type { MemoryProbe } from '../evaluate/memory'
import type { JobEvents, JobInput, JobName, JobOutput } from './protocol'

export interface JobContext {
  emit<E extends keyof JobEvents>(event: E, data: JobEvents[E]): void
  /** For work that is no run: done 0 … 1 with a few words. */
  progress(done: number, doing: string): void
  signal: AbortSignal
  stopRequested(): boolean
  /** Memory of a model, measured in a process of its own. */
  probe: MemoryProbe
  /** Processes that share the work of a search, each within so many bytes; done when all have ended, one way or another. */
  assist?(requests: JobInput<'searchAssist'>[], memory: number): Promise<void>
}

export type JobHandlers<J extends JobName = JobName> = {
  [K in J]: (input: JobInput<K>, context: JobContext) => Promise<JobOutput<K>> | JobOutput<K>
}
