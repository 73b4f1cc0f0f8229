/** Operators that only rearrange. Sources: ONNX Reshape, Flatten, Transpose, Squeeze, Unsqueeze, Expand, DepthToSpace. */
import { PareError } from '../../../../contract/errors'
import { nodesBefore } from '../../../layers/rewrite'
import { Tensor, type Node } from '../../../onnx'
import type { AxisRef, RewriteContext, Rule, RuleContext } from '../relations'

const axesOf = (value: string, rank: number): AxisRef[] => Array.from({ length: rank }, (_, i) => [value, i])

/** For each axis of the output: a fixed length, 'same' as the input's at that place, or 'rest'. */
function shapePlan(
  before: readonly (readonly number[])[],
  after: readonly (readonly number[])[],
): number[] | undefined {
  const first = after[0]!
  let rest = 0
  const plan = first.map((length, axis) => {
    if (after.every((dims) => dims[axis] === length)) return length
    if (after.every((dims, i) => dims[axis] === before[i]![axis])) return 0
    rest++
    return -1
  })
  return rest > 1 ? undefined : plan
}

export const reshape: Rule = {
  ops: ['Reshape'],
  relate(node, c) {
    const [x, shape] = node.inputs
    const y = node.outputs[0]
    const dims = c.dims(x)
    const out = c.dims(y)
    if (!x || !y || !dims || !out) return
    if (!c.constant(shape) && c.opset >= 5) {
      const [otherIn, otherOut] = [c.otherDims(x), c.otherDims(y)]
      const ins = otherIn ? [dims, otherIn] : [dims]
      const outs = otherOut ? [out, otherOut] : [out]
      // A shape computed at run time can be replaced only where 0 and −1 say what varies.
      if (ins.length !== outs.length || !shapePlan(ins, outs)) return
    }
    c.reshape(axesOf(x, dims.length), axesOf(y, out.length))
  },
  rewrite(node, c) {
    const [x] = node.inputs as [string]
    const y = node.outputs[0]!
    if (!c.before(y).some((_, axis) => c.kept(y, axis))) return
    const ins = [c.after(x)]
    const outs = [c.after(y)]
    const given = c.constant(node.inputs[1]) ?? node.ints('shape')
    let shape: number[] | undefined
    if (given) {
      const literalZero = node.int('allowzero', 0) === 1
      shape = given.map((entry, axis) => {
        const adapts = entry === -1 || (entry === 0 && !literalZero && ins[0]![axis] === outs[0]![axis])
        return adapts ? entry : outs[0]![axis]!
      })
    } else {
      const other = (value: string): number[] | undefined =>
        c.otherBefore(value)?.map((length, axis) => scaled(c, value, axis, length))
      const [otherIn, otherOut] = [other(x), other(y)]
      if (otherIn && otherOut) {
        ins.push(otherIn)
        outs.push(otherOut)
      }
      shape = shapePlan(ins, outs)
      if (!shape)
        throw new PareError('pass/failed', {
          pass: 'prune-channels',
          node: node.label,
          reason: `no shape of ${node.label} fits what is left of its input`,
        })
      node.attributes.delete('allowzero')
    }
    if (c.opset < 5) node.set('shape', { ints: shape })
    else c.setInts(node, 1, shape)
  },
}

/** An axis at other lengths loses the same share. */
function scaled(c: RewriteContext, value: string, axis: number, length: number): number {
  const kept = c.kept(value, axis)
  return kept ? Math.round((length * kept.length) / c.before(value)[axis]!) : length
}

export const flatten: Rule = {
  ops: ['Flatten'],
  relate(node, c) {
    const [x] = node.inputs
    const y = node.outputs[0]
    const dims = c.dims(x)
    if (x && y && dims) c.reshape(axesOf(x, dims.length), axesOf(y, 2))
  },
}

export const transpose: Rule = {
  ops: ['Transpose'],
  relate(node, c) {
    const [x] = node.inputs
    const y = node.outputs[0]
    const dims = c.dims(x)
    if (!x || !y || !dims) return
    const perm = node.ints('perm') ?? dims.map((_, i) => dims.length - 1 - i)
    perm.forEach((from, to) => c.same([x, from], [y, to]))
  },
}

/** Axes of length one come and go; the others keep their order. */
export const squeeze: Rule = {
  ops: ['Squeeze', 'Unsqueeze'],
  relate(node, c) {
    const [x] = node.inputs
    const y = node.outputs[0]
    const dims = c.dims(x)
    const out = c.dims(y)
    if (!x || !y || !dims || !out) return
    // Without axes an axis cut to one channel would vanish.
    if (node.opType === 'Squeeze' && !node.ints('axes') && !node.inputs[1]) return
    const long = (lengths: readonly number[]): number[] =>
      lengths.flatMap((length, i) => (length === 1 ? [] : [i]))
    const to = long(out)
    long(dims).forEach((from, i) => c.same([x, from], [y, to[i]!]))
  },
}

export const expand: Rule = {
  ops: ['Expand'],
  relate(node, c) {
    const [x] = node.inputs
    const dims = c.dims(x)
    const y = node.outputs[0]!
    const out = c.dims(y)
    if (!dims || !out) return
    const shift = out.length - dims.length
    for (const [axis, length] of dims.entries())
      if (length === out[axis + shift]) c.same([x!, axis], [y, axis + shift])
    for (const [axis, length] of out.entries())
      if (length !== dims[axis - shift] && isSettable(c, y, axis)) c.handled([y, axis])
  },
  rewrite: (node, c) => setLengths(node, 1, c),
}

export const filled: Rule = {
  ops: ['ConstantOfShape'],
  relate(node, c) {
    const y = node.outputs[0]!
    c.dims(y)?.forEach((_, axis) => isSettable(c, y, axis) && c.handled([y, axis]))
  },
  rewrite: (node, c) => setLengths(node, 0, c),
}

/** Whether a length that a shape names can be written anew: it must not vary from run to run. */
const isSettable = (c: RuleContext, value: string, axis: number): boolean => {
  const others = c.otherDims(value)
  return !others || others[axis] === c.dims(value)![axis]
}

/** Writes lengths that were cut into the shape a node reads; into one computed at run time too. */
function setLengths(node: Node, slot: number, c: RewriteContext): void {
  const y = node.outputs[0]!
  const shape = node.inputs[slot]!
  const given = c.constant(shape)
  const count = given?.length ?? c.before(shape)[0]!
  const shift = c.before(y).length - count
  const cut = Array.from({ length: count }, (_, i) => c.kept(y, i + shift) !== undefined)
  if (!cut.includes(true)) return
  const lengths = c.after(y).slice(shift)
  if (given) {
    const values = given.map((length, i) => (cut[i] && length !== 1 ? lengths[i]! : length))
    c.setInts(node, slot, values)
    return
  }
  const nodes = nodesBefore(c.graph, node, y)
  const which = c.graph.addInitializer(
    nodes.fresh('cut'),
    Tensor.of(
      'bool',
      [count],
      cut.map((is) => (is ? 1 : 0)),
    ),
  )
  const known = c.graph.addInitializer(nodes.fresh('lengths'), Tensor.int64(lengths))
  node.inputs[slot] = nodes.add('Where', [which, known, shape], nodes.fresh('shape'))
}

function* blockPairs(channels: number, blocks: number, channelFirst: boolean): Iterable<[number, number]> {
  for (let c = 0; c < channels; c++)
    for (let b = 0; b < blocks; b++) yield [c, channelFirst ? c * blocks + b : b * channels + c]
}

export const blocks: Rule = {
  ops: ['DepthToSpace', 'SpaceToDepth'],
  relate(node, c) {
    const [x] = node.inputs
    const y = node.outputs[0]
    const dims = c.dims(x)
    const out = c.dims(y)
    if (!x || !y || !dims || !out) return
    const deep = node.opType === 'DepthToSpace'
    const [few, many] = deep ? [y, x] : [x, y]
    const channels = (deep ? out : dims)[1]!
    c.same([x, 0], [y, 0])
    c.map(
      [few, 1],
      [many, 1],
      blockPairs(channels, node.int('blocksize', 1) ** 2, node.string('mode', 'DCR') === 'CRD'),
    )
  },
}

/** Operators through which a shape reaches another operator's shape input. */
const SHAPE_ARITHMETIC = new Set([
  'Gather',
  'Unsqueeze',
  'Squeeze',
  'Concat',
  'Cast',
  'Slice',
  'Mul',
  'Div',
  'Add',
  'Sub',
  'Identity',
  'Floor',
  'Max',
  'Min',
])

function onlyMakesShapes(node: Node, value: string, c: RuleContext): boolean {
  if (node.is('Reshape') && node.inputs[0] !== value) return true
  if (!node.is(...SHAPE_ARITHMETIC)) return false
  const output = node.outputs[0]!
  return (
    !c.graph.isOutput(output) &&
    c.graph.consumers(output).every((reader) => onlyMakesShapes(reader, output, c))
  )
}

/** Axes whose length a reader of a Shape looks at. */
function axesRead(node: Node, rank: number, c: RuleContext): number[] {
  const all = Array.from({ length: rank }, (_, i) => i)
  if (!node.is('Gather')) return all
  return c.constant(node.inputs[1])?.map((axis) => (axis + rank) % rank) ?? all
}

export const shape: Rule = {
  ops: ['Shape'],
  relate(node, c) {
    const [x] = node.inputs
    const dims = c.dims(x)
    if (!x || !dims) return
    const output = node.outputs[0]!
    const fixed = new Set<number>()
    if (c.graph.isOutput(output)) dims.forEach((_, axis) => fixed.add(axis))
    for (const reader of c.graph.consumers(output))
      if (!onlyMakesShapes(reader, output, c))
        axesRead(reader, dims.length, c).forEach((axis) => fixed.add(axis))
    dims.forEach((_, axis) => {
      if (fixed.has(axis)) c.freeze([x, axis], 'its length is used as a number')
      else c.handled([x, axis])
    })
  },
}
