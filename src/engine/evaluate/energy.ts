/**
 * Energy of one inference, estimated from operation counts; nothing here is measured.
 * Source: M. Horowitz, "Computing's energy problem (and what we can do about it)", ISSCC 2014, 45 nm at 0.9 V:
 * add int8 0.03 pJ, int32 0.1, fp16 0.4, fp32 0.9; multiply int8 0.2, fp16 1.1, fp32 3.7; a 32-bit DRAM access
 * 640 pJ (as given in Han et al., arXiv:1510.00149, from the same source).
 */
import { codeOperator, quantizes, restores } from '../layers/encodings'
import type { Model, Node } from '../onnx'
import { macsOf } from '../runtime/macs'
import type { TracedValue } from '../runtime/trace'
import { weightsWithBodies } from '../layers/costs/costs'
import type { ArithmeticType } from '../targets/device'

/** Picojoule of a multiply and the add that accumulates it: int8 into int32, floats into their own type. */
const MAC_PICOJOULES: Readonly<Record<ArithmeticType, number>> = {
  int8: 0.2 + 0.1,
  float16: 1.1 + 0.4,
  float32: 3.7 + 0.9,
}

const DRAM_PICOJOULES_PER_BYTE = 640 / 4

const ENERGY_SOURCE =
  'Estimate, not a measurement: multiply-accumulates by type and every weight read once from DRAM, at the ' +
  'energies of M. Horowitz, ISSCC 2014 (45 nm).'

interface Energy {
  /** Null where multiply-accumulates are not known. */
  microjoules: number | null
  /** Share of it that goes into reading weights. */
  memoryShare: number
  macs: Record<ArithmeticType, number>
  weightBytes: number
  source: string
}

/** Energy of one run of `model` at the traced shapes (batch 1). */
export function estimateEnergy(model: Model, traced: ReadonlyMap<string, TracedValue>): Energy {
  const { graph } = model
  const producers = graph.producers()
  const consumers = graph.consumerMap()
  const macs: Record<ArithmeticType, number> = { int8: 0, float16: 0, float32: 0 }
  const weights = new Map<string, number>()
  let known = true
  for (const [node, own] of weightsWithBodies(model, traced)) {
    const count = macsOf(node, traced)
    known &&= count !== null
    macs[arithmeticOf(node, producers, consumers, traced)] += count ?? 0
    for (const { roots, bytes } of own) weights.set(roots.join(), bytes)
  }
  const weightBytes = [...weights.values()].reduce((a, b) => a + b, 0)
  const types = Object.keys(macs) as ArithmeticType[]
  const compute = types.reduce((sum, type) => sum + macs[type] * MAC_PICOJOULES[type], 0)
  const memory = weightBytes * DRAM_PICOJOULES_PER_BYTE
  const total = compute + memory
  return {
    microjoules: known ? total / 1e6 : null,
    memoryShare: total > 0 ? memory / total : 0,
    macs,
    weightBytes,
    source: ENERGY_SOURCE,
  }
}

/** The type a node multiplies in. Q/DQ pairs around it mean integers, as ONNX Runtime fuses them. */
export function arithmeticOf(
  node: Node,
  producers: ReadonlyMap<string, Node>,
  consumers: ReadonlyMap<string, Node[]>,
  traced: ReadonlyMap<string, TracedValue>,
): ArithmeticType {
  const coded = codeOperator(node)?.arithmetic?.(node)
  if (coded) return coded
  const isBytes = (value: string | undefined): boolean => {
    const before = producers.get(value ?? '')
    const dtype = restores(before) ? traced.get(before!.inputs[0]!)?.dtype : undefined
    return dtype === 'int8' || dtype === 'uint8'
  }
  // Products take a float result; a convolution is an integer one only when its result is quantized again.
  const fused = node.opType !== 'Conv' || isQuantized(node.outputs[0]!, consumers)
  if (isBytes(node.inputs[0]) && isBytes(node.inputs[1]) && fused) return 'int8'
  const dtype = traced.get(node.inputs[0] ?? '')?.dtype
  return dtype === 'float16' || dtype === 'bfloat16' ? 'float16' : 'float32'
}

function isQuantized(value: string, consumers: ReadonlyMap<string, Node[]>): boolean {
  const readers = consumers.get(value) ?? []
  return (
    readers.length > 0 &&
    readers.every(
      (reader) =>
        quantizes(reader) ||
        (['Relu', 'Clip'].includes(reader.opType) && isQuantized(reader.outputs[0]!, consumers)),
    )
  )
}
