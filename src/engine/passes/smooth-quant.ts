import { plural } from '../../contract/format'
import { z } from 'zod'
import { PareError } from '../../contract/errors'
import { magnitudes, scaledAlong, smoothing } from '../math/quantize/equalize'
import { Tensor, type Graph, type Model } from '../onnx'
import { definePass } from './pass'
import { collect } from '../layers/statistics/collect'
import { normalize } from '../layers/normalize'
import { calibrationBatches } from '../data/feeds'
import { samples } from './fields'
import { finiteWeights, type Layer } from '../layers/layer'
import { weightedLayers } from '../layers/find'

const ID = 'smooth-quant'

const params = z.object({
  strength: z
    .number()
    .min(0)
    .max(1)
    .default(0.5)
    .meta({
      label: 'Strength (alpha)',
      help: 'How much of the range moves from activations into weights: 0.5 shares it, more suits models with strong outliers.',
      told: 'strength {}',
      search: [0.3, 0.5, 0.7],
    }),
  samples: samples(128),
})

export const smoothQuant = definePass({
  id: ID,
  title: 'Smooth activations',
  term: 'SmoothQuant',
  family: 'quantization',
  role: 'prepares',
  summary:
    'Moves outliers of activations into the weights of transformers, so that one integer range serves all channels: run it before quantizing. The model computes the same.',
  sources: ['arXiv:2211.10438'],
  needs: ['calibration'],
  params,
  async run(model: Model, { strength, samples }, context) {
    const { model: clone, notes } = normalize(model)
    const { graph } = clone
    const byInput = matricesByInput(graph)
    if (byInput.size === 0)
      throw new PareError('model/nothing-to-do', {
        by: ID,
        reason: 'no activation of the main graph goes into a MatMul or Gemm with a constant weight',
      })
    const statistics = await collect(
      clone,
      { moments: [...byInput.keys()].map((name) => [name, -1] as const) },
      calibrationBatches(context, samples, ID),
      { progress: () => context.progress(0.3, 'looking at activations') },
    )
    const counts = { folded: 0, inserted: 0 }
    for (const [name, layers] of byInput) {
      const seen = statistics.moments(name, -1)
      if (!seen) continue
      const weights = new Float32Array(seen.largest.length)
      for (const layer of layers)
        for (const [i, size] of magnitudes(
          finiteWeights(layer.weight, layer.tensor, ID),
          layer.tensor.dims,
          layer.geometry.inAxis,
        ).entries())
          weights[i] = Math.max(weights[i]!, size)
      const factors = smoothing(seen.largest, weights, strength)
      for (const layer of layers) scaleWeight(graph, layer, factors)
      counts[divide(graph, name, layers, factors)]++
    }
    graph.sort()
    graph.prune()
    const parts = [`${plural(counts.folded + counts.inserted, 'activation', 'activations')} smoothed`]
    if (counts.folded > 0) parts.push(`${counts.folded} within the normalization before them`)
    if (counts.inserted > 0) parts.push(`${counts.inserted} by one multiplication each`)
    return { model: clone, summary: `${[...parts, ...notes].join('; ')}.` }
  },
})

function matricesByInput(graph: Graph): Map<string, Layer[]> {
  const found = new Map<string, Layer[]>()
  for (const layer of weightedLayers(graph, ['MatMul', 'Gemm'])) {
    const { input, tensor } = layer
    if (tensor.dims.length !== 2 || tensor.dtype !== 'float32' || layer.turnsInput) continue
    found.set(input, [...(found.get(input) ?? []), layer])
  }
  return found
}

function scaleWeight(
  graph: Graph,
  { node, weight, slot, tensor, geometry }: Layer,
  factors: Float32Array,
): void {
  const scaled = scaledAlong(tensor.floats(), tensor.dims, geometry.inAxis, factors)
  node.inputs[slot] = graph.addInitializer(weight, Tensor.float32(tensor.dims, scaled))
}

/** Divides the activation: within the LayerNormalization that makes it where only these layers read it, else by a node. */
function divide(
  graph: Graph,
  name: string,
  layers: readonly Layer[],
  factors: Float32Array,
): 'folded' | 'inserted' {
  const inverse = factors.map((s) => 1 / s)
  const norm = graph.producer(name)
  const parameters = norm?.is('LayerNormalization') ? norm.inputs.slice(1, 3).filter(Boolean) : []
  const constants = parameters.map((input) => graph.initializers.get(input))
  const private_ =
    !graph.isOutput(name) &&
    graph.consumers(name).every((reader) => layers.some(({ node }) => node === reader))
  if (
    norm &&
    private_ &&
    constants.length > 0 &&
    constants.every((tensor) => tensor?.size === factors.length)
  ) {
    for (const [i, tensor] of constants.entries())
      norm.inputs[i + 1] = graph.addInitializer(
        parameters[i]!,
        Tensor.float32(
          tensor!.dims,
          tensor!.floats().map((v, c) => v * inverse[c]!),
        ),
      )
    return 'folded'
  }
  const smooth = graph.freshName(`${name}_smooth`)
  const by = graph.addInitializer(`${name}_smoothing`, Tensor.float32([inverse.length], inverse))
  graph.addNode({
    opType: 'Mul',
    name: graph.freshName(`${name}_smoothing_Mul`),
    inputs: [name, by],
    outputs: [smooth],
  })
  for (const { node } of layers) node.inputs[0] = smooth
  return 'inserted'
}
