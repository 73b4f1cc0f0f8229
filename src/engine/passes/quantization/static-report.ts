/** What reports say of a statically quantized model. */
import { plural } from '../../../contract/format'
import type { LayerReport } from '../../../contract/report'
import type { Batches } from '../../data/feeds'
import { activationSqnr, layerReports, type LayerTreatment } from '../../evaluate/comparison/layer-report'
import { CALIBRATORS, type Calibrator } from '../../math/quantize/calibrate'
import type { Model } from '../../onnx'
import type { Target } from '../../targets/target'
import { gainText } from './keep-float'
import { storedTold, type StaticResult } from './static'
import { exceptionsTold, widthsTold, type Widths } from './widths'

interface Told {
  bits: number
  calibration: 'auto' | Calibrator
  perChannel: boolean
  maxLoss: number
  sensitive: 'float' | 'int16'
}

/** Why layers got something else than what was asked for. */
export const exceptionReasons = (
  widths: Widths,
  { sensitive }: Told,
): { layer: string; reason: string }[] => [
  ...(widths.kept?.floats ?? []).map((layer) => ({
    layer,
    reason: `${sensitive === 'int16' ? '16-bit activations' : 'computed in float'}: in int8 it alone costs ${gainText(widths.kept!, layer)}`,
  })),
  ...exceptionsTold({ ...widths, floats: new Set() }, new Set()),
]

const AS_INT8 = 'int8 weights, float arithmetic'

export function reportLayers(
  original: Model,
  full: StaticResult,
  result: StaticResult,
  { kept, wide: eight }: Widths,
  options: Told,
  batches: Batches,
): Promise<LayerReport[]> {
  const stayed = new Map(result.plan.ops.map((op) => [op.layer, op]))
  const asInt8 = new Set(result.stored.map(({ name }) => name))
  const planned = new Set(full.plan.ops.map(({ layer }) => layer))
  const sources: LayerTreatment[] = full.plan.ops.map(({ layer, node, weight }) => {
    const op = stayed.get(layer)
    const bytesBefore = weight?.tensor.byteLength
    const common = { layer, op: node.opType, bytesBefore }
    const reason = kept && `costs ${gainText(kept, layer)} in int8`
    if (asInt8.has(layer)) return { ...common, treatment: AS_INT8, ...result.written.get(layer), reason }
    if (!op) return { ...common, treatment: 'kept in float', bytesAfter: bytesBefore, reason }
    const wide = options.sensitive === 'int16' && kept?.floats.includes(layer)
    const scales = options.perChannel ? 'per-channel' : 'per-tensor'
    const bits = options.bits < 8 && weight && !eight.has(layer) ? `, ${options.bits}-bit weights` : ''
    const treatment = `int8 ${scales}${bits}${wide ? ', 16-bit activations' : ''}`
    return { ...common, treatment, value: op.output, ...result.written.get(layer) }
  })
  for (const { name, place, node, tensor } of [...result.embeddings, ...result.stored]) {
    if (planned.has(name)) continue
    sources.push({
      layer: name,
      op: node.opType,
      value: place,
      treatment: node.is('Gather') ? 'int8 per row' : AS_INT8,
      bytesBefore: tensor.byteLength,
      ...result.written.get(name),
    })
  }
  const names = sources.map(({ layer, value }) => value ?? layer)
  return activationSqnr(original, result.model, names, batches).then((found) => layerReports(sources, found))
}

export function summaryOf(
  result: StaticResult,
  widths: Widths,
  layers: number,
  method: Calibrator,
  options: Told,
  target: Target,
  notes: string[],
): string {
  const done = layers - (options.sensitive === 'int16' ? 0 : (widths.kept?.floats.length ?? 0))
  const chosen =
    options.calibration === 'auto' ? ` (closest to the original of ${CALIBRATORS.length} tried)` : ''
  const parts = layers === 0 ? [] : [`${done} of ${layers} layers run on int8 with ${method} ranges${chosen}`]
  parts.push(...storedTold(result))
  for (const sentence of widthsTold(widths, layers, options.maxLoss))
    parts.push(
      options.sensitive === 'int16' ? sentence.replace('stay float', 'get 16-bit activations') : sentence,
    )
  const scores = result.model.graph.nodes.filter((node) => node.is('Softmax')).length
  if (scores > 0)
    parts.push(`the inputs of ${scores} Softmax and what is added to them (attention masks) stay float`)
  const { weightBits, because = 'asked', note } = target.int8
  const few =
    options.bits < weightBits ? weighed(result).filter((layer) => !widths.wide.has(layer)).length : 0
  if (few > 0) parts.push(`weights of ${plural(few, 'layer')} use ${options.bits} of their 8 bits, as asked`)
  else if (weightBits < 8) parts.push(`weights use ${weightBits} of their 8 bits, as ${because}`)
  if (note) parts.push(note)
  return `${[...parts, ...notes].join('; ')}.`
}

const weighed = ({ plan }: StaticResult): string[] =>
  plan.ops.flatMap(({ layer, weight }) => (weight ? [layer] : []))
