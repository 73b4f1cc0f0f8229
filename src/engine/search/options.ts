/** What a search is handed by whoever owns its folders and its time. */
import type { Trial } from '../../contract/trial'
import type { LatencyRatio } from '../evaluate/latency'
import type { SearchSpace } from './recipes'
import type { TrialRunner } from './trial-runner'

export interface TrialStore {
  all(): Trial[]
  save(trial: Trial): void
}

export interface Clock {
  /** When it began, less what earlier sessions of a resumed search took: milliseconds of the clock. */
  readonly began: number
  /** Seconds used so far, earlier sessions of a resumed search included. */
  used(): number
  /** Seconds left of the limit; without end for one of many workers, whose scheduler has limits of its own. */
  left(): number
}

export interface SearchOptions {
  space: SearchSpace
  store: TrialStore
  runner: TrialRunner
  originalDownloadBytes: number
  clock: Clock
  /** Time of each over the original's, interleaved in one process, measured for at most so many seconds. */
  latency(keys: readonly string[], seconds: number): Promise<LatencyRatio[]>
  /** Does work on a recipe that nobody else works on meanwhile; 'busy' where somebody does, and nothing was done. */
  claim<T>(key: string, work: () => Promise<T>): Promise<T | 'busy'>
  /** The model file of a kept trial. */
  fileOf(key: string): string
  /** Takes over models that a worker made on this machine, whose learning may have been ended early. */
  takeOver(worker: string): void
  progress(done: number, doing: string): void
  found(trial: Trial): void
  /** True once a person has had enough: what was found until then is concluded. */
  stopRequested?(): boolean
}
