/** Operators that put axes together, take them apart or pick from them. Sources: ONNX Concat, Split, Slice, Pad, Gather. */
import { paddingOf } from '../../../layers/padding'
import type { Node } from '../../../onnx'
import type { RewriteContext, Rule, RuleContext } from '../relations'

function* run(count: number, fromA: number, fromB: number): Iterable<[number, number]> {
  for (let i = 0; i < count; i++) yield [fromA + i, fromB + i]
}

const sameExcept = (
  c: RuleContext,
  a: string,
  b: string,
  rank: number,
  except: ReadonlySet<number>,
): void => {
  for (let axis = 0; axis < rank; axis++) if (!except.has(axis)) c.same([a, axis], [b, axis])
}

export const concat: Rule = {
  ops: ['Concat'],
  relate(node, c) {
    const y = node.outputs[0]
    const out = c.dims(y)
    if (!y || !out || out.length === 0) return
    const axis = (node.int('axis', 0) + out.length) % out.length
    let at = 0
    for (const input of node.inputs) {
      const dims = c.dims(input)
      if (!dims) return
      c.map([input, axis], [y, axis], run(dims[axis]!, 0, at))
      sameExcept(c, input, y, out.length, new Set([axis]))
      at += dims[axis]!
    }
  },
}

export const split: Rule = {
  ops: ['Split'],
  relate(node, c) {
    const [x] = node.inputs
    const dims = c.dims(x)
    if (!x || !dims) return
    const axis = (node.int('axis', 0) + dims.length) % dims.length
    let at = 0
    for (const output of node.outputs) {
      const own = c.dims(output)
      if (!own) return
      c.map([output, axis], [x, axis], run(own[axis]!, 0, at))
      sameExcept(c, output, x, dims.length, new Set([axis]))
      at += own[axis]!
    }
  },
  rewrite(node, c) {
    const x = node.inputs[0]!
    const rank = c.before(x).length
    const axis = (node.int('axis', 0) + rank) % rank
    if (!c.kept(x, axis)) return
    const sizes = node.outputs.map((output) => c.after(output)[axis]!)
    node.attributes.delete('num_outputs')
    if (c.opset >= 13) c.setInts(node, 1, sizes)
    else node.set('split', { ints: sizes })
  },
}

interface Window {
  axes: number[]
  /** Clamped to the axis. */
  starts: number[]
  ends: number[]
  given: { starts: readonly number[]; ends: readonly number[] }
}

/** Constant windows with step 1, clamped; undefined for all others. */
function windowOf(
  node: Node,
  dims: readonly number[],
  opset: number,
  read: RuleContext['constant'],
): Window | undefined {
  const starts = opset < 10 ? node.ints('starts') : read(node.inputs[1])
  const ends = opset < 10 ? node.ints('ends') : read(node.inputs[2])
  if (!starts || !ends) return undefined
  const given =
    opset < 10 ? node.ints('axes') : node.inputs[3] ? read(node.inputs[3]) : starts.map((_, i) => i)
  const axes = (given ?? starts.map((_, i) => i)).map((axis) => (axis + dims.length) % dims.length)
  const steps = opset >= 10 && node.inputs[4] ? read(node.inputs[4]) : starts.map(() => 1)
  if (!steps || steps.some((step) => step !== 1)) return undefined
  const clamp = (at: number, length: number): number =>
    Math.max(0, Math.min(length, at < 0 ? at + length : at))
  return {
    axes,
    starts: starts.map((at, i) => clamp(at, dims[axes[i]!]!)),
    ends: ends.map((at, i) => clamp(at, dims[axes[i]!]!)),
    given: { starts, ends },
  }
}

export const slice: Rule = {
  ops: ['Slice'],
  relate(node, c) {
    const [x] = node.inputs
    const y = node.outputs[0]
    const dims = c.dims(x)
    if (!x || !y || !dims) return
    const window = windowOf(node, dims, c.opset, (value) => c.constant(value))
    if (!window) {
      const axes = c.opset < 10 ? node.ints('axes') : c.constant(node.inputs[3])
      if (axes)
        sameExcept(c, x, y, dims.length, new Set(axes.map((axis) => (axis + dims.length) % dims.length)))
      return
    }
    sameExcept(c, x, y, dims.length, new Set(window.axes))
    window.axes.forEach((axis, i) => {
      const from = window.starts[i]!
      c.map([y, axis], [x, axis], run(window.ends[i]! - from, 0, from))
    })
  },
  rewrite(node, c) {
    const x = node.inputs[0]!
    const window = windowOf(node, c.before(x), c.opset, (value) => c.constant(value))
    if (!window?.axes.some((axis) => c.kept(x, axis))) return
    // The lengths of other axes may vary: what is said of them stays as it is.
    const starts = [...window.given.starts]
    const ends = [...window.given.ends]
    window.axes.forEach((axis, i) => {
      const kept = c.kept(x, axis)
      if (!kept) return
      starts[i] = kept.filter((at) => at < window.starts[i]!).length
      ends[i] = kept.filter((at) => at < window.ends[i]!).length
    })
    if (c.opset < 10) {
      node.set('starts', { ints: starts })
      node.set('ends', { ints: ends })
    } else {
      c.setInts(node, 1, starts)
      c.setInts(node, 2, ends)
    }
  },
}

export const pad: Rule = {
  ops: ['Pad'],
  relate(node, c) {
    const [x] = node.inputs
    const y = node.outputs[0]
    const dims = c.dims(x)
    if (!x || !y || !dims) return
    const pads = paddingOf(node, dims.length, c.opset, (value) => c.constant(value))
    if (!pads) return
    const constant = node.string('mode', 'constant') === 'constant'
    for (let axis = 0; axis < dims.length; axis++) {
      const [before, after] = [pads.before[axis]!, pads.after[axis]!]
      if (before === 0 && after === 0) c.same([x, axis], [y, axis])
      else if (constant && before >= 0 && after >= 0) c.map([x, axis], [y, axis], run(dims[axis]!, 0, before))
    }
  },
  rewrite(node, c) {
    const [x] = node.inputs as [string]
    const y = node.outputs[0]!
    const dims = c.before(x)
    const pads = paddingOf(node, dims.length, c.opset, (value) => c.constant(value))
    if (!pads || !dims.some((_, axis) => c.kept(y, axis))) return
    for (let axis = 0; axis < dims.length; axis++) {
      const kept = c.kept(y, axis)
      if (!kept) continue
      const from = pads.before[axis]!
      pads.before[axis] = kept.filter((at) => at < from).length
      pads.after[axis] = kept.filter((at) => at >= from + dims[axis]!).length
    }
    const all = [...pads.before, ...pads.after]
    if (c.opset < 11) node.set('pads', { ints: all })
    else {
      c.setInts(node, 1, all)
      if (node.inputs[3]) node.inputs[3] = ''
    }
  },
}

export const gather: Rule = {
  ops: ['Gather'],
  relate(node, c) {
    const [x, index] = node.inputs
    const y = node.outputs[0]
    const dims = c.dims(x)
    const indexDims = c.dims(index)
    if (!x || !y || !dims || !indexDims || !index) return
    const axis = (node.int('axis', 0) + dims.length) % dims.length
    for (let i = 0; i < axis; i++) c.same([x, i], [y, i])
    for (let i = axis + 1; i < dims.length; i++) c.same([x, i], [y, i - 1 + indexDims.length])
    for (let i = 0; i < indexDims.length; i++) if (!c.isInitializer(index)) c.same([index, i], [y, axis + i])
    const picked = c.constant(index)?.map((at) => (at < 0 ? at + dims[axis]! : at))
    if (!picked || !c.isInitializer(index) || indexDims.length > 1) return
    if (indexDims.length === 0) {
      c.freeze([x, axis], 'a Gather picks it', picked)
      return
    }
    c.map(
      [y, axis],
      [x, axis],
      picked.map((at, i) => [i, at] as const),
    )
    c.handled([index, 0])
  },
  rewrite: rewriteGather,
}

function rewriteGather(node: Node, c: RewriteContext): void {
  const [x] = node.inputs as [string]
  const dims = c.before(x)
  const axis = (node.int('axis', 0) + dims.length) % dims.length
  const kept = c.kept(x, axis)
  const picked = c.constant(node.inputs[1])
  if (!kept || !picked) return
  const place = new Map([...kept].map((at, i) => [at, i]))
  const moved = picked.map((at) => place.get(at < 0 ? at + dims[axis]! : at))
  const scalar = c.before(node.inputs[1]!).length === 0
  const stays = moved.filter((at): at is number => at !== undefined)
  c.setInts(node, 1, stays, scalar ? [] : [stays.length])
}
