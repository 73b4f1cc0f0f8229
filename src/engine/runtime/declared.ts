/**
 * What constants a graph makes of a few bytes: sizes that stand in the file are added up before anything runs, as
 * ONNX Runtime allocates them all when it loads a model.
 * Sources: ONNX ConstantOfShape, Expand, Tile, Range, RandomNormal, RandomUniform, Concat, Pad, OneHot, MatMul, and
 * multidirectional broadcasting.
 */
import { encodedLength, sizeOf, type Graph, type Model, type Node, type Tensor } from '../onnx'
import { GIVEN_MEMORY, MEMORY_BUDGET, requireMemory } from '../onnx/budget'

/** float32, in the four copies that ONNX Runtime 1.30 was seen to hold while it folds one. */
const BYTES_PER_ELEMENT = 4 * 4

/**
 * Bytes of constants that are in proportion to a model: so many times its file, and at least this much. Masks and
 * states of real models stay far below; whoever sets a budget of memory by hand has said what is right.
 */
const PROPORTION = { times: 8, least: 2 ** 30 }

type Dims = readonly number[]

const elementsOf = (dims: Dims): number => sizeOf(dims.map((dim) => Math.max(0, dim)))

/** What makes a constant of nothing but numbers; these stay, and are added up. */
const MAKERS = new Set(['ConstantOfShape', 'Expand', 'Tile', 'Range', 'RandomNormal', 'RandomUniform'])

/** Operators whose output has the shape that their inputs have together. */
const ELEMENTWISE = new Set(
  'Add Sub Mul Div Pow Mod Min Max Sum Mean And Or Xor Equal Less Greater LessOrEqual GreaterOrEqual Where Identity Cast Neg Abs Sqrt Exp Log Not Relu Sigmoid Tanh Floor Ceil Sign Clip Softmax'.split(
    ' ',
  ),
)

const broadcast = (shapes: readonly Dims[]): number[] => {
  const rank = Math.max(...shapes.map(({ length }) => length))
  return Array.from({ length: rank }, (_, axis) =>
    Math.max(...shapes.map((dims) => dims[axis - rank + dims.length] ?? 1)),
  )
}

/** What stands in the file, or was made of what stands there. */
interface Known {
  shape(slot: number): Dims | undefined
  numbers(slot: number): number[] | undefined
}

/** Shape that the node's output has whatever the model is given; undefined where the file does not tell. */
function shapeOf(node: Node, { shape, numbers }: Known): Dims | undefined {
  const first = shape(0)
  const second = shape(1)
  if (ELEMENTWISE.has(node.opType)) {
    const shapes = node.inputs.flatMap((name, slot) => (name === '' ? [] : [shape(slot)]))
    return shapes.length > 0 && shapes.every((dims) => dims !== undefined) ? broadcast(shapes) : undefined
  }
  switch (node.opType) {
    case 'ConstantOfShape':
      return numbers(0)
    case 'Expand': {
      const wanted = numbers(1)
      return first && wanted && broadcast([first, wanted])
    }
    case 'Tile': {
      const times = numbers(1)
      return first && times && first.map((dim, axis) => dim * (times[axis] ?? 1))
    }
    case 'Range': {
      const [start, limit, step] = [0, 1, 2].map((slot) => numbers(slot)?.[0])
      const length = (limit! - start!) / step!
      return Number.isFinite(length) ? [Math.max(0, Math.ceil(length))] : undefined
    }
    case 'RandomNormal':
    case 'RandomUniform':
      return node.ints('shape')
    case 'Concat': {
      const shapes = node.inputs.map((_, slot) => shape(slot))
      if (!first || shapes.some((dims) => dims?.length !== first.length)) return undefined
      const axis = at(node.int('axis', 0), first.length)
      return first.with(
        axis,
        shapes.reduce((sum, dims) => sum + dims![axis]!, 0),
      )
    }
    case 'Pad': {
      const pads = node.ints('pads') ?? numbers(1)
      return (
        first && pads && first.map((dim, axis) => dim + (pads[axis] ?? 0) + (pads[axis + first.length] ?? 0))
      )
    }
    case 'OneHot': {
      const [depth] = numbers(1) ?? []
      return first && depth !== undefined ? [...first, depth] : undefined
    }
    case 'MatMul':
      if (!first || !second || first.length < 2 || second.length < 2) return undefined
      return [...broadcast([first.slice(0, -2), second.slice(0, -2)]), first.at(-2)!, second.at(-1)!]
    default:
      return undefined
  }
}

const at = (axis: number, rank: number): number =>
  Math.min(Math.max(0, axis < 0 ? axis + rank : axis), Math.max(0, rank - 1))

function knownOf(
  graph: Graph,
  node: Node,
  producers: Map<string, Node>,
  made: ReadonlyMap<string, Dims>,
): Known {
  const constant = (slot: number): Tensor | undefined =>
    node.inputs[slot] ? graph.constant(node.inputs[slot], producers) : undefined
  return {
    shape: (slot) => constant(slot)?.dims ?? made.get(node.inputs[slot] ?? ''),
    numbers: (slot) => {
      const tensor = constant(slot)
      return tensor && tensor.dtype !== 'string' && tensor.dims.length <= 1
        ? Array.from(tensor.values(), Number)
        : undefined
    },
  }
}

/**
 * Throws `limit/memory` where the constants a model makes are more than a job may take, or out of all proportion to
 * its file where nobody said how much (`given`, bytes).
 */
export function requireRoomForConstants(model: Model, given = GIVEN_MEMORY): void {
  let most = given || MEMORY_BUDGET
  let all = 0
  for (const graph of model.graphs()) {
    const producers = graph.producers()
    const made = new Map<string, Dims>()
    for (const node of graph.nodes) {
      const known = knownOf(graph, node, producers, made)
      const dims = shapeOf(node, known)
      const elements = dims ? elementsOf(dims) : 0
      if (elements === 0 || node.outputs[0] === undefined) continue
      made.set(node.outputs[0], dims!)
      const bytes = elements * BYTES_PER_ELEMENT
      const before = node.inputs.map((_, slot) => elementsOf(known.shape(slot) ?? []))
      if (MAKERS.has(node.opType)) all += bytes
      else if (elements <= Math.max(...before)) continue
      // What grows out of other constants takes their place: it is held to the limit alone.
      const held = Math.max(all, bytes)
      if (!given && held > PROPORTION.least)
        most = Math.min(most, Math.max(PROPORTION.least, PROPORTION.times * encodedLength(model)))
      requireMemory(held, `${node.opType} “${node.label}” makes a constant of ${elements} numbers`, most)
    }
  }
}
