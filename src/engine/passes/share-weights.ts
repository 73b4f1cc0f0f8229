import { plural } from '../../contract/format'
import { z } from 'zod'
import { PareError } from '../../contract/errors'
import type { LayerReport } from '../../contract/report'
import { fromCodebook, sharedValues } from '../math/quantize/kmeans'
import { sqnr } from '../math/quantize/sqnr'
import { Tensor, type Model } from '../onnx'
import { BITS_TOLD, exclude, leastWeights } from './fields'
import { definePass } from './pass'
import { nothingReason } from './quantization/nothing-to-do'
import { normalize } from '../layers/normalize'
import { finiteWeights } from '../layers/layer'
import { isExcluded, LEFT_ALONE, openLayers } from '../layers/left-out'

const ID = 'share-weights'

const params = z.object({
  bits: z
    .int()
    .min(1)
    .max(8)
    .default(5)
    .meta({
      label: 'Bits',
      help: 'Each weight tensor keeps 2 to this power different values. 5 bits cost next to nothing.',
      told: BITS_TOLD,
      search: [6, 5, 4, 3],
    }),
  leastWeights: leastWeights(512),
  exclude,
})

export const shareWeights = definePass({
  id: ID,
  title: 'Share weight values',
  term: 'weight clustering',
  family: 'sharing',
  role: 'encodes',
  after: ['removes', 'prepares'],
  summary:
    'Each layer keeps a few different weight values, chosen by k-means; pruned weights stay zero. The file is as large as before, the zipped download several times smaller.',
  sources: ['arXiv:1510.00149'],
  params,
  async run(model: Model, { bits, ...options }, context) {
    const { model: clone, notes } = normalize(model)
    const { graph } = clone
    const reports: LayerReport[] = []
    const done = new Set<string>()
    const { layers, skipped } = openLayers(clone, { throughViews: true, bodies: true }, (layer) => {
      const { size } = layer.root.tensor
      if (size < options.leastWeights) return `only ${size} weights`
      return isExcluded(options.exclude, layer) ? LEFT_ALONE : undefined
    })
    for (const [i, { name, node, root }] of layers.entries()) {
      context.progress(i / layers.length, `layer ${i + 1} of ${layers.length}`)
      const { value, tensor } = root
      if (done.has(value)) continue
      const values = finiteWeights(value, tensor, ID)
      const codebook = sharedValues(values, 2 ** bits, { keepZeros: true })
      const shared = fromCodebook(codebook)
      graph.initializers.set(value, Tensor.float32(tensor.dims, shared))
      done.add(value)
      const decibel = sqnr(values, shared)
      reports.push({
        layer: name,
        op: node.opType,
        treatment: `${codebook.centroids.length} shared values`,
        weightSqnr: Number.isFinite(decibel) ? decibel : undefined,
      })
    }
    if (reports.length === 0)
      throw new PareError('model/nothing-to-do', { by: ID, reason: nothingReason(graph, skipped) })
    const summary = [
      `${plural(reports.length, 'layer has', 'layers have')} at most ${2 ** bits} different values each`,
      ...notes,
    ].join('; ')
    return { model: clone, summary: `${summary}.`, skipped, layers: reports }
  },
})
