/** Operators with kernels: channels in, channels out. Sources: ONNX Conv, ConvTranspose, Gemm, MatMul. */
import type { Node } from '../../../onnx'
import type { RewriteContext, Rule, RuleContext } from '../relations'

const groupsOf = (node: Node): number => node.int('group', 1)

/** Channel c of the input feeds outputs c·m … c·m+m−1 of a depthwise convolution. */
function* depthwisePairs(channels: number, multiplier: number): Iterable<[number, number]> {
  for (let c = 0; c < channels; c++) for (let m = 0; m < multiplier; m++) yield [c, c * multiplier + m]
}

function relateConv(node: Node, c: RuleContext): void {
  const [x, w, bias] = node.inputs
  const y = node.outputs[0]
  const inDims = c.dims(x)
  const kernel = c.dims(w)
  const outDims = c.dims(y)
  if (!x || !w || !y || !inDims || !kernel || !outDims) return
  const transposed = node.opType === 'ConvTranspose'
  const groups = groupsOf(node)
  const [inAxis, outAxis] = transposed ? [0, 1] : [1, 0]
  c.same([x, 0], [y, 0])
  if (bias && c.dims(bias)) {
    c.same([bias, 0], [y, 1])
    c.weight([bias, 0], 'shift')
  }
  c.weight([w, outAxis], 'produces')
  if (groups === 1) {
    c.same([w, inAxis], [x, 1])
    c.same([w, outAxis], [y, 1])
    c.weight([w, inAxis], 'consumes')
    c.contract([x, 1])
    return
  }
  const channels = inDims[1]!
  const depthwise = groups === channels
  if (depthwise) {
    c.map([x, 1], [y, 1], depthwisePairs(channels, outDims[1]! / channels))
    if (transposed) c.same([w, 0], [x, 1])
    else c.same([w, 0], [y, 1])
    if (transposed) c.weight([w, 0], 'produces')
    return
  }
  // Which columns of the kernel go differs from group to group: only this node can cut them.
  if (!c.isInitializer(w) || c.uses(w) > 1) return
  c.balance([x, 1], groups)
  c.balance([y, 1], groups)
  c.contract([x, 1])
  if (transposed) c.same([w, 0], [x, 1])
  else c.same([w, 0], [y, 1])
  c.handled([w, 1])
}

function rewriteConv(node: Node, c: RewriteContext): void {
  const groups = groupsOf(node)
  const [x, w] = node.inputs as [string, string]
  const y = node.outputs[0]!
  if (groups === 1) return
  const channels = c.before(x)[1]!
  if (groups === channels) {
    node.set('group', { int: c.after(x)[1]! })
    return
  }
  const transposed = node.opType === 'ConvTranspose'
  cutColumns(node, c, transposed ? c.kept(y, 1) : c.kept(x, 1), c.before(transposed ? y : x)[1]! / groups, {
    groups,
    rowOf: transposed ? c.kept(x, 1) : c.kept(y, 1),
    rows: c.before(transposed ? x : y)[1]!,
    kernel: c.before(w).slice(2),
  })
}

/** Axis 1 of a grouped kernel counts channels within the group of its row. */
function cutColumns(
  node: Node,
  c: RewriteContext,
  kept: Int32Array | undefined,
  perGroup: number,
  shape: { groups: number; rowOf: Int32Array | undefined; rows: number; kernel: readonly number[] },
): void {
  if (!kept) return
  const columns: number[][] = Array.from({ length: shape.groups }, () => [])
  for (const channel of kept) columns[Math.floor(channel / perGroup)]!.push(channel % perGroup)
  const width = columns[0]!.length
  const taps = shape.kernel.reduce((n, k) => n * k, 1)
  const rows = shape.rowOf ?? Int32Array.from({ length: shape.rows }, (_, i) => i)
  c.setTensor(node, 1, [rows.length, width, ...shape.kernel], (flat) => {
    const tap = flat % taps
    const column = Math.floor(flat / taps) % width
    const row = Math.floor(flat / (taps * width))
    const source = rows[row]!
    const group = Math.floor(source / (shape.rows / shape.groups))
    return (source * perGroup + columns[group]![column]!) * taps + tap
  })
}

export const convolution: Rule = { ops: ['Conv', 'ConvTranspose'], relate: relateConv, rewrite: rewriteConv }

export const gemm: Rule = {
  ops: ['Gemm'],
  relate(node, c) {
    const [a, b, bias] = node.inputs
    const y = node.outputs[0]
    if (!a || !b || !y) return
    const [m, ka] = node.int('transA', 0) ? [1, 0] : [0, 1]
    const [kb, n] = node.int('transB', 0) ? [1, 0] : [0, 1]
    c.same([a, m], [y, 0])
    c.same([a, ka], [b, kb])
    c.same([b, n], [y, 1])
    c.contract([a, ka])
    if (!c.isInitializer(b)) c.contract([b, kb])
    c.weight([b, kb], 'consumes')
    c.weight([b, n], 'produces')
    const biasDims = c.dims(bias)
    const out = c.dims(y)
    if (!bias || !biasDims || !out) return
    for (let axis = 0; axis < biasDims.length; axis++) {
      const at = axis + 2 - biasDims.length
      if (biasDims[axis] === out[at]) c.same([bias, axis], [y, at])
    }
    c.weight([bias, -1], 'shift')
  },
}

export const matmul: Rule = {
  ops: ['MatMul'],
  relate(node, c) {
    const [a, b] = node.inputs
    const y = node.outputs[0]
    const [da, db, dy] = [c.dims(a), c.dims(b), c.dims(y)]
    if (!a || !b || !y || !da || !db || !dy || da.length < 2 || db.length < 2) return
    c.same([a, -2], [y, -2])
    c.same([b, -1], [y, -1])
    c.same([a, -1], [b, -2])
    c.contract([a, -1])
    if (!c.isInitializer(b)) c.contract([b, -2])
    c.weight([b, -2], 'consumes')
    c.weight([b, -1], 'produces')
    // A weight on the left multiplies columns: its rows are the channels made.
    c.weight([a, -1], 'consumes')
    c.weight([a, -2], 'produces')
    for (const [value, dims] of [
      [a, da],
      [b, db],
    ] as const) {
      const shift = dy.length - dims.length
      for (let axis = 0; axis < dims.length - 2; axis++) {
        if (dims[axis] !== dy[axis + shift]) continue
        c.same([value, axis], [y, axis + shift])
        c.batch([value, axis])
      }
    }
  },
}
