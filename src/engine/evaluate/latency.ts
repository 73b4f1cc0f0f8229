/**
 * Latency of models against each other: in one process, one run of each in turn and then in reverse order
 * (A B B A), so that a slow moment of the machine falls on all of them and drift cancels out. Who begins changes from
 * round to round: the first run after something else is slower than one after another run.
 */
import os from 'node:os'
import { PareError } from '../../contract/errors'
import type { LatencyStats } from '../../contract/report'
import { medianInterval, quantile, sorted, type Interval } from '../math/statistics'
import { readModel, type Model } from '../onnx'
import {
  feedsFor,
  openSession,
  signatureOf,
  type Session,
  type SessionOptions,
  type Values,
} from '../runtime'

interface LatencyOptions {
  /** One sample, the first axis of each input counting it; models with a larger fixed batch get it repeated. */
  sample: Values
  session?: SessionOptions
  /** Rounds of A B B A at most; default 200. */
  rounds?: number
  /** Seconds spent measuring at most, over all models; default 4. At least 6 rounds are made. */
  seconds?: number
  progress?(done: number): void
  signal?: AbortSignal
}

export interface LatencyRatio {
  /** Time of the candidate over time of the original, per sample; below 1 is faster. Median of rounds. */
  value: number
  /** 95%, by the ranks of rounds. */
  interval: Interval
}

export interface MeasuredLatency {
  original: LatencyStats
  candidates: { stats: LatencyStats; ratio: LatencyRatio }[]
}

const WARM_UP_RUNS = 10
const WARM_UP_MS = 300
/** Of fewer no interval of the median is one of 95%. */
const LEAST_ROUNDS = 6

/** Times every model at batch 1. Throws `model/not-loadable`, `data/shape-mismatch`, `cancelled`. */
export async function measureLatency(
  original: Model | string,
  candidates: readonly (Model | string)[],
  options: LatencyOptions,
): Promise<MeasuredLatency> {
  const timed: Timed[] = []
  try {
    for (const model of [original, ...candidates]) timed.push(await open(model, options))
    const times = await timeInTurn(timed, options)
    const stats = timed.map(({ batch }, i) => statsOf(times[i]!, batch, options.session))
    return {
      original: stats[0]!,
      candidates: stats.slice(1).map((one, i) => ({
        stats: one,
        ratio: ratioOf(times[0]!, times[i + 1]!, timed[0]!.batch, one.batch),
      })),
    }
  } finally {
    for (const { session } of timed) await session.release()
  }
}

interface Timed {
  session: Session
  feeds: Values
  batch: number
}

async function open(source: Model | string, { sample, session }: LatencyOptions): Promise<Timed> {
  const model = typeof source === 'string' ? readModel(source) : source
  const feeds = feedsFor(model, sample)
  return {
    session: await openSession(source, { ...session, kernels: 'usual' }),
    feeds,
    batch: signatureOf(model).batch ?? 1,
  }
}

/** Telling how far it is wakes other processes, and the run after it pays: not more often than a person looks. */
const TOLD_EVERY_MS = 250

/** Who runs when in a round: every model twice, and over as many rounds as there are models each of them in every place. */
export function turnsOf(models: number, round: number): number[] {
  const order = Array.from({ length: models }, (_, i) => (i + round) % models)
  return [...order, ...order.toReversed()]
}

/** Milliseconds of each run by model: two a round, in the order they were made. */
async function timeInTurn(timed: readonly Timed[], options: LatencyOptions): Promise<number[][]> {
  const { rounds = 200, seconds = 4, signal } = options
  const runs = timed.map(
    ({ session, feeds }) =>
      (): Promise<Values> =>
        session.run(feeds),
  )
  const check = (): void => {
    if (signal?.aborted) throw new PareError('cancelled', { during: 'measuring latency' })
  }
  for (const run of runs) {
    const start = performance.now()
    for (let i = 0; i < WARM_UP_RUNS && (i < 2 || performance.now() - start < WARM_UP_MS); i++) {
      check()
      await run()
    }
  }
  const times = timed.map((): number[] => [])
  const start = performance.now()
  let told = -Infinity
  for (let round = 0; round < rounds; round++) {
    const share = Math.max(round / rounds, (performance.now() - start) / (seconds * 1000))
    if (round >= LEAST_ROUNDS && share >= 1) break
    if (performance.now() - told >= TOLD_EVERY_MS) {
      options.progress?.(Math.min(1, share))
      told = performance.now()
    }
    for (const i of turnsOf(runs.length, round)) {
      check()
      const before = performance.now()
      await runs[i]!()
      times[i]!.push(performance.now() - before)
    }
  }
  return times
}

function statsOf(times: readonly number[], batch: number, session: SessionOptions = {}): LatencyStats {
  const ordered = sorted(times)
  return {
    p50: quantile(ordered, 0.5),
    p95: quantile(ordered, 0.95),
    runs: times.length,
    batch,
    provider: session.providers?.[0] ?? 'cpu',
    threads: session.threads ?? os.availableParallelism(),
  }
}

function ratioOf(
  original: readonly number[],
  candidate: readonly number[],
  batchBefore: number,
  batchAfter: number,
): LatencyRatio {
  const scale = batchBefore / batchAfter
  const ratios: number[] = []
  for (let i = 0; i + 1 < original.length; i += 2)
    ratios.push((scale * (candidate[i]! + candidate[i + 1]!)) / (original[i]! + original[i + 1]!))
  const ordered = sorted(ratios)
  return { value: quantile(ordered, 0.5), interval: medianInterval(ordered) }
}
