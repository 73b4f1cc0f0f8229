/** The whole measurement of an original and its candidates: same samples, same process, same settings. */
import type { SplitName } from '../../contract/dataset'
import { PareError } from '../../contract/errors'
import type { Footprint, LatencyEstimate, LayerReport, Report, SampleResults } from '../../contract/report'
import type { Dataset } from '../data/dataset'
import { isGrey } from '../data/grey'
import { readModel } from '../onnx'
import { modelCosts, nonzeroParameters } from '../layers/costs/costs'
import { hashFile } from '../onnx/hash-file'
import type { SessionOptions } from '../runtime/session'
import { feedsFor } from '../runtime/samples'
import { traceShapes } from '../runtime/trace'
import type { Values } from '../runtime/value'
import type { Target } from '../targets/target'
import { estimateEnergy } from './energy'
import { measureLatency, type MeasuredLatency } from './latency'
import { probeHere, type MemoryProbe } from './memory'
import { notesOf } from './notes'
import { qualityChange } from './paired'
import { measureQuality, type MeasuredQuality, type ModelQuality } from './quality'
import { deflatedBytes, modelSize } from './size'
import { latencyEstimates } from './target-latency'

interface ReportOptions {
  /** Path of the original. */
  original: string
  candidates: readonly { path: string; layers?: LayerReport[] }[]
  dataset: Dataset
  /** Default: validation. */
  split?: SplitName
  batchSize?: number
  limit?: number
  /** The settings the bundle will run with; default: ONNX Runtime's own. */
  session?: SessionOptions
  /** Where its device is not this machine the latency is estimated for it as well. */
  target?: Target
  /** Counts what a model takes where the target is a microcontroller, by its path. */
  footprint?(path: string): Promise<Footprint | undefined>
  /** Measures memory in a process of its own; default: in this one, a lower bound. */
  probe?: MemoryProbe
  /** Bounds of the latency measurement; see `LatencyOptions`. */
  rounds?: number
  seconds?: number
  /** Share done, 0 … 1, and what is being done. */
  progress?(done: number, doing: string): void
  signal?: AbortSignal
}

interface Measurement {
  report: Report
  samples: SampleResults
}

export interface Measurements {
  original: Measurement
  candidates: Measurement[]
}

/** What one model is and costs, apart from what it answers and how fast. */
type Statics = Pick<
  Report,
  | 'path'
  | 'bytes'
  | 'downloadBytes'
  | 'parameters'
  | 'nonzeroParameters'
  | 'macs'
  | 'peakMemoryBytes'
  | 'energyMicrojoules'
  | 'energySource'
  | 'sha256'
  | 'footprint'
>

interface Static {
  facts: Statics
  /** It multiplies in 8-bit integers somewhere. */
  integer: boolean
}

/** Quality takes most of the time, then latency; shares for progress only. */
const QUALITY_SHARE = 0.6
const LATENCY_SHARE = 0.25

/** Measures everything. Throws what its parts throw: see `measureQuality`, `measureLatency`, `MemoryProbe`. */
export async function reportOn(options: ReportOptions): Promise<Measurements> {
  const { original, candidates, dataset, session, signal, progress } = options
  const paths = candidates.map(({ path }) => path)
  const sample = await firstSample(dataset, options.split ?? 'validation')
  const quality = await measureQuality(original, paths, {
    dataset,
    split: options.split,
    batchSize: options.batchSize,
    limit: options.limit,
    session,
    signal,
    progress: (done, total) =>
      progress?.((QUALITY_SHARE * done) / total, `Quality: ${done} of ${total} samples`),
  })
  const latency = await measureLatency(original, paths, {
    sample,
    session,
    rounds: options.rounds,
    seconds: options.seconds,
    signal,
    progress: (share) =>
      progress?.(QUALITY_SHARE + LATENCY_SHARE * share, 'Latency, original and candidates in turn'),
  })
  const statics: Static[] = []
  for (const [i, path] of [original, ...paths].entries()) {
    const done = QUALITY_SHARE + LATENCY_SHARE
    progress?.(done + (1 - done) * (i / (paths.length + 1)), 'Memory, size and energy')
    statics.push(await staticsOf(path, sample, options))
  }
  progress?.(1, 'Measured')
  const estimates = options.target ? await latencyEstimates(original, paths, options.target, sample) : []
  const grey = dataset.kind !== 'random' && (await isGrey(dataset))
  return assemble(options, quality, latency, statics, estimates, grey)
}

async function firstSample(dataset: Dataset, split: SplitName): Promise<Values> {
  for await (const batch of dataset.splits[split].batches(1, { limit: 1 })) return batch.inputs
  throw new PareError('data/empty', { path: dataset.path })
}

async function staticsOf(path: string, sample: Values, options: ReportOptions): Promise<Static> {
  const { session, signal, probe = probeHere } = options
  const footprint = await options.footprint?.(path)
  const model = readModel(path)
  const feeds = feedsFor(model, sample)
  const costs = await modelCosts(model, await traceShapes(model, { feeds }))
  const size = modelSize(model)
  const energy = estimateEnergy(model, costs.traced)
  const { peakBytes } = await probe({ model: path, feeds, session }, signal)
  const facts: Statics = {
    path,
    bytes: size.bytes,
    downloadBytes: await deflatedBytes(size.files, signal),
    parameters: costs.parameters,
    nonzeroParameters: await nonzeroParameters(model, costs),
    macs: costs.macs,
    peakMemoryBytes: peakBytes,
    energyMicrojoules: energy.microjoules,
    energySource: energy.source,
    sha256: hashFile(path),
    ...(footprint && { footprint }),
  }
  return { facts, integer: energy.macs.int8 > 0 }
}

function assemble(
  options: ReportOptions,
  quality: MeasuredQuality,
  latency: MeasuredLatency,
  statics: readonly Static[],
  estimates: readonly (LatencyEstimate | undefined)[],
  grey: boolean,
): Measurements {
  const { classes, kind } = options.dataset
  // How the data was read is part of what was measured.
  const reading = kind === 'random' ? [] : options.dataset.summary().notes
  const { spec } = options.dataset
  const measurement = (own: Statics, measured: ModelQuality, rest: Partial<Report>): Measurement => ({
    report: {
      ...own,
      quality: measured.quality,
      latencyMs: latency.original,
      nonFinite: measured.nonFinite,
      output: measured.output.reason,
      ...(kind !== 'random' && { dataSpec: spec }),
      ...(measured.fidelity && { fidelity: measured.fidelity }),
      ...(measured.confusion && { confusion: measured.confusion }),
      ...(classes && { classes: [...classes] }),
      notes: [...reading, ...measured.notes],
      ...rest,
    },
    samples: measured.samples,
  })
  const original = measurement(statics[0]!.facts, quality.original, {})
  const candidates = options.candidates.map(({ layers }, i) =>
    measurement(statics[i + 1]!.facts, quality.candidates[i]!, {
      latencyMs: latency.candidates[i]!.stats,
      latencyRatio: latency.candidates[i]!.ratio,
      originalLatencyMs: latency.original,
      ...(estimates[i] && { targetLatency: estimates[i] }),
      qualityChange: qualityChange(quality.original, quality.candidates[i]!),
      ...(layers && { layers }),
    }),
  )
  const reports = [original, ...candidates].map(({ report }) => report)
  const context = { dataset: options.dataset, grey, lowerBound: !options.probe }
  for (const [i, report] of reports.entries())
    report.notes.push(...notesOf(report, reports, { ...context, own: i, integer: statics[i]!.integer }))
  return { original, candidates }
}
