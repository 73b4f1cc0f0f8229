/** What changed in each operator set, as edits. Source: ONNX Changelog.md. */
import { Node } from './node'
import type { Lift } from './lift'
import { Tensor } from './tensor'

export type Rule = (node: Node, lift: Lift) => void

/** Operators that left ONNX before version 10. */
export const NEVER_LIFTED: ReadonlySet<string> = new Set([
  'ATen',
  'Affine',
  'ConstantFill',
  'Crop',
  'DynamicSlice',
  'GRUUnit',
  'GivenTensorFill',
  'ImageScaler',
  'ParametricSoftplus',
  'Scale',
  'ScaledTanh',
])

/** Puts `value` at `slot`, absent inputs before it filled up. */
function setInput(node: Node, slot: number, value: string): void {
  while (node.inputs.length <= slot) node.inputs.push('')
  node.inputs[slot] = value
}

/** An attribute that became an input: `axes` of the reductions, `split`, `k` … */
const intsToInput =
  (attribute: string, slot: number): Rule =>
  (node, lift) => {
    const value = node.int(attribute)
    const values = node.ints(attribute) ?? (value === undefined ? undefined : [value])
    node.attributes.delete(attribute)
    if (values) setInput(node, slot, lift.ints(`${node.outputs[0]}_${attribute}`, values))
  }

/** Softmax used to see its input as a matrix [before axis, from axis on]. Without the rank it is made one. */
const flattenedSoftmax: Rule = (node, lift) => {
  const axis = node.int('axis', 1)
  const rank = lift.rankOf(node.inputs[0]!)
  if (axis === -1 || (rank !== undefined && (axis + rank) % rank === rank - 1)) {
    node.set('axis', { int: -1 })
    return
  }
  const [input, output] = [node.inputs[0]!, node.outputs[0]!]
  const [shape, flat, soft] = ['shape', 'flat', 'soft'].map((part) => lift.fresh(`${output}_${part}`)) as [
    string,
    string,
    string,
  ]
  lift.before(new Node({ opType: 'Shape', name: lift.fresh('Shape'), inputs: [input], outputs: [shape] }))
  lift.before(
    new Node({
      opType: 'Flatten',
      name: lift.fresh('Flatten'),
      inputs: [input],
      outputs: [flat],
      attributes: { axis: { int: axis } },
    }),
  )
  node.set('axis', { int: -1 })
  node.inputs[0] = flat
  node.outputs[0] = soft
  lift.after(
    new Node({ opType: 'Reshape', name: lift.fresh('Reshape'), inputs: [soft, shape], outputs: [output] }),
  )
}

/** `min` and `max` take the type of the input, which is float in models this old. */
const clipBounds: Rule = (node, lift) => {
  ;['min', 'max'].forEach((bound, i) => {
    const value = node.float(bound)
    node.attributes.delete(bound)
    if (value !== undefined)
      setInput(node, i + 1, lift.add(`${node.outputs[0]}_${bound}`, Tensor.float32([], [value])))
  })
}

const padInputs: Rule = (node, lift) => {
  intsToInput('pads', 1)(node, lift)
  const value = node.float('value')
  node.attributes.delete('value')
  if (value) setInput(node, 2, lift.add(`${node.outputs[0]}_value`, Tensor.float32([], [value])))
}

const sliceInputs: Rule = (node, lift) => {
  for (const [slot, name] of ['starts', 'ends', 'axes'].entries()) intsToInput(name, slot + 1)(node, lift)
}

const dropoutRatio: Rule = (node, lift) => {
  const ratio = node.float('ratio')
  node.attributes.delete('ratio')
  if (lift.from < 10 && lift.isUsed(node.outputs[1])) lift.refuse(node, 'its mask changed its type')
  if (ratio !== undefined)
    setInput(node, 1, lift.add(`${node.outputs[0]}_ratio`, Tensor.float32([], [ratio])))
}

const upsampleScales: Rule = (node, lift) => {
  const scales = node.floats('scales')
  node.attributes.delete('scales')
  if (scales)
    setInput(node, 1, lift.add(`${node.outputs[0]}_scales`, Tensor.float32([scales.length], scales)))
}

const upsampleToResize: Rule = (node) => {
  node.opType = 'Resize'
}

/** Version 10 counted pixels from their corner and, shrinking, took the next one up. */
const resizeCorners: Rule = (node, lift) => {
  const scales = lift.constant(node.inputs[1])?.numbers()
  const nearest = node.string('mode', 'nearest') === 'nearest'
  const grows = scales?.every((scale) => scale >= 1)
  if (nearest && !scales) lift.refuse(node, 'its scales are not constant')
  if (nearest && !grows && scales!.some((scale) => scale > 1))
    lift.refuse(node, 'it grows one side and shrinks another')
  node.set('coordinate_transformation_mode', 'asymmetric')
  if (nearest) node.set('nearest_mode', grows ? 'floor' : 'ceil')
  node.inputs = [
    node.inputs[0]!,
    lift.add(`${node.outputs[0]}_roi`, Tensor.float32([0], [])),
    node.inputs[1]!,
  ]
}

const resizeModes: Rule = (node, lift) => {
  if (node.string('coordinate_transformation_mode') === 'tf_half_pixel_for_nn')
    lift.refuse(node, 'its coordinate mode tf_half_pixel_for_nn is gone')
}

const batchNormSpatial: Rule = (node, lift) => {
  if (node.int('spatial', 1) !== 1) lift.refuse(node, 'it normalizes each position apart (spatial = 0)')
  node.attributes.delete('spatial')
}

const batchNormInference: Rule = (node, lift) => {
  if (node.outputs.slice(1).some((output) => lift.isUsed(output))) lift.refuse(node, 'it is in training mode')
  node.outputs = [node.outputs[0]!]
}

const scatter: Rule = (node) => {
  node.opType = 'ScatterElements'
}

const oldScan: Rule = (node, lift) => lift.refuse(node, 'its batch axis and lengths are gone')

const splitCount: Rule = (node) => {
  if (!node.inputs[1]) node.set('num_outputs', { int: node.outputs.length })
}

const roiHalfPixel: Rule = (node) => node.set('coordinate_transformation_mode', 'output_half_pixel')

const gridModes: Rule = (node) => {
  const renamed: Record<string, string> = { bilinear: 'linear', bicubic: 'cubic' }
  const mode = node.string('mode', 'bilinear')
  node.set('mode', renamed[mode] ?? mode)
}

const dftAxis: Rule = (node, lift) => {
  const axis = node.int('axis', 1)
  node.attributes.delete('axis')
  setInput(node, 2, lift.add(`${node.outputs[0]}_axis`, Tensor.int64([axis], [])))
}

/** Scale and bias became per channel: each group's is repeated for the channels of the group. */
const groupNormChannels: Rule = (node, lift) => {
  const groups = node.int('num_groups', 1)
  const add = (opType: string, inputs: string[], attributes = {}): string => {
    const output = lift.fresh(`${node.outputs[0]}_${opType}`)
    lift.before(new Node({ opType, name: lift.fresh(opType), inputs, outputs: [output], attributes }))
    return output
  }
  const channels = add('Shape', [node.inputs[0]!], { start: { int: 1 }, end: { int: 2 } })
  const count = lift.ints(`${node.outputs[0]}_groups`, [groups])
  const each = add('Div', [channels, count])
  const grid = add('Concat', [count, each], { axis: { int: 0 } })
  const column = lift.ints(`${node.outputs[0]}_column`, [groups, 1])
  const flat = lift.ints(`${node.outputs[0]}_flat`, [-1])
  for (const slot of [1, 2]) {
    const spread = add('Expand', [add('Reshape', [node.inputs[slot]!, column]), grid])
    node.inputs[slot] = add('Reshape', [spread, flat])
  }
}

const axesOfReductions = Object.fromEntries(
  [
    'ReduceL1',
    'ReduceL2',
    'ReduceLogSum',
    'ReduceLogSumExp',
    'ReduceMax',
    'ReduceMean',
    'ReduceMin',
    'ReduceProd',
    'ReduceSumSquare',
  ].map((op) => [op, intsToInput('axes', 1)]),
)

/** Operator set → operator → the edit that brings a node over from the set before. */
export const RULES: Readonly<Record<number, Readonly<Record<string, Rule>>>> = {
  9: { BatchNormalization: batchNormSpatial, Scan: oldScan, Upsample: upsampleScales },
  10: { Slice: sliceInputs, TopK: intsToInput('k', 1), Upsample: upsampleToResize },
  11: { Clip: clipBounds, Pad: padInputs, Resize: resizeCorners, Scatter: scatter },
  12: { Dropout: dropoutRatio },
  13: {
    Hardmax: flattenedSoftmax,
    LogSoftmax: flattenedSoftmax,
    ReduceSum: intsToInput('axes', 1),
    Resize: resizeModes,
    Softmax: flattenedSoftmax,
    Split: intsToInput('split', 1),
    Squeeze: intsToInput('axes', 1),
    Unsqueeze: intsToInput('axes', 1),
  },
  14: { BatchNormalization: batchNormInference },
  16: { RoiAlign: roiHalfPixel },
  18: { ...axesOfReductions, Split: splitCount },
  20: { DFT: dftAxis, GridSample: gridModes },
  21: { GroupNormalization: groupNormChannels },
}
