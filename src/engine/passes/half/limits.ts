/** What float16 can hold, and which parts of a model must therefore stay in float32. */
import { isQuantized } from '../../layers/encodings'
import type { Model, Node, Tensor } from '../../onnx'
import { streamActivations, floatsOf, type Values } from '../../runtime'

/** Largest finite float16. Source: IEEE 754. */
export const LARGEST_HALF = 65504

/** Magnitudes from here on stand for infinity: attention masks are filled with −3.4e38. */
const STANDS_FOR_INFINITY = 1e30

/** What such a number becomes: half the range, so that a score added to it stays finite. */
const MASK = LARGEST_HALF / 2

/** Operators without a float16 form, and what hinders it. Source: type constraints in ONNX Operators.md. */
const FLOAT32_ONLY: Readonly<Record<string, string>> = {
  Resize: 'positions are computed from its scales, which float16 rounds too coarsely',
  Upsample: 'positions are computed from its scales, which float16 rounds too coarsely',
  GridSample: 'positions in large images need more than 11 bits',
  RoiAlign: 'positions in large images need more than 11 bits',
  NonMaxSuppression: 'the operator is defined for float32 only',
  Range: 'the operator is not defined for float16',
  CumSum: 'a long sum in float16 stops growing',
  IsInf: 'the operator is not defined for float16 everywhere',
  MelWeightMatrix: 'the operator is part of sound preprocessing in float32',
  STFT: 'the operator is part of sound preprocessing in float32',
  DFT: 'the operator is part of sound preprocessing in float32',
  RandomNormal: 'it draws numbers of a stated type',
  RandomNormalLike: 'it draws numbers of a stated type',
  RandomUniform: 'it draws numbers of a stated type',
  RandomUniformLike: 'it draws numbers of a stated type',
  Bernoulli: 'it draws numbers of a stated type',
  Multinomial: 'it draws numbers of a stated type',
  EyeLike: 'it makes numbers of a stated type',
}

/** Why a node stays in float32 by its kind alone; undefined where nothing hinders. */
export function hindrance(node: Node): string | undefined {
  if (node.subgraphs().length > 0) return 'it holds an inner graph, which computes in float32'
  if (node.domain !== '') return `${node.domain} operators are kept as they are`
  if (isQuantized(node)) return 'it belongs to the quantized part of the model'
  // It loads, and fails when it runs.
  if (node.is('ScatterND', 'ScatterElements') && node.string('reduction', 'none') !== 'none')
    return 'ONNX Runtime combines what is scattered in float32 only'
  return node.among(FLOAT32_ONLY)
}

/** Values of a float32 constant as float16 can hold them, or how far they reach beyond it. */
export function fitHalf(tensor: Tensor): { values: Float32Array } | { reaches: number } {
  const source = tensor.floats()
  let reaches = 0
  let masks = false
  for (let i = 0; i < source.length; i++) {
    const size = Math.abs(source[i]!)
    if (size <= reaches) continue
    if (size < STANDS_FOR_INFINITY) reaches = size
    else if (size < Infinity) masks = true
  }
  if (reaches > LARGEST_HALF) return { reaches }
  return { values: masks ? source.map(maskValue) : source }
}

const maskValue = (value: number): number =>
  Math.abs(value) >= STANDS_FOR_INFINITY && Number.isFinite(value) ? Math.sign(value) * MASK : value

/** Largest magnitude of each value on the given batches; what stands for infinity does not count. */
export async function reaches(
  model: Model,
  names: readonly string[],
  batches: () => Iterable<Values>,
): Promise<Map<string, number>> {
  const found = new Map<string, number>()
  await streamActivations(model, names, batches, (name, value) => {
    let largest = found.get(name) ?? 0
    const data = floatsOf(value)
    for (let i = 0; i < data.length; i++) {
      const size = Math.abs(data[i]!)
      if (size > largest && size < STANDS_FOR_INFINITY) largest = size
    }
    found.set(name, largest)
  })
  return found
}
