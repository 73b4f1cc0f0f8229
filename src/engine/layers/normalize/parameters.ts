/**
 * Weights, biases and statistics of layers as initializers, however the graph makes them of constants. What a model
 * computes from codes is left alone: that is an encoding, not a way of writing.
 * Sources: ONNX Cast, ConstantOfShape, Expand, Flatten, Identity, Reshape, Squeeze, Transpose, Unsqueeze.
 */
import { requireMemory } from '../../onnx/budget'
import { dtypeOfCode, sizeOf, Tensor, type DType, type Graph, type Model, type Node } from '../../onnx'
import { kindOf } from '../kinds'

/** Operators whose inputs, from the second on, are numbers that were learned. */
const NORMS = [
  'BatchNormalization',
  'InstanceNormalization',
  'LayerNormalization',
  'GroupNormalization',
  'PRelu',
]

const FLOATS: ReadonlySet<DType | undefined> = new Set<DType>(['float32', 'float16', 'bfloat16', 'float64'])

/** Values of the main graph that nodes read as weight, bias or statistics. */
function parametersOf(graph: Graph): Set<string> {
  const found = new Set<string>()
  const products = new Set<string>()
  for (const node of graph.nodes) {
    const kind = kindOf(node)
    const slots = kind ? [...kind.weights, ...(kind.bias === undefined ? [] : [kind.bias])] : []
    for (const slot of slots) if (node.inputs[slot]) found.add(node.inputs[slot]!)
    if (kind) for (const output of node.outputs) products.add(output)
    if (node.is(...NORMS)) for (const input of node.inputs.slice(1)) if (input) found.add(input)
    // A product and what is added to it are one layer.
    if (node.is('Add') && node.inputs.some((input) => products.has(input)))
      for (const input of node.inputs) found.add(input)
  }
  return found
}

/**
 * Edits the main graph; gives how many values became initializers, under the name of the constant they come from
 * where nothing else reads that. Throws `limit/memory`.
 */
export function foldParameters(graph: Graph): number {
  const views = new Views(graph)
  const roots = new Map<string, string>()
  for (const value of parametersOf(graph)) {
    const producer = views.producers.get(value)
    if (!producer || producer.is('Constant') || graph.isOutput(value)) continue
    const found = views.of(value)
    if (!found) continue
    const same = views.same(found, value)
    roots.set(same, views.rootOf(value))
    graph.removeNode(producer)
    if (same === value) graph.initializers.set(value, found.tensor)
    else graph.replaceUses(value, same)
    graph.valueInfo.delete(value)
  }
  if (roots.size > 0) graph.prune()
  for (const [value, root] of roots) {
    const tensor = graph.initializers.get(value)
    if (!tensor || graph.initializers.has(root) || views.producers.has(root)) continue
    graph.initializers.delete(value)
    graph.initializers.set(root, tensor)
    graph.replaceUses(value, root)
  }
  return roots.size
}

/**
 * Weights that are listed as inputs, as every model did before IR version 4, are inputs no longer: nobody feeds them.
 * Numbers that are no weights stay settings that a caller may override. Edits the model; gives how many.
 */
export function unlistParameters(model: Model): number {
  const { graph } = model
  const views = new Views(graph)
  const weights = new Set([...parametersOf(graph)].map((value) => views.rootOf(value)))
  const before = graph.inputs.length
  graph.inputs = graph.inputs.filter(
    ({ name }) => !graph.initializers.has(name) || (model.irVersion >= 4 && !weights.has(name)),
  )
  model.irVersion = Math.max(model.irVersion, 4)
  return before - graph.inputs.length
}

interface Found {
  tensor: Tensor
  /** Equal for values that hold the same. */
  key: string
}

const VIEWS = ['Cast', 'Flatten', 'Identity', 'Reshape', 'Squeeze', 'Transpose', 'Unsqueeze', 'Expand']

/** What values hold that are made of constants by moving and repeating numbers alone. */
class Views {
  readonly producers: Map<string, Node>
  private readonly readers: Map<string, Node[]>
  private readonly names = new Map<string, string>()

  constructor(private readonly graph: Graph) {
    this.producers = graph.producers()
    this.readers = graph.consumerMap()
  }

  /** The value that views are of. */
  rootOf(value: string): string {
    const node = this.producers.get(value)
    return node?.is(...VIEWS) ? this.rootOf(node.inputs[0]!) : value
  }

  /** The first value that was found to hold the same. */
  same({ key }: Found, value: string): string {
    if (!this.names.has(key)) this.names.set(key, value)
    return this.names.get(key)!
  }

  of(value: string): Found | undefined {
    const { graph } = this
    const tensor = graph.initializers.get(value)
    if (tensor) return FLOATS.has(tensor.dtype) ? { tensor, key: value } : undefined
    const node = this.producers.get(value)
    if (node?.is('ConstantOfShape')) return this.filled(node, value)
    if (!node?.is(...VIEWS)) return undefined
    // A matrix that is read both ways is tied, and turned once it would be stored twice.
    if (node.is('Transpose') && (this.readers.get(node.inputs[0]!)?.length ?? 0) > 1) return undefined
    const inner = this.of(node.inputs[0]!)
    const made = inner && this.viewed(node, inner.tensor)
    const how = `${node.opType} ${node.ints('perm')?.join() ?? ''} ${made?.dtype} ${made?.dims.join()}`
    return made && { tensor: made, key: `${inner.key} ${how}` }
  }

  private integers(value: string | undefined): number[] | undefined {
    const tensor = value ? this.graph.constant(value, this.producers) : undefined
    return tensor && ['int64', 'int32'].includes(tensor.dtype) ? tensor.numbers() : undefined
  }

  private filled(node: Node, value: string): Found | undefined {
    const dims = this.integers(node.inputs[0])
    const fill = node.tensor('value')
    const dtype = fill?.dtype ?? 'float32'
    if (!dims || !FLOATS.has(dtype) || dims.some((dim) => dim < 0)) return undefined
    const size = sizeOf(dims)
    requireMemory(size * 8, `ConstantOfShape “${node.label}” makes a constant of ${size} numbers`)
    const number = fill?.numbers()[0] ?? 0
    return { tensor: Tensor.of(dtype, dims, new Float64Array(size).fill(number)), key: value }
  }

  private viewed(node: Node, tensor: Tensor): Tensor | undefined {
    const { dims } = tensor
    switch (node.opType) {
      case 'Identity':
        return tensor
      case 'Cast':
        return casted(tensor, node.int('to', 0))
      case 'Transpose':
        return turned(tensor, node.ints('perm') ?? dims.map((_, i) => dims.length - 1 - i))
      case 'Expand':
        return this.expanded(node, tensor)
      case 'Flatten': {
        const axis = (node.int('axis', 1) + dims.length) % (dims.length + 1)
        return tensor.reshape([sizeOf(dims.slice(0, axis)), sizeOf(dims.slice(axis))])
      }
      case 'Reshape': {
        const shape = this.integers(node.inputs[1])
        const zeros = node.int('allowzero', 0) !== 0
        const known = shape?.map((dim, i) => (dim === 0 && !zeros ? (dims[i] ?? -1) : dim))
        const rest = known && tensor.size / sizeOf(known.filter((dim) => dim !== -1))
        return fits(
          tensor,
          known?.map((dim) => (dim === -1 ? rest! : dim)),
        )
      }
      default: {
        const axes = node.ints('axes') ?? this.integers(node.inputs[1])
        return fits(tensor, node.is('Squeeze') ? squeezed(dims, axes) : axes && unsqueezed(dims, axes))
      }
    }
  }

  private expanded(node: Node, tensor: Tensor): Tensor | undefined {
    const shape = this.integers(node.inputs[1])
    if (!shape || shape.some((dim) => dim < 1)) return undefined
    const rank = Math.max(shape.length, tensor.dims.length)
    const padded = (dims: readonly number[]): number[] => [
      ...new Array<number>(rank - dims.length).fill(1),
      ...dims,
    ]
    const [from, to] = [padded(tensor.dims), padded(shape)]
    const dims = from.map((dim, i) => (dim === 1 ? to[i]! : dim))
    if (dims.some((dim, i) => to[i] !== 1 && dim !== to[i])) return undefined
    const size = sizeOf(dims)
    requireMemory(size * 8, `Expand “${node.label}” makes a constant of ${size} numbers`)
    const stride = strides(from).map((step, i) => (from[i] === 1 ? 0 : step))
    return gathered(tensor, dims, stride)
  }
}

function fits(tensor: Tensor, dims: readonly number[] | undefined): Tensor | undefined {
  if (!dims?.every((dim) => Number.isInteger(dim) && dim >= 0)) return undefined
  return sizeOf(dims) === tensor.size ? tensor.reshape(dims) : undefined
}

const squeezed = (dims: readonly number[], axes?: readonly number[]): number[] => {
  const gone = new Set(axes?.map((axis) => (axis < 0 ? axis + dims.length : axis)))
  return dims.filter((dim, i) => (axes ? !gone.has(i) : dim !== 1))
}

function unsqueezed(dims: readonly number[], axes: readonly number[]): number[] {
  const rank = dims.length + axes.length
  const added = new Set(axes.map((axis) => (axis < 0 ? axis + rank : axis)))
  const rest = dims.values()
  return Array.from({ length: rank }, (_, i) => (added.has(i) ? 1 : (rest.next().value ?? 1)))
}

function casted(tensor: Tensor, code: number): Tensor | undefined {
  const dtype = dtypeOfCode(code)
  if (dtype === tensor.dtype) return tensor
  if (!dtype || !FLOATS.has(dtype)) return undefined
  return Tensor.lazy(dtype, tensor.dims, () => Tensor.of(dtype, tensor.dims, exact(tensor)).bytes())
}

const exact = (tensor: Tensor): ArrayLike<number> =>
  tensor.dtype === 'float64' ? (tensor.values() as Float64Array) : tensor.floats()

const strides = (dims: readonly number[]): number[] => dims.map((_, i) => sizeOf(dims.slice(i + 1)))

function turned(tensor: Tensor, perm: readonly number[]): Tensor | undefined {
  const { dims } = tensor
  if (perm.length !== dims.length || new Set(perm).size !== dims.length) return undefined
  const steps = strides(dims)
  return gathered(
    tensor,
    perm.map((axis) => dims[axis]!),
    perm.map((axis) => steps[axis]!),
  )
}

/** A tensor [dims] whose step along each axis is `stride` numbers of another. */
function gathered(tensor: Tensor, dims: readonly number[], stride: readonly number[]): Tensor {
  return Tensor.lazy(tensor.dtype, dims, () => {
    const source = exact(tensor)
    const out = new Float64Array(sizeOf(dims))
    const at = dims.map(() => 0)
    let from = 0
    for (let i = 0; i < out.length; i++) {
      out[i] = source[from]!
      for (let axis = dims.length - 1; axis >= 0; axis--) {
        from += stride[axis]!
        if (++at[axis]! < dims[axis]!) break
        from -= stride[axis]! * dims[axis]!
        at[axis] = 0
      }
    }
    return Tensor.of(tensor.dtype, dims, out).bytes()
  })
}
