/** Which constants of a model are weights that learn. */
import { kindOf } from '../layers/kinds'
import type { KindName } from '../layers/kinds/kind'
import { Tensor, type Graph, type Model, type Node } from '../onnx'
import { float32, type Values } from '../runtime'

/** Inputs that hold learned numbers, of operators that are no layers. Statistics and bounds are not among them. */
const LEARNED: Readonly<Record<string, readonly number[]>> = {
  PRelu: [1],
  BatchNormalization: [1, 2],
  InstanceNormalization: [1, 2],
  GroupNormalization: [1, 2],
  LayerNormalization: [1, 2],
  RMSNormalization: [1],
  SimplifiedLayerNormalization: [1],
  Add: [0, 1],
  Sub: [0, 1],
  Mul: [0, 1],
  Einsum: [0, 1],
}

/** Operators a weight may pass through on its way to where it is used. */
const CARRIERS = new Set([
  'Identity',
  'Transpose',
  'Reshape',
  'Squeeze',
  'Unsqueeze',
  'Flatten',
  'Expand',
  'Slice',
])

const ARITHMETIC = new Set(['Add', 'Sub', 'Mul'])

/** Constants added as masks are huge or infinite; learning would soften them. */
const MASK_FROM = 1e4

/** Kinds of layers whose weights have gradients. A matrix learns on either side of a product. */
const TRAINED = new Set<KindName>(['conv', 'conv-transpose', 'matrix', 'embedding', 'recurrent'])

function learnedInputs(node: Node): readonly number[] {
  const type = kindOf(node)
  if (!type || !TRAINED.has(type.kind)) return node.among(LEARNED) ?? []
  const { weights, bias, kind, input } = type
  return [...weights, ...(bias === undefined ? [] : [bias]), ...(kind === 'matrix' ? [input] : [])]
}

function readAsWeight(readers: ReadonlyMap<string, Node[]>, value: string, tensor: Tensor): boolean {
  for (const node of readers.get(value) ?? []) {
    if (node.domain !== '') continue
    if (CARRIERS.has(node.opType) && node.inputs[0] === value) {
      if (readAsWeight(readers, node.outputs[0]!, tensor)) return true
      continue
    }
    const input = node.inputs.indexOf(value)
    if (!learnedInputs(node).includes(input)) continue
    if (!ARITHMETIC.has(node.opType)) return true
    if (tensor.size > 1 && tensor.floats().every((x) => Math.abs(x) < MASK_FROM)) return true
  }
  return false
}

/** Names of the float32 initializers that learn, in the order of the graph. */
export function trainableWeights(graph: Graph): string[] {
  const readers = graph.consumerMap()
  return [...graph.initializers]
    .filter(
      ([name, tensor]) =>
        tensor.dtype === 'float32' && tensor.size > 0 && readAsWeight(readers, name, tensor),
    )
    .map(([name]) => name)
}

/** Weights in one flat array, with a view of each; optimizers walk the flat one, sessions are fed the views. */
export class Parameters {
  readonly values: Float32Array
  readonly offsets: number[]
  readonly sizes: number[]

  constructor(
    readonly names: readonly string[],
    readonly dims: readonly (readonly number[])[],
    values?: Float32Array,
  ) {
    this.sizes = dims.map((d) => d.reduce((n, dim) => n * dim, 1))
    let at = 0
    this.offsets = this.sizes.map((size) => (at += size) - size)
    this.values = values ?? new Float32Array(at)
  }

  static of(model: Model, names: readonly string[]): Parameters {
    const tensors = names.map((name) => model.graph.initializers.get(name)!)
    const parameters = new Parameters(
      names,
      tensors.map((tensor) => tensor.dims),
    )
    tensors.forEach((tensor, i) => parameters.view(i).set(tensor.floats()))
    return parameters
  }

  /** One weight's part of `flat`, an array laid out like `values`, which it is by default. */
  view(index: number, flat: Float32Array = this.values): Float32Array {
    const start = this.offsets[index]!
    return flat.subarray(start, start + this.sizes[index]!)
  }

  /** Some of the weights as inputs of a session; all of `some` are among the names. */
  fed(some: readonly string[]): Values {
    return Object.fromEntries(
      some.map((name) => {
        const i = this.names.indexOf(name)
        return [name, float32(this.dims[i]!, this.view(i))]
      }),
    )
  }

  /** A clone of `model` with these weights; `values` stand in for the current ones where given. */
  intoModel(model: Model, values: Float32Array = this.values): Model {
    const clone = model.clone()
    this.names.forEach((name, i) => {
      const start = this.offsets[i]!
      clone.graph.initializers.set(
        name,
        Tensor.float32(this.dims[i]!, values.slice(start, start + this.sizes[i]!)),
      )
    })
    return clone
  }
}

/** Weights with rows and columns: matrices, kernels and tables, not biases and scales. */
export function matrixWeights(parameters: Parameters): string[] {
  return parameters.names.filter((_, i) => parameters.dims[i]!.filter((dim) => dim > 1).length > 1)
}
