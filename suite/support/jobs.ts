/** The engine's jobs as a user starts them, and what came of a run as a verdict. */
import fs from 'node:fs'
import path from 'node:path'
import { toError } from '../../src/contract/errors'
import type { RecipeStep } from '../../src/contract/recipe'
import type { Dataset } from '../../src/engine/data/dataset'
import { seeded } from '../../src/engine/math/random'
import type { Pass, PassResult } from '../../src/engine/passes/pass'
import { givenData, missingNeed } from '../../src/engine/run/steps'
import { findTarget } from '../../src/engine/targets'
import { HANDLERS } from '../../src/engine/jobs/handlers'
import type { JobInput, JobName, JobOutput } from '../../src/engine/jobs/protocol'
import { probeHere } from '../../src/engine/evaluate/memory'
import { readModel, type Model } from '../../src/engine/onnx'
import type { RunResult } from '../../src/engine/run/compress'
import { judge } from './judge'
import { verdictOf, type Outcome } from './suite'

const settings = { providers: ['cpu'], threads: 0 }

export async function runJob<J extends JobName>(job: J, input: JobInput<J>): Promise<JobOutput<J>> {
  return (await HANDLERS[job](input, {
    emit: () => undefined,
    progress: () => undefined,
    signal: new AbortController().signal,
    stopRequested: () => false,
    probe: probeHere,
  })) as JobOutput<J>
}

/** One model with its data, and a folder for what is made of it. */
export class Bench {
  constructor(
    readonly model: string,
    readonly data: string | undefined,
    private readonly folder: string,
  ) {}

  private get asked(): { model: string; data: { path?: string }; settings: typeof settings } {
    return { model: this.model, data: this.data === undefined ? {} : { path: this.data }, settings }
  }

  /** A fresh folder for each run. */
  private next(): string {
    const folder = fs.mkdtempSync(path.join(this.folder, 'run-'))
    return path.join(folder, 'out')
  }

  compress(steps: readonly RecipeStep[], target = 'any'): Promise<RunResult> {
    const recipe = { pare: 1 as const, name: 'suite', description: '', steps: [...steps] }
    return runJob('compress', {
      ...this.asked,
      folder: this.next(),
      recipes: [recipe],
      target,
      seed: 0,
      resume: false,
    })
  }

  search(minutes: number): Promise<JobOutput<'search'>> {
    const goal = { kind: 'search' as const, maxDrop: 1, minutes }
    return runJob('search', { ...this.asked, folder: this.next(), goal, seed: 0, resume: false })
  }

  evaluate(): Promise<JobOutput<'evaluate'>> {
    return runJob('evaluate', { ...this.asked, split: 'validation' })
  }

  async export(target: string): Promise<Outcome> {
    const out = `${this.next()}.zip`
    const { bytes, files } = await runJob('exportBundle', {
      ...this.asked,
      target,
      name: 'suite',
      form: 'zip',
      out,
      overwrite: false,
    })
    return { verdict: 'ok', detail: `${files.length} files, ${bytes} bytes` }
  }
}

/** A pass alone, as a step of a run is. Throws what the data lacks for it, and what it throws. */
export async function runPass(
  pass: Pass,
  model: Model,
  params: Record<string, unknown>,
  data: Dataset,
  scratch: string,
): Promise<PassResult> {
  const missing = missingNeed(pass.id, data)
  if (missing) throw missing
  pass.check(model, params)
  const signal = new AbortController().signal
  return pass.run(model, params, {
    original: model,
    ...givenData({ data, signal }),
    progress: () => undefined,
    signal,
    random: seeded(1),
    scratch,
    providers: ['cpu'],
    target: findTarget('any'),
  })
}

export const step = (pass: string, params: Record<string, unknown> = {}): RecipeStep => ({ pass, params })

/** The first candidate of a run: its interface, and the worst of what its steps said. */
export async function runOutcome(model: string, { original, candidates }: RunResult): Promise<Outcome> {
  const [first] = candidates
  if (!first) return { verdict: 'wrong', detail: 'no candidate' }
  const loaded = await judge(readModel(first.files[0]!), { model: readModel(model) })
  if (loaded.verdict !== 'ok') return loaded
  const failures = first.steps.flatMap(({ pass, error }) => {
    const { verdict, code, detail } = error ? verdictOf(toError(error)) : { verdict: 'ok' as const }
    return error ? [{ verdict, code, detail: `${pass}: ${detail}` }] : []
  })
  const fault = failures.find(({ verdict }) => verdict !== 'refused')
  if (fault) return fault
  const { report } = first
  const likeness = report.qualityChange
    ? `${report.quality.metric} ${report.qualityChange.value.toPrecision(2)}`
    : `cosine ${report.fidelity?.cosine?.toPrecision(4) ?? '?'}`
  const smaller = `${(original.bytes / report.bytes).toFixed(2)}×`
  const time = report.latencyRatio?.value.toFixed(2) ?? '?'
  const told = [
    `${smaller} smaller`,
    `${time} of the time`,
    likeness,
    ...failures.map(({ code, detail }) => `without ${detail.split(':')[0]} (${code})`),
  ]
  return { verdict: 'ok', figure: `${smaller} in ${time}`, detail: told.join(', ') }
}

/** Above this share of the original's time a model is slower beyond noise. */
const SLOWER = 1.03

/** What a preset gives is no larger than the original and, beyond noise, no slower, or says so. */
export async function presetOutcome(model: string, run: RunResult): Promise<Outcome> {
  const outcome = await runOutcome(model, run)
  if (outcome.verdict !== 'ok') return outcome
  const { report, steps } = run.candidates[0]!
  const summaries = steps.map(({ summary }) => summary).join(' ')
  const isLarger = report.bytes > run.original.bytes
  const isSlower = (report.latencyRatio?.interval[0] ?? 0) > SLOWER
  const isTold = /Only cleaned up|it is slower than the original/.test(summaries)
  const detail = `${outcome.detail}; ${steps.at(-1)?.summary ?? ''}`
  return { ...outcome, verdict: (isLarger || isSlower) && !isTold ? 'wrong' : 'ok', detail }
}

/** Whether there is a winner; else what comes closest. */
export async function searchOutcome(model: string, { result, run }: JobOutput<'search'>): Promise<Outcome> {
  const outcome = await runOutcome(model, run)
  if (outcome.verdict !== 'ok') return outcome
  const figure = result.winner ? outcome.figure! : `closest ${outcome.figure}`
  return { ...outcome, figure, detail: `${outcome.detail}; ${result.explanation}` }
}
