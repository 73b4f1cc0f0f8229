/** Jobs of the Compare step: samples, graphs, weights and times of original and candidates. */
import { z } from 'zod'
import { SPLITS } from '../../contract/dataset'
import { PareError } from '../../contract/errors'
import type { SampleResults } from '../../contract/report'
import { StoredSamples } from '../../contract/stored'
import type { Dataset } from '../data/dataset'
import { diffGraphs } from '../evaluate/diff'
import { nodeCosts, nodeDetail } from '../evaluate/node'
import { weightHistogram } from '../evaluate/histogram'
import { operatorTimes } from '../evaluate/operators'
import { sampleDetail } from '../evaluate/sample-detail'
import { comparePage } from '../evaluate/sample-pages'
import { readModel } from '../onnx'
import { readJson } from '../run/files'
import type { Values } from '../runtime/value'
import { chosenSession, withData, withOpenData } from './data'
import type { JobHandlers } from './job'

const Kept = z.object({ original: StoredSamples, candidate: StoredSamples })

function readResults(files: readonly string[]): { original: SampleResults; candidates: SampleResults[] } {
  const kept = files.map((file) => {
    const found = Kept.safeParse(readJson(file)).data
    if (!found) throw new PareError('not-found', { what: 'list of samples', id: file })
    return found
  })
  return { original: kept[0]!.original, candidates: kept.map(({ candidate }) => candidate) }
}

/** The results of one sample only. */
function only(results: SampleResults, index: number): SampleResults {
  const at = results.index.indexOf(index)
  if (at < 0) throw new PareError('not-found', { what: 'sample', id: String(index) })
  return {
    index: [index],
    label: [results.label[at]!],
    answer: [results.answer[at]!],
    score: [results.score[at]!],
    ...(results.text && { text: [results.text[at]!] }),
    ...(results.truth && { truth: [results.truth[at]!] }),
  }
}

async function oneSample(dataset: Dataset): Promise<Values> {
  for (const split of SPLITS.toReversed())
    for await (const batch of dataset.splits[split].batches(1, { limit: 1 })) return batch.inputs
  throw new PareError('data/empty', { path: dataset.path })
}

export const compareJobs: JobHandlers<
  'histogram' | 'diff' | 'node' | 'costs' | 'operators' | 'previews' | 'compareSamples' | 'compareSample'
> = {
  histogram: ({ model, layer, candidate }) =>
    weightHistogram(readModel(model), layer, candidate === undefined ? undefined : readModel(candidate)),
  diff: ({ model, candidate }) =>
    diffGraphs(readModel(model), candidate === undefined ? undefined : readModel(candidate)),
  node: ({ model, candidate, node }) =>
    nodeDetail(node, readModel(model), candidate === undefined ? undefined : readModel(candidate)),
  costs: ({ model }) => nodeCosts(readModel(model)),
  operators: ({ model, candidate, data, settings }) =>
    withData(model, data, async (dataset) => {
      const { session } = await chosenSession(settings)
      return operatorTimes(readModel(model), readModel(candidate), await oneSample(dataset), session)
    }),
  previews: ({ model, data, samples }) =>
    withOpenData(model, data, async ({ splits: { validation } }) => {
      const there = samples.filter((index) => index < validation.length)
      return Promise.all(there.map((index) => validation.preview(index)))
    }),
  compareSamples: ({ results, ...query }) => {
    const { original, candidates } = readResults(results)
    return comparePage(original, candidates, query)
  },
  compareSample: ({ model, data, settings, candidates: models, results, task, classes, index }) =>
    withOpenData(model, data, async (dataset) => {
      const { original, candidates } = readResults(results)
      const one = [original, ...candidates].map((all) => only(all, index))
      const query = { task, classes, filter: 'all' as const, offset: 0, limit: 1 }
      const [row] = comparePage(one[0]!, one.slice(1), query).rows
      const { session } = await chosenSession(settings)
      const all = [{ name: 'Original', model }, ...models]
      return sampleDetail({ dataset, index, models: all, row: row!, session })
    }),
}
