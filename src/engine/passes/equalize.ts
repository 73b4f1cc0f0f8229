import { plural } from '../../contract/format'
import { z } from 'zod'
import { PareError } from '../../contract/errors'
import { equalizing, magnitudes, scaledAlong } from '../math/quantize/equalize'
import type { Graph, Model } from '../onnx'
import { definePass } from './pass'
import { normalize } from '../layers/normalize'
import { absorbBiases } from './equalization/biases'
import { constantAt, findPairs, ownWeights, type Pair } from './equalization/pairs'

const ID = 'equalize'

/** Times all pairs of layers are evened out at most: chains need a few. */
const ROUNDS = 20

export const equalize = definePass({
  id: ID,
  title: 'Even out channel ranges',
  term: 'cross-layer equalization',
  family: 'quantization',
  role: 'prepares',
  summary:
    'Moves range between neighbouring layers so that all channels of a weight are of similar size: run it before quantizing. With calibration samples, what none of them falls below of a bias moves into the layer after. The model computes the same, but for samples that do fall below it.',
  sources: ['arXiv:1906.04721'],
  params: z.object({}),
  async run(model: Model, _params, context) {
    const { model: clone, notes } = normalize(model)
    const { graph } = clone
    let pairs = findPairs(graph)
    if (pairs.length === 0)
      throw new PareError('model/nothing-to-do', {
        by: ID,
        reason:
          'no two Conv or Gemm of the main graph follow each other with nothing but Relu or pooling between',
      })
    for (const { first, second } of pairs) for (const layer of [first, second]) ownWeights(graph, layer)
    const absorbed = await absorbBiases(clone, pairs, context, ID)
    if (absorbed > 0) {
      pairs = findPairs(graph)
      notes.unshift(
        `${plural(absorbed, 'bias', 'biases')} that no calibration sample falls below moved into the layer after`,
      )
    }
    for (let round = 0; round < ROUNDS; round++) {
      context.progress(round / ROUNDS, 'evening out layers')
      let largest = 1
      for (const pair of pairs) largest = Math.max(largest, even(graph, pair))
      if (largest < 1.001) break
    }
    return {
      model: clone,
      summary: `${[`${plural(pairs.length, 'pair of layers has', 'pairs of layers have')} channels of even range now`, ...notes].join('; ')}.`,
    }
  },
})

/** Gives the largest factor used. */
function even(graph: Graph, { first, second, inAxis, reach }: Pair): number {
  const [a, b] = [constantAt(graph, first, first.slot, ID), constantAt(graph, second, second.slot, ID)]
  const factors = equalizing(magnitudes(a.values, a.dims, first.axis), magnitudes(b.values, b.dims, inAxis))
  const bias = first.bias && constantAt(graph, first, first.type.bias!, ID)
  bias?.values.forEach(
    (shift, c) => (factors[c] = Math.max(factors[c]!, Math.min(1, Math.abs(shift) / reach))),
  )
  const inverse = factors.map((s) => 1 / s)
  a.set(scaledAlong(a.values, a.dims, first.axis, inverse))
  b.set(scaledAlong(b.values, b.dims, inAxis, factors))
  bias?.set(bias.values.map((v, c) => v * inverse[c]!))
  return factors.reduce((most, s) => Math.max(most, s, 1 / s), 1)
}
