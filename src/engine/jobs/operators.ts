/** Where the time goes, layer by layer, in the original and in a candidate. */
import type { OperatorTime } from '../../contract/compare'
import { SPLITS } from '../../contract/dataset'
import { PareError } from '../../contract/errors'
import type { Dataset } from '../data/dataset'
import { feedsFor } from '../evaluate/runner'
import { readModel } from '../onnx'
import { profileNodes } from '../runtime/profile'
import type { SessionOptions } from '../runtime'
import type { Values } from '../runtime/value'
import { chosenSession, withData } from './data'
import type { JobHandlers } from './job'

async function oneSample(dataset: Dataset): Promise<Values> {
  for (const split of SPLITS.toReversed())
    for await (const batch of dataset.splits[split].batches(1, { limit: 1 })) return batch.inputs
  throw new PareError('data/empty', { path: dataset.path })
}

/** Milliseconds by layer; nodes the runtime made by fusing stand under their own names. */
async function timesOf(
  file: string,
  sample: Values,
  session: SessionOptions,
): Promise<Map<string, { op: string; ms: number }>> {
  const model = readModel(file)
  const times = new Map<string, { op: string; ms: number }>()
  for (const { layer, node, op, microseconds } of await profileNodes(
    model,
    feedsFor(model, sample),
    session,
  )) {
    const name = layer ?? node
    const before = times.get(name)
    times.set(name, { op: before?.op ?? op, ms: (before?.ms ?? 0) + microseconds / 1000 })
  }
  return times
}

export const operatorJobs: JobHandlers<'operators'> = {
  operators: ({ model, candidate, data, settings }) =>
    withData(model, data, async (dataset) => {
      const sample = await oneSample(dataset)
      const { session } = await chosenSession(settings)
      const before = await timesOf(model, sample, session)
      const after = await timesOf(candidate, sample, session)
      const rows = [...new Set([...before.keys(), ...after.keys()])].map((layer): OperatorTime => {
        const original = before.get(layer)
        const changed = after.get(layer)
        return {
          layer,
          op: original?.op ?? changed!.op,
          ...(original && { original: original.ms }),
          ...(changed && { candidate: changed.ms }),
        }
      })
      const weight = (row: OperatorTime): number => Math.max(row.original ?? 0, row.candidate ?? 0)
      return rows.sort((a, b) => weight(b) - weight(a))
    }),
}
