import { plural } from '../../contract/format'
import { z } from 'zod'
import { PareError } from '../../contract/errors'
import type { Model, Node } from '../onnx'
import type { Target } from '../targets/target'
import { definePass, type PassContext, type PassResult } from './pass'
import { dynamicLstm, dynamicProduct, storedWeight, type Inputs, type Restored } from './quantization/dynamic'
import { writeIntegerRows } from '../layers/encodings/integer-rows'
import { activationSqnr, layerReports, type LayerTreatment } from '../evaluate/comparison/layer-report'
import { nothingReason, tableWithin } from './quantization/nothing-to-do'
import { normalize } from '../layers/normalize'
import { calibrationBatches } from '../data/feeds'
import { WeightStore } from './quantization/static-weights'
import { exclude, integerFields, leastWeights } from './fields'
import { isExcluded, LEFT_ALONE, openLayers } from '../layers/left-out'
import type { Layer } from '../layers/layer'

const ID = 'quantize-dynamic'

const params = z.object({
  ...integerFields,
  leastWeights: leastWeights(512),
  exclude,
})

export const quantizeDynamic = definePass({
  id: ID,
  title: 'Dynamic integer quantization',
  family: 'quantization',
  role: 'encodes',
  after: ['removes', 'trains', 'prepares'],
  summary:
    'Weights become int8 and activations are quantized as they come: no data needed, best for transformers and recurrent models.',
  sources: ['ONNX DynamicQuantizeLinear', 'ONNX MatMulInteger', 'arXiv:2004.09602'],
  params,
  run,
})

type Params = z.output<typeof params>

async function run(model: Model, options: Params, context: PassContext): Promise<PassResult> {
  const { model: clone, notes } = normalize(model)
  const { graph } = clone
  const float = clone.clone()
  const store = new WeightStore(graph, {
    perChannel: options.perChannel,
    bits: context.target.int8.weightBits,
    clip: options.weightClip,
    by: ID,
  })
  const inputs: Inputs = new Map()
  const done: LayerTreatment[] = []
  const counts = { products: 0, recurrent: 0, convolutions: 0, stored: 0, tables: 0, inBodies: 0 }
  const found = openLayers(clone, { throughViews: true, bodies: true }, (layer) =>
    reasonToSkip(layer, options),
  )
  const { layers, skipped } = found
  const restored: Restored = new Map()
  const gates = new Map<Node, Layer[]>()
  for (const [i, layer] of layers.entries()) {
    context.progress((0.8 * i) / layers.length, `layer ${i + 1} of ${layers.length}`)
    const op = layer.node.opType
    const form = formOf(layer, context.target)
    if (form === 'stored') {
      storedWeight(graph, layer, store.addChannels(layer), restored)
      counts[layer.within ? 'inBodies' : op.startsWith('Conv') ? 'convolutions' : 'stored']++
    } else if (form === 'table') {
      writeIntegerRows(graph, layer, store)
      counts.tables++
    } else if (form === 'recurrent') {
      gates.set(layer.node, [...(gates.get(layer.node) ?? []), layer])
    } else {
      dynamicProduct(graph, layer, store.addProduct(layer), inputs)
      counts.products++
    }
    const treatment = TREATMENTS[form]
    done.push({
      layer: layer.name,
      op,
      value: layer.place,
      treatment,
      bytesBefore: layer.tensor.byteLength,
      ...store.written.get(layer.name),
    })
  }
  for (const [node, [w, r]] of gates) {
    dynamicLstm(graph, node, [store.addChannels(w!), store.addChannels(r!)])
    clone.importOpset('com.microsoft', 1)
    counts.recurrent++
  }
  if (done.length === 0)
    throw new PareError('model/nothing-to-do', {
      by: ID,
      reason: nothingReason(graph, [...skipped, ...found.others]),
    })
  graph.sort()
  graph.prune()
  context.progress(0.85, 'measuring each layer')
  const measured = context.data
    ? await activationSqnr(
        float,
        clone,
        done.map(({ value }) => value!),
        calibrationBatches(context, 32, ID),
      )
    : new Map<string, number>()
  return {
    model: clone,
    summary: summaryOf(counts, context.target.int8, notes),
    skipped,
    layers: layerReports(done, measured),
  }
}

function reasonToSkip(layer: Layer, options: Params): string | undefined {
  const { tensor, kind } = layer
  if (isExcluded(options.exclude, layer)) return LEFT_ALONE
  if (layer.within && kind === 'embedding') return tableWithin(layer.within)
  if (tensor.dtype !== 'float32') return `its weight is ${tensor.dtype}`
  if (tensor.size < options.leastWeights)
    return `only ${tensor.size} weights: integers would cost more than they save`
  return undefined
}

type Form = 'product' | 'recurrent' | 'table' | 'stored'

const TREATMENTS: Readonly<Record<Form, string>> = {
  product: 'dynamic int8',
  recurrent: 'dynamic int8',
  table: 'int8 per row',
  stored: 'int8 weights, float arithmetic',
}

/** What has no integer operator, or none that pays, computes in float with weights stored as int8. */
function formOf({ node, kind, within, isPlain, tensor }: Layer, { keepsPacked }: Target): Form {
  if (within) return 'stored'
  if (kind === 'embedding') return 'table'
  if (kind === 'matrix' && isPlain && tensor.dims.length === 2) return 'product'
  return node.is('LSTM') && keepsPacked && node.int('layout', 0) === 0 ? 'recurrent' : 'stored'
}

function summaryOf(
  counts: Readonly<
    Record<'products' | 'recurrent' | 'convolutions' | 'stored' | 'tables' | 'inBodies', number>
  >,
  { weightBits, because }: Target['int8'],
  notes: string[],
): string {
  const parts: string[] = []
  if (counts.products > 0)
    parts.push(
      `${plural(counts.products, 'layer runs', 'layers run')} on int8 with ranges found as data comes`,
    )
  if (counts.recurrent > 0)
    parts.push(`${plural(counts.recurrent, 'LSTM runs', 'LSTMs run')} on int8 by DynamicQuantizeLSTM`)
  if (counts.tables > 0)
    parts.push(`${plural(counts.tables, 'embedding is', 'embeddings are')} stored as int8`)
  if (counts.convolutions > 0)
    parts.push(
      `${plural(counts.convolutions, 'convolution is', 'convolutions are')} stored as int8 and computed in float, which is faster than dynamic int8`,
    )
  if (counts.stored > 0)
    parts.push(
      `${plural(counts.stored, 'weight', 'weights')} of operators that have no dynamic int8 stored as int8`,
    )
  if (counts.inBodies > 0)
    parts.push(
      `${plural(counts.inBodies, 'layer within If, Loop or Scan is', 'layers within If, Loop or Scan are')} stored as int8 and computed in float`,
    )
  if (weightBits < 8) parts.push(`weights use ${weightBits} of their 8 bits, as ${because}`)
  return `${[...parts, ...notes].join('; ')}.`
}
