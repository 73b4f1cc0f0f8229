/** Gives each layer the bits that were chosen for it. */
import { PareError } from '../../../contract/errors'
import { Tensor, type Graph, type Model } from '../../onnx'
import type { LayerReport, StepRecord } from '../../../contract/report'
import { asHalf, storeAs } from '../../layers/encodings/float16-stored'
import type { PassContext } from '../pass'
import { LARGER_AS_CODES } from '../quantization/widths'
import { quantizeWeights } from '../quantize-weights'
import { BY, FLOAT_BITS, HALF_BITS, MEASURED, sharedAt } from './choices'
import type { Layer } from '../../layers/layer'
import { findLayers, layersThroughViews } from '../../layers/find'
import { reasonsTold } from '../../layers/left-out'

export interface Applied {
  model: Model
  layers: LayerReport[]
  skipped: StepRecord['skipped']
}

/** Bits by name of the layer; layers it does not hold stay as they are. */
type BitsOf = ReadonlyMap<string, number>

/** Weights with few different values, as floats still: what packs and zips small later. */
export function applyShared(model: Model, bitsOf: BitsOf): Applied {
  const result: Applied = { model: model.clone(), layers: [], skipped: [] }
  const { graph } = result.model
  const done = new Set<string>()
  for (const layer of layersThroughViews(graph)) {
    const { name, node, root } = layer
    const { value, tensor } = root
    const bits = bitsOf.get(name) ?? FLOAT_BITS
    if (bits >= HALF_BITS || done.has(value)) continue
    done.add(value)
    const { values, bytes: bytesAfter } = sharedAt(bits, layer)
    graph.initializers.set(value, Tensor.float32(tensor.dims, values))
    const treatment = `${2 ** bits} shared values`
    const bytesBefore = tensor.byteLength
    result.layers.push({ layer: name, op: node.opType, treatment, bytesBefore, bytesAfter })
  }
  return result
}

/**
 * The low-bit pass once for each number of bits in use, on the layers that get it; 16 bits are stored as halves. Where
 * it wins nothing at some number of bits, those layers stay as they are, named. Throws `model/nothing-to-do` where all do.
 */
export async function applyPacked(
  model: Model,
  bitsOf: BitsOf,
  method: string,
  context: PassContext,
): Promise<Applied> {
  const result: Applied = { model, layers: [], skipped: [] }
  const used = MEASURED.filter((bits) => [...bitsOf.values()].includes(bits))
  let nothing: PareError | undefined
  for (const [at, bits] of used.entries()) {
    const exclude = otherBits(result.model.graph, bitsOf, bits)
    const part = await quantizeWeights
      .run(
        result.model,
        { bits, method, exclude, maxLoss: 100 },
        { ...context, progress: (done, doing) => context.progress((at + done) / used.length, doing) },
      )
      .catch((cause: unknown): undefined => {
        if (!(cause instanceof PareError) || cause.code !== 'model/nothing-to-do') throw cause
        nothing = cause
      })
    if (!part) {
      const own = [...bitsOf].flatMap(([layer, its]) => (its === bits ? [layer] : []))
      result.skipped.push(...own.map((layer) => ({ layer, reason: LARGER_AS_CODES })))
      continue
    }
    result.model = part.model
    result.layers.push(...(part.layers ?? []).filter(({ layer }) => bitsOf.get(layer) === bits))
    result.skipped.push(...(part.skipped ?? []).filter(({ layer }) => bitsOf.get(layer) === bits))
  }
  const half = layersThroughViews(result.model.graph).filter(({ name }) => bitsOf.get(name) === HALF_BITS)
  if (half.length > 0) result.model = result.model.clone()
  for (const layer of half) result.layers.push(...storedAsHalf(result.model.graph, layer))
  if (nothing && result.layers.length === 0)
    throw new PareError('model/nothing-to-do', { by: BY, reason: reasonsTold(result.skipped)! })
  return result
}

/** Layers that do not get these bits. One that reads another's weight turned gets those of the other. */
function otherBits(graph: Graph, bitsOf: BitsOf, bits: number): string[] {
  const { layers } = findLayers(graph, { throughViews: true, bodies: true })
  const keys = new Map(
    layers.filter(({ name }) => bitsOf.has(name)).map((l) => [l.rowsKey, bitsOf.get(l.name)]),
  )
  return layers
    .filter(({ name, rowsKey }) => (bitsOf.get(name) ?? keys.get(rowsKey)) !== bits)
    .map(({ name }) => name)
}

function storedAsHalf(graph: Graph, { name, node, root: { value, tensor } }: Layer): LayerReport[] {
  const own = graph.initializers.get(value)
  const half = own?.dtype === 'float32' ? asHalf(own) : undefined
  if (!(half instanceof Tensor)) return []
  storeAs(graph, value, half)
  const bytes = { bytesBefore: tensor.byteLength, bytesAfter: half.byteLength }
  return [{ layer: name, op: node.opType, treatment: 'stored as float16', ...bytes }]
}
