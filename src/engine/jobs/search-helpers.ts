/** Processes that try recipes of one search side by side. */
import fs from 'node:fs'
import os from 'node:os'
import { MEMORY_BUDGET } from '../onnx/budget'
import { readModel } from '../onnx'
import type { SearchOptions } from '../search/options'
import { endOfTrials } from '../search/explore'
import { plural } from '../../contract/format'
import type { JobContext } from './job'
import type { JobInput, SearchRequest } from './protocol'

/** Bytes that a helper must have at least, and how many times the model's own. */
const LEAST = { bytes: 2 ** 29, ofModel: 8 }
/** More would wait for each other's disk and memory. */
const MOST = 8
/** How often what helpers found is looked for, milliseconds. */
const EVERY = 200

interface Means {
  cores: number
  /** Bytes that all helpers together may use. */
  memory: number
  /** Of the model with its weights. */
  modelBytes: number
}

/** How many helpers there is room for; one would be no help. */
export function helpersFor({ cores, memory, modelBytes }: Means): number {
  const each = Math.max(LEAST.bytes, LEAST.ofModel * modelBytes)
  const count = Math.min(cores, MOST, Math.floor(memory / each))
  return count > 1 ? count : 0
}

const bytesOf = (model: string): number =>
  [model, ...readModel(model).externalFiles].reduce((sum, file) => sum + fs.statSync(file).size, 0)

/**
 * Has helpers try what there is to try, as many as cores and the memory budget allow, and tells what they find. What
 * they leave, because they could not be started or had not the memory, is for this process: its budget is the whole.
 */
export async function withHelpers(
  request: SearchRequest,
  { assist }: Pick<JobContext, 'assist'>,
  { store, clock, found, progress, takeOver, runner }: SearchOptions,
): Promise<void> {
  const { settings, model } = request
  // One device is not made faster by more who ask for it.
  if (!assist || settings.providers.some((provider) => provider !== 'cpu')) return
  const cores = settings.threads || os.availableParallelism()
  const memory = MEMORY_BUDGET - process.memoryUsage.rss()
  const count = helpersFor({ cores, memory, modelBytes: bytesOf(model) })
  if (count === 0) return
  const threads = Math.max(1, Math.floor(cores / count))
  const workers = Array.from({ length: count }, (_, at) => `beside-${at}`)
  const requests = workers.map((worker): JobInput<'searchAssist'> => ({
    ...request,
    resume: true,
    settings: { ...settings, threads },
    worker,
    began: clock.began,
  }))
  const told = new Set(store.all().map(({ key }) => key))
  const look = (): void => {
    const trials = store.all()
    for (const trial of trials) {
      if (told.has(trial.key)) continue
      told.add(trial.key)
      found(trial)
    }
    progress(
      Math.min(1, clock.used() / endOfTrials(trials, runner.goal)),
      `${plural(trials.length, 'recipe')} tried, ${count} at a time`,
    )
  }
  const looking = setInterval(look, EVERY)
  try {
    await assist(requests, Math.floor(memory / count))
  } finally {
    clearInterval(looking)
  }
  look()
  workers.forEach(takeOver)
}
