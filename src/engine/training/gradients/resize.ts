/**
 * Resize of every mode. It is a linear map along each axis; its matrix is what the operator itself makes of the
 * identity, which ONNX Runtime folds into a constant. Source: ONNX Resize, Upsample.
 */
import type { Node } from '../../onnx'
import { single, unsupported, type Rule, type Rules } from './rule'
import { range, type Tape } from './tape'

/** Matrix [outputs, inputs] of a linear map along one axis; `apply` maps rows of [size, size] along axis 1. */
export function axisMatrix(t: Tape, size: number, apply: (eye: string) => string): string {
  const eye = new Float32Array(size * size)
  for (let i = 0; i < size; i++) eye[i * size + i] = 1
  return t.transpose(apply(t.floats([size, size], eye)), [1, 0])
}

const PASSED_ON = [
  'mode',
  'coordinate_transformation_mode',
  'nearest_mode',
  'cubic_coeff_a',
  'exclude_outside',
  'antialias',
]

function scalesOf(t: Tape, node: Node): number[] | undefined {
  if (node.is('Upsample'))
    return node.inputs[1] ? t.constant(node.inputs[1])?.numbers() : node.floats('scales')
  return t.constant(node.inputs[2])?.numbers()
}

const resize: Rule = single((t, node, dy) => {
  const from = t.shape(node.inputs[0]!)
  const to = t.shape(node.outputs[0]!)
  if (node.string('coordinate_transformation_mode', '') === 'tf_crop_and_resize')
    throw unsupported(node, 'cropping')
  if (node.string('keep_aspect_ratio_policy', 'stretch') !== 'stretch')
    throw unsupported(node, 'keeping aspect ratio')
  if (node.inputs[2] && !t.constant(node.inputs[2])) throw unsupported(node, 'computed scales')
  const scales = scalesOf(t, node)
  const axes = node.ints('axes') ?? range(from.length)
  let gradient = dy
  const current = [...to]
  from.forEach((size, axis) => {
    const scale = scales?.length ? scales[axes.indexOf(axis)] : undefined
    if (to[axis] === size && (scale === undefined || scale === 1)) return
    const matrix = axisMatrix(t, size, (eye) => oneAxis(t, node, eye, size, to[axis]!, scale))
    gradient = t.contract(gradient, current, axis, matrix)
    current[axis] = size
  })
  return [gradient]
})

/** The same Resize over the last axis alone: row j is what it makes of unit vector j. */
function oneAxis(
  t: Tape,
  node: Node,
  eye: string,
  size: number,
  target: number,
  scale: number | undefined,
): string {
  const attributes = Object.fromEntries([...node.attributes].filter(([name]) => PASSED_ON.includes(name)))
  const image = t.reshape(eye, [1, 1, size, size])
  const byScale = scale === undefined ? [] : [t.floats([4], [1, 1, 1, scale])]
  // Upsample takes scales second; Resize third, or sizes fourth.
  const inputs = node.is('Upsample')
    ? [image, ...byScale]
    : scale === undefined
      ? [image, '', '', t.ints([1, 1, size, target])]
      : [image, '', ...byScale]
  return t.reshape(t.op(node.opType, inputs, attributes), [size, target])
}
export const resizing: Rules = { Resize: resize, Upsample: resize }
