/** Operators that move values without changing them. Source: ONNX operator documents. */
import type { Node } from '../../onnx'
import { single, unsupported, type Rule, type Rules } from './rule'
import { frontAxis, range, type Tape } from './tape'
import { axisMatrix } from './resize'

/** Back to the shape of the input. */
const reshaped: Rule = single((t, node, dy) => [t.reshape(dy, t.shape(node.inputs[0]!))])

const numbersAt = (t: Tape, node: Node, input: number, attribute: string): number[] | undefined =>
  node.inputs[input] ? t.constant(node.inputs[input])?.numbers() : node.ints(attribute)

const transpose: Rule = single((t, node, dy) => {
  const rank = t.shape(node.inputs[0]!).length
  const perm = node.ints('perm') ?? range(rank).reverse()
  return [
    t.transpose(
      dy,
      range(rank).map((i) => perm.indexOf(i)),
    ),
  ]
})

const concat: Rule = single((t, node, dy) => {
  const axis = frontAxis(node.int('axis', 0), t.shape(node.outputs[0]!).length)
  let at = 0
  return node.inputs.map((value) => {
    const start = at
    at += t.shape(value)[axis]!
    return t.wants(value) ? t.slice(dy, [axis], [start], [at]) : undefined
  })
})

const split: Rule = (t, node, dys) => {
  const axis = frontAxis(node.int('axis', 0), t.shape(node.inputs[0]!).length)
  const parts = node.outputs.map((value, i) => dys[i] ?? t.zeros(t.shape(value)))
  return [t.op('Concat', parts, { axis: { int: axis } })]
}

const slice: Rule = single((t, node, dy) => {
  const dims = t.shape(node.inputs[0]!)
  const starts = numbersAt(t, node, 1, 'starts')
  const ends = numbersAt(t, node, 2, 'ends')
  if (!starts || !ends) throw unsupported(node, 'computed bounds')
  const axes = (numbersAt(t, node, 3, 'axes') ?? range(starts.length)).map((a) => frontAxis(a, dims.length))
  const steps = numbersAt(t, node, 4, 'steps') ?? starts.map(() => 1)
  let current = [...t.shape(node.outputs[0]!)]
  let gradient = dy
  axes.forEach((axis, i) => {
    const size = dims[axis]!
    const step = steps[i]!
    const start = starts[i]! < 0 ? starts[i]! + size : starts[i]!
    const first = Math.min(Math.max(start, 0), size - 1)
    const picks = range(current[axis]!).map((k) => first + k * step)
    gradient = t.unpick(gradient, current, axis, picks, size)
    current = current.map((dim, j) => (j === axis ? size : dim))
  })
  return [gradient]
})

const pad: Rule = single((t, node, dy) => {
  const dims = t.shape(node.inputs[0]!)
  const pads = numbersAt(t, node, 1, 'pads')
  const axes = numbersAt(t, node, 3, 'axes')?.map((a) => frontAxis(a, dims.length)) ?? range(dims.length)
  if (!pads) throw unsupported(node, 'computed pads')
  const before = dims.map((_, i) => (axes.includes(i) ? pads[axes.indexOf(i)]! : 0))
  const after = dims.map((_, i) => (axes.includes(i) ? pads[axes.indexOf(i) + axes.length]! : 0))
  if (node.string('mode', 'constant') === 'constant')
    return [
      t.pad(
        dy,
        before.map((n) => -n),
        after.map((n) => -n),
      ),
    ]
  // Reflecting and repeating pads are linear maps along each axis: their transposes in turn.
  let gradient = dy
  const current = [...t.shape(node.outputs[0]!)]
  dims.forEach((size, axis) => {
    if (before[axis] === 0 && after[axis] === 0) return
    const matrix = axisMatrix(t, size, (eye) =>
      t.op('Pad', [eye, t.ints([0, before[axis]!, 0, after[axis]!])], {
        mode: node.string('mode', 'constant'),
      }),
    )
    gradient = t.contract(gradient, current, axis, matrix)
    current[axis] = size
  })
  return [gradient]
})

/** Rows picked by index. Constant indices without repeats become a cheap inverse pick. */
const gather: Rule = single((t, node, dy) => {
  const [data, indices] = node.inputs as [string, string]
  const dims = t.shape(data)
  const axis = frontAxis(node.int('axis', 0), dims.length)
  const size = dims[axis]!
  const count = t.elements(indices)
  const flat = [...dims.slice(0, axis), count, ...dims.slice(axis + 1)]
  const updates = t.reshape(dy, flat)
  const fixed = t
    .constant(indices)
    ?.numbers()
    .map((i) => (i < 0 ? i + size : i))
  if (fixed && new Set(fixed).size === fixed.length) return [t.unpick(updates, flat, axis, fixed, size)]
  if (t.opset < 16) throw unsupported(node, 'repeated indices before opset 16')
  const line = t.reshape(
    indices,
    dims.map((_, i) => (i === axis ? count : 1)),
  )
  return [t.scatterAdd(dims, t.expand(line, flat), updates, axis)]
})

const gatherElements: Rule = single((t, node, dy) => {
  const dims = t.shape(node.inputs[0]!)
  if (t.opset < 16) throw unsupported(node, 'before opset 16')
  return [t.scatterAdd(dims, node.inputs[1]!, dy, frontAxis(node.int('axis', 0), dims.length))]
})

const expand: Rule = single((t, node, dy) => [
  t.unbroadcast(dy, t.shape(node.outputs[0]!), t.shape(node.inputs[0]!)),
])

const tile: Rule = single((t, node, dy) => {
  const dims = t.shape(node.inputs[0]!)
  const out = t.shape(node.outputs[0]!)
  const paired = dims.flatMap((dim, i) => [out[i]! / dim, dim])
  const sum = t.reduceSum(
    t.reshape(dy, paired),
    range(dims.length).map((i) => 2 * i),
    false,
  )
  return [t.reshape(sum, dims)]
})

/** DepthToSpace and SpaceToDepth are each other's inverse, but for the CRD mode, which is written out. */
const depthToSpace: Rule = single((t, node, dy) => {
  const block = node.int('blocksize', 1)
  if (node.string('mode', 'DCR') === 'DCR') return [t.op('SpaceToDepth', [dy], { blocksize: { int: block } })]
  const [n, c, h, w] = t.shape(node.inputs[0]!) as [number, number, number, number]
  const split = t.reshape(dy, [n, c / block ** 2, h, block, w, block])
  return [t.reshape(t.transpose(split, [0, 1, 3, 5, 2, 4]), [n, c, h, w])]
})

export const layout: Rules = {
  Reshape: reshaped,
  Flatten: reshaped,
  Squeeze: reshaped,
  Unsqueeze: reshaped,
  Transpose: transpose,
  Concat: concat,
  Split: split,
  Slice: slice,
  Pad: pad,
  Gather: gather,
  GatherElements: gatherElements,
  Expand: expand,
  Tile: tile,
  DepthToSpace: depthToSpace,
  SpaceToDepth: single((t, node, dy) => [
    t.op('DepthToSpace', [dy], { blocksize: { int: node.int('blocksize', 1) } }),
  ]),
}
