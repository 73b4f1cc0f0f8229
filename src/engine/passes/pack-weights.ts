import { z } from 'zod'
import { PareError } from '../../contract/errors'
import { formatBytes } from '../../contract/format'
import type { LayerReport } from '../../contract/report'
import type { Tensor } from '../onnx'
import { MASKS } from '../training/constraints'
import { tensorForms } from '../layers/encodings'
import { layersThroughViews } from '../layers/find'
import { liftConstants } from '../layers/normalize/lift-constants'
import { costOf, deflated, writeStored } from './packing/stored'
import type { StoredTensor } from '../layers/encodings/encoding'
import { unlistParameters } from '../layers/normalize/parameters'
import { definePass } from './pass'

const ID = 'pack-weights'

const params = z.object({
  half: z.boolean().default(true).meta({
    label: 'Others as 16-bit floats',
    help: 'Weights that share no values (biases, scales) are stored in half precision. Without, this step changes no number.',
  }),
})

interface Packed {
  title: string
  stored: StoredTensor
  before: number
  after: number
}

/** The smallest stored form by measured deflated size; undefined where the tensor as it is wins. */
function smallest(tensor: Tensor, forms: ReturnType<typeof tensorForms>): Packed | undefined {
  const before = deflated(tensor.bytes())
  let best: Packed | undefined
  for (const { title, stored } of forms) {
    const after = costOf(stored)
    if (after < (best?.after ?? before)) best = { title, stored, before, after }
  }
  return best
}

export const packWeights = definePass({
  id: ID,
  title: 'Pack weights for download',
  term: 'lossless weight coding',
  family: 'sharing',
  role: 'stores',
  after: ['normalizes', 'removes', 'trains', 'prepares', 'encodes'],
  summary:
    'Stores weights with few different values or many zeros so that they zip small; plain operators bring them back when the model is loaded.',
  sources: ['arXiv:1510.00149', 'ONNX Gather, CumSum, ScatterElements', 'RFC 1951'],
  params,
  run(source, { half }, context) {
    const model = source.clone()
    unlistParameters(model)
    liftConstants(model)
    const { graph } = model
    const shared = new Map<string, string>()
    const layers: LayerReport[] = []
    let [before, after, packed] = [0, 0, 0]
    /** Biases and the like belong to no layer of their own. */
    const layerOf = new Map(layersThroughViews(graph).map((layer) => [layer.root.value, layer]))
    const names = [...graph.initializers.keys()]
    names.forEach((name, i) => {
      context.progress(i / names.length, `packing ${name}`)
      const tensor = graph.initializers.get(name)!
      if (tensor.dtype !== 'float32' || tensor.size < 16) return
      const best = smallest(tensor, tensorForms(tensor, model.opset, !half))
      if (!best) return
      writeStored(graph, name, best.stored, shared)
      before += best.before
      after += best.after
      packed++
      const layer = layerOf.get(name)
      if (!layer) return
      layers.push({
        layer: layer.name,
        op: layer.node.opType,
        treatment: best.title.toLowerCase(),
        bytesBefore: tensor.byteLength,
        bytesAfter: Object.values(best.stored.constants).reduce((sum, { byteLength }) => sum + byteLength, 0),
      })
    })
    if (packed === 0)
      throw new PareError('model/nothing-to-do', {
        by: ID,
        reason: 'no weights share values, hold zeros or can be stored in half precision',
      })
    // Names of nodes and shapes on the way help people, not runtimes; masks name weights that are no more.
    for (const node of graph.nodes) node.name = ''
    graph.valueInfo.clear()
    model.metadata.delete(MASKS)
    return Promise.resolve({
      model,
      summary: `${packed} weight tensors packed: ${formatBytes(before)} → ${formatBytes(after)} in a download.`,
      layers,
    })
  },
})
