/** Layers and other products: channels in, channels out. Sources: ONNX Conv, ConvTranspose, Gemm, MatMul. */
import { kindOf } from '../../../layers/kinds'
import type { Geometry } from '../../../layers/kinds/kind'
import { sizeOf, type Node } from '../../../onnx'
import type { RewriteContext, Rule, RuleContext } from '../relations'
import { relateBroadcast } from './elementwise'

function geometryOf(node: Node, dims: readonly number[] | undefined): Geometry | undefined {
  const geometry = dims && kindOf(node)!.geometry(node, dims, 1)
  return typeof geometry === 'string' ? undefined : geometry
}

/** Channel c of the input feeds outputs c·m … c·m+m−1 of a depthwise convolution. */
function* depthwisePairs(channels: number, multiplier: number): Iterable<[number, number]> {
  for (let c = 0; c < channels; c++) for (let m = 0; m < multiplier; m++) yield [c, c * multiplier + m]
}

function relateConv(node: Node, c: RuleContext): void {
  const [x, w, bias] = node.inputs
  const y = node.outputs[0]
  const geometry = geometryOf(node, c.dims(w))
  const channels = c.dims(x)?.[1]
  const made = c.dims(y)?.[1]
  if (!x || !w || !y || !geometry || !channels || !made) return
  const { inAxis, outAxis, groups } = geometry
  c.same([x, 0], [y, 0])
  if (bias && c.dims(bias)) c.same([bias, 0], [y, 1])
  if (groups === 1) {
    c.same([w, inAxis], [x, 1])
    c.same([w, outAxis], [y, 1])
    c.contract([x, 1])
    return
  }
  const depthwise = groups === channels
  // Which columns of the kernel go differs from group to group: only this node can cut them.
  if (!depthwise && !(c.isInitializer(w) && c.isReadOnce(w))) return
  c.same([w, 0], [inAxis === 0 ? x : y, 1])
  if (depthwise) {
    c.map([x, 1], [y, 1], depthwisePairs(channels, made / channels))
    return
  }
  c.balance([x, 1], groups)
  c.balance([y, 1], groups)
  c.contract([x, 1])
  c.handled([w, 1])
}

function rewriteConv(node: Node, c: RewriteContext): void {
  const [x, w] = node.inputs as [string, string]
  const { groups, inAxis } = geometryOf(node, c.before(w))!
  if (groups === 1) return
  if (groups === c.before(x)[1]) node.set('group', { int: c.after(x)[1]! })
  else cutColumns(node, c, groups, inAxis === 0 ? [x, node.outputs[0]!] : [node.outputs[0]!, x])
}

/** Axis 0 of a grouped kernel counts the channels of `byRow`, axis 1 those of `byColumn` within the group of the row. */
function cutColumns(
  node: Node,
  c: RewriteContext,
  groups: number,
  [byRow, byColumn]: [string, string],
): void {
  const kept = c.kept(byColumn, 1)
  if (!kept) return
  const [count, perGroup, ...kernel] = c.before(node.inputs[1]!) as [number, number, ...number[]]
  const columns: number[][] = Array.from({ length: groups }, () => [])
  for (const channel of kept) columns[Math.floor(channel / perGroup)]!.push(channel % perGroup)
  const width = columns[0]!.length
  const taps = sizeOf(kernel)
  const rows = c.kept(byRow, 1) ?? Int32Array.from({ length: count }, (_, i) => i)
  c.setTensor(node, 1, [rows.length, width, ...kernel], (flat) => {
    const row = rows[Math.floor(flat / (taps * width))]!
    const column = columns[Math.floor(row / (count / groups))]![Math.floor(flat / taps) % width]!
    return (row * perGroup + column) * taps + (flat % taps)
  })
}

export const convolution: Rule = { ops: ['Conv', 'ConvTranspose'], relate: relateConv, rewrite: rewriteConv }

export const product: Rule = {
  ops: ['Gemm', 'MatMul'],
  relate(node, c) {
    const [a, b, bias] = node.inputs
    const y = node.outputs[0]
    const [da, db, dy] = [c.dims(a), c.dims(b), c.dims(y)]
    const geometry = geometryOf(node, db)
    if (!a || !b || !y || !geometry || !da || !db || !dy || da.length < 2) return
    const { inAxis, outAxis } = geometry
    const [row, column] = kindOf(node)!.turnsInput?.(node) ? [-1, -2] : [-2, -1]
    c.same([a, row], [y, -2])
    c.same([b, outAxis], [y, -1])
    c.same([a, column], [b, inAxis])
    c.contract([a, column])
    if (!c.isInitializer(b)) c.contract([b, inAxis])
    if (bias) relateBroadcast(node, c, [bias])
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
