/**
 * Time of one inference on a device that is not here, relative to the original's on the same device: operator by
 * operator, what multiplies and what moves. An estimate, never a measurement, and said so wherever it is shown.
 *
 * time of a node = overhead + max(multiply-accumulates / throughput of its type, bytes it moves / bandwidth)
 * (the roofline: Williams et al., Communications of the ACM 52/4, 2009).
 */
import type { LatencyEstimate } from '../../contract/report'
import { isFloat, readModel, type Model, type Node } from '../onnx'
import { macsOf } from '../runtime/macs'
import { traceShapes, type TracedValue } from '../runtime/trace'
import type { Values } from '../runtime/value'
import { codeOperator, quantizes, restores } from '../layers/encodings'
import { weightsWithBodies } from '../layers/costs/costs'
import { feedsFor } from '../runtime/samples'
import { HOST_CPU, type ArithmeticType, type Device } from '../targets/device'
import type { Target } from '../targets/target'
import { arithmeticOf } from './energy'

type Traced = ReadonlyMap<string, TracedValue>

/** Bytes of an element as it lies in memory. */
const WIDTH: Readonly<Record<string, number>> = {
  float64: 8,
  int64: 8,
  uint64: 8,
  float32: 4,
  int32: 4,
  uint32: 4,
  float16: 2,
  bfloat16: 2,
  int16: 2,
  uint16: 2,
}

const elements = ({ dims }: TracedValue): number => dims.reduce((n, d) => n * d, 1)

/** Operators that only rename memory. */
const FREE = new Set(['Reshape', 'Flatten', 'Squeeze', 'Unsqueeze', 'Identity', 'Dropout', 'Shape'])

/** A node that costs something, and its seconds in any arithmetic. */
interface NodeCost {
  node: Node
  /** What it multiplies in as the model is. */
  type: ArithmeticType
  seconds(type: ArithmeticType): number
}

/** What each node costs at the traced shapes (batch 1); nodes that the runtime folds or fuses are left out. */
export function nodeCosts(model: Model, traced: Traced, device: Device): NodeCost[] {
  const { graph } = model
  const producers = graph.producers()
  const consumers = graph.consumerMap()
  const isBetween = (value: string): boolean =>
    restores(producers.get(value)) || (consumers.get(value) ?? []).some(quantizes)
  /** Between QuantizeLinear pairs values travel as bytes, whatever type the graph shows. */
  const bytes = (value: string | undefined): number => {
    const known = value ? traced.get(value) : undefined
    if (!known) return 0
    return elements(known) * (isFloat(known.dtype) && isBetween(value!) ? 1 : (WIDTH[known.dtype] ?? 1))
  }
  return [...weightsWithBodies(model, traced)]
    .filter(([node]) => !FREE.has(node.opType) && !isFused(node, producers))
    .map(([node, weights]) => {
      const own = new Set(weights.map(({ value }) => value))
      const values = [...node.inputs.filter((input) => !own.has(input)), ...node.outputs]
      const moved = values.reduce((n, value) => n + bytes(value), 0)
      const macs = macsOf(node, traced) ?? 0
      const seconds = (type: ArithmeticType): number => {
        const read = weights.reduce((n, weight) => n + weightBytes(weight.parameters, type, node), 0)
        const compute = macs / (device.macsPerSecond * device.speed[type])
        return device.overhead + Math.max(compute, (moved + read) / device.bytesPerSecond)
      }
      return { node, type: arithmeticOf(node, producers, consumers, traced), seconds }
    })
}

/** Seconds of one run at the traced shapes (batch 1). */
export const modelledSeconds = (model: Model, traced: Traced, device: Device): number =>
  nodeCosts(model, traced, device).reduce((sum, { type, seconds }) => sum + seconds(type), 0)

/** Stored small is not read small: what plain operators unpack is unpacked once, when the model is loaded. */
function weightBytes(parameters: number, type: ArithmeticType, node: Node): number {
  const bits = codeOperator(node)?.bits?.(node)
  if (bits !== undefined) return (parameters * bits) / 8
  return parameters * { float32: 4, float16: 2, int8: 1 }[type]
}

/** The pairs around an integer operator become part of it; so do normalization and Relu behind a convolution. */
function isFused(node: Node, producers: ReadonlyMap<string, Node>): boolean {
  if (restores(node)) return true
  const before = producers.get(node.inputs[0] ?? '')
  if (node.is('BatchNormalization')) return before?.is('Conv') ?? false
  if (node.is('Relu', 'Clip'))
    return before?.is('Conv', 'Gemm', 'QLinearConv', 'FusedConv', 'BatchNormalization') ?? false
  if (!quantizes(node) || !before) return false
  const source = before.is('Relu', 'Clip') ? producers.get(before.inputs[0] ?? '') : before
  return restores(producers.get(source?.inputs[0] ?? ''))
}

const secondsOf = async (path: string, sample: Values, device: Device): Promise<number> => {
  const model = readModel(path)
  return modelledSeconds(model, await traceShapes(model, { feeds: feedsFor(model, sample) }), device)
}

/** The candidate's time over the original's on a machine like this one, by path: to plan with, never shown. */
export const operatorCost = async (original: string, candidate: string, sample: Values): Promise<number> =>
  (await secondsOf(candidate, sample, HOST_CPU)) / (await secondsOf(original, sample, HOST_CPU))

/** Candidates against the original on the target's device, by path; undefined where the target is this machine. */
export async function latencyEstimates(
  original: string,
  candidates: readonly string[],
  { id, device }: Target,
  sample: Values,
): Promise<(LatencyEstimate | undefined)[]> {
  if (!device) return candidates.map(() => undefined)
  const before = await secondsOf(original, sample, device)
  const estimates: LatencyEstimate[] = []
  for (const candidate of candidates) {
    const ratio = (await secondsOf(candidate, sample, device)) / before
    estimates.push({ target: id, ratio, source: device.source })
  }
  return estimates
}
