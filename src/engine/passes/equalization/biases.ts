/**
 * High-bias absorption: what no activation of a channel ever falls below is a constant, and moves into the bias of the
 * layer after; the range that is to be quantized then begins at nothing. Source: arXiv:1906.04721, 4.1.3, which reckons
 * the constant from BatchNormalization (mean less three deviations); here it is the least that calibration samples gave.
 */
import { calibrationBatches } from '../../data/feeds'
import { collect } from '../../layers/statistics/collect'
import { Tensor, type Graph, type Model, type Node } from '../../onnx'
import { floatsOf, type Value } from '../../runtime'
import type { PassContext } from '../pass'
import { constantAt, type Pair } from './pairs'

const SAMPLES = 128

/** Changes weights of the pairs' layers, which must be theirs alone; gives how many channels it changed. Nothing without calibration data. */
export async function absorbBiases(
  model: Model,
  pairs: readonly Pair[],
  context: PassContext,
  by: string,
): Promise<number> {
  const fitting = pairs.filter((pair) => pair.first.bias?.tensor && passesConstants(pair))
  if (fitting.length === 0 || !context.data?.splits.calibration.length) return 0
  const least = new Map(
    fitting.map(({ first }) => [first.name, new Float32Array(first.channels).fill(Infinity)]),
  )
  await collect(
    model,
    { visits: [...least].map(([name, low]) => [name, (value) => lower(low, value)] as const) },
    calibrationBatches(context, SAMPLES, by),
    { progress: () => context.progress(0, 'looking at biases') },
  )
  let count = 0
  for (const pair of fitting) {
    // Nothing was seen where it is infinite; one value that is no number makes the least none.
    const shifts = least.get(pair.first.name)!.map((low) => (low > 0 && low < Infinity ? low : 0))
    const moved = shifts.filter((shift) => shift > 0).length
    if (moved > 0) absorb(model.graph, pair, shifts, by)
    count += moved
  }
  return count
}

/** Zeros at the border are no activations: a constant does not pass them. */
const passesConstants = ({ between, second }: Pair): boolean =>
  !padsWithZeros(second.node) &&
  !between.some(
    (node) => node.is('AveragePool') && node.int('count_include_pad', 0) !== 0 && padsWithZeros(node),
  )

const padsWithZeros = (node: Node): boolean =>
  node.string('auto_pad', 'NOTSET').startsWith('SAME') || (node.ints('pads') ?? []).some((pad) => pad > 0)

/** Of a value [samples, channels, …]. */
function lower(least: Float32Array, value: Value): void {
  const values = floatsOf(value)
  const inner = value.dims.slice(2).reduce((n, d) => n * d, 1)
  for (let start = 0, c = 0; start < values.length; start += inner, c = (c + 1) % least.length)
    for (let i = start; i < start + inner; i++) least[c] = Math.min(least[c]!, values[i]!)
}

function absorb(graph: Graph, { first, second, inAxis }: Pair, shifts: Float32Array, by: string): void {
  const before = constantAt(graph, first, first.type.bias!, by)
  before.set(before.values.map((v, c) => v - shifts[c]!))
  const { dims, values } = constantAt(graph, second, second.slot, by)
  const strideOf = (axis: number): number => dims.slice(axis + 1).reduce((n, d) => n * d, 1)
  const [outer, inner] = [strideOf(second.axis), strideOf(inAxis)]
  const added = new Float32Array(second.channels)
  values.forEach((w, i) => {
    added[Math.floor(i / outer) % added.length]! += w * shifts[Math.floor(i / inner) % shifts.length]!
  })
  const slot = second.type.bias!
  if (!second.bias) {
    const { inputs } = second.node
    while (inputs.length < slot) inputs.push('')
    inputs[slot] = graph.addInitializer(`${second.name}_bias`, Tensor.float32([added.length], added))
    return
  }
  const after = constantAt(graph, second, slot, by)
  after.set(after.values.map((v, o) => v + added[o]!))
}
