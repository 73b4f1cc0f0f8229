/** What float16 can hold, and which parts of a model must therefore stay in float32. */
import { isQuantized } from '../../layers/encodings'
import { STANDS_FOR_INFINITY } from '../../layers/encodings/float16-stored'
import type { Model, Node } from '../../onnx'
import { collect } from '../../layers/statistics/collect'
import { floatsOf, type Value, type Values } from '../../runtime'

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

/** Largest magnitude of each value on the given batches; what stands for infinity does not count. */
export async function reaches(
  model: Model,
  names: readonly string[],
  batches: () => Iterable<Values>,
): Promise<Map<string, number>> {
  const found = new Map<string, number>()
  const visit = (name: string, value: Value): void => {
    let largest = found.get(name) ?? 0
    const data = floatsOf(value)
    for (let i = 0; i < data.length; i++) {
      const size = Math.abs(data[i]!)
      if (size > largest && size < STANDS_FOR_INFINITY) largest = size
    }
    found.set(name, largest)
  }
  const visits = names.map((name) => [name, (value: Value) => visit(name, value)] as const)
  await collect(model, { visits }, batches)
  return found
}
