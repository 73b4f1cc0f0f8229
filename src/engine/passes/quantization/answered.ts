/** Samples to which a model answers with numbers: the others say nothing of the ranges its values have. */
import { plural } from '../../../contract/format'
import type { Batches } from '../../data/feeds'
import type { Histogram } from '../../math/quantize/histogram'
import { isFloat, type Model } from '../../onnx'
import {
  BY_TURNS,
  floatsOf,
  pickRows,
  runsOf,
  samplesIn,
  samplesOf,
  signatureOf,
  withSession,
  type Value,
} from '../../runtime'
import type { Calibrated } from './static'

interface Answered {
  batches: Batches
  leftOut: number
}

interface Sampled {
  calibration: Batches
  /** To choose by, and to hold a limit. */
  few: Batches
  many: Batches
}

const isFinite = (value: Value): boolean => !isFloat(value.dtype) || floatsOf(value).every(Number.isFinite)

/** `batches` without samples that some output is NaN or infinite for; all of them where it is so for each. */
async function answered(model: Model, batches: Batches): Promise<Answered> {
  const signature = signatureOf(model)
  const kept: number[][] = []
  let samples = 0
  let finite = 0
  await withSession(model, BY_TURNS, async (session) => {
    for await (const feeds of batches()) {
      const all = samplesOf(signature, feeds)
      const rows: number[] = []
      for (const { from, to, feeds: one } of runsOf(signature, all, 1)) {
        const values = Object.values(await session.run(one))
        if (values.every(isFinite)) for (let row = from; row < to; row++) rows.push(row)
      }
      kept.push(rows)
      samples += samplesIn(all)
      finite += rows.length
    }
  })
  if (finite === 0 || finite === samples) return { batches, leftOut: 0 }
  return {
    leftOut: samples - finite,
    async *batches() {
      let at = 0
      for await (const feeds of batches()) {
        const rows = kept[at++]!
        if (rows.length === 0) continue
        const all = samplesOf(signature, feeds)
        if (rows.length === samplesIn(all)) yield feeds
        else {
          const some = Object.entries(all).map(([name, value]) => [name, pickRows(value, rows)] as const)
          for (const run of runsOf(signature, Object.fromEntries(some))) yield run.feeds
        }
      }
    },
  }
}

/**
 * What `calibrate` finds on the calibration samples and, where that is not all finite, on those that the model answers;
 * gives the samples to go on with, and what to say of it.
 */
export async function onAnswered(
  model: Model,
  { calibration, few, many }: Sampled,
  calibrate: (batches: Batches) => Promise<Calibrated>,
): Promise<Omit<Sampled, 'calibration'> & { calibrated: Calibrated; notes: string[] }> {
  const calibrated = await calibrate(calibration)
  const asFound = { calibrated, few, many, notes: [] }
  const broken = ({ infinite, notANumber }: Histogram): boolean => infinite + notANumber > 0
  if (![...calibrated.histograms.values()].some(broken)) return asFound
  const { batches, leftOut } = await answered(model, calibration)
  if (leftOut === 0) return asFound
  const samples = plural(leftOut, 'calibration sample is', 'calibration samples are')
  return {
    calibrated: await calibrate(batches),
    few: (await answered(model, few)).batches,
    many: (await answered(model, many)).batches,
    notes: [`${samples} left out, to which the original itself answers NaN or infinities`],
  }
}
