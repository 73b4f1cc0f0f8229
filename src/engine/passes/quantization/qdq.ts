/**
 * Writes a plan into a graph as QuantizeLinear / DequantizeLinear pairs, the form every runtime reads.
 * Sources: ONNX QuantizeLinear, DequantizeLinear; ONNX Runtime QDQ format.
 */
import { affineOf, type Affine, type IntegerType } from '../../math/quantize/affine'
import type { Range } from '../../math/quantize/calibrate'
import { Tensor, type DType, type Graph, type Model, type Node } from '../../onnx'
import { storedWeight, type Restored } from './dynamic'
import { writeIntegerRows } from '../../layers/encodings/integer-rows'
import type { Plan, QuantizableOp } from './plan'
import { WeightStore, type WeightOptions } from './static-weights'
import type { Layer } from '../../layers/layer'

interface ActivationChoice {
  type: IntegerType
  range: Range
}

interface QdqOptions {
  /** The type and range of every quantized activation. */
  activation(name: string): ActivationChoice
  weights: WeightOptions
  /** Embeddings whose rows become integers; `opset` of the model decides how. */
  embeddings?: readonly Layer[]
  /** Layers whose weights are stored as integers and computed in float. */
  stored?: readonly Layer[]
  /** Relu stays a node where it could go into a rounding: every value is there under its name. */
  apart?: boolean
}

const dtypeOf = ({ bits, signed }: IntegerType): DType => `${signed ? 'int' : 'uint'}${bits}` as DType

/** Edits the model's graph, which the plan must have been made on. Gives the SQNR of each layer's weight, in decibel. */
export function insertQdq(model: Model, plan: Plan, options: QdqOptions): WeightStore['written'] {
  const { graph } = model
  const producers = graph.producers()
  const writer = new Writer(model, plan, options)
  for (const op of plan.ops) if (op.fused && !options.apart) fuse(graph, op)
  const dequantized = new Map<string, string>()
  const idle = new Set(
    options.apart ? [] : [...plan.propagated].filter((node) => isIdentityRelu(node, writer)),
  )
  for (const name of plan.quantized) {
    const producer = producers.get(name)
    if (producer && idle.has(producer)) continue
    dequantized.set(name, writer.pair(name))
  }
  const read = (name: string): string => dequantized.get(name) ?? name
  for (const node of plan.propagated) node.inputs = node.inputs.map(read)
  const weights = new WeightStore(graph, options.weights)
  for (const op of plan.ops) {
    const { node, weight } = op
    const [first, second] = node.inputs as [string, string]
    if (!weight) node.inputs = [read(first), read(second)]
    else {
      const stored = weights.add(weight, writer.affine(first))
      node.inputs = [read(first), ...stored]
    }
  }
  for (const embedding of options.embeddings ?? []) writeIntegerRows(graph, embedding, weights)
  const restored: Restored = new Map()
  for (const layer of options.stored ?? []) storedWeight(graph, layer, weights.addChannels(layer), restored)
  for (const node of idle) {
    graph.removeNode(node)
    graph.replaceUses(node.outputs[0]!, node.inputs[0]!)
  }
  graph.sort()
  graph.prune()
  return weights.written
}

/** The rounding starts at zero, so that Relu has nothing left to do. */
function isIdentityRelu(node: Node, writer: Writer): boolean {
  if (!node.is('Relu') || writer.graph.isOutput(node.outputs[0]!)) return false
  const { zeroPoint, low } = writer.affine(node.outputs[0]!)
  return zeroPoint === low
}

function fuse(graph: Graph, { node, fused }: QuantizableOp): void {
  graph.removeNode(fused!)
  node.outputs = [fused!.outputs[0]!]
}

class Writer {
  readonly graph: Graph
  private readonly parameters = new Map<string[], { scale: string; zeroPoint: string; affine: Affine }>()

  constructor(
    readonly model: Model,
    private readonly plan: Plan,
    private readonly options: QdqOptions,
  ) {
    this.graph = model.graph
  }

  private of(name: string): { scale: string; zeroPoint: string; affine: Affine } {
    const group = this.plan.groups.get(name)!
    let found = this.parameters.get(group)
    if (!found) {
      const { type, range } = this.options.activation(name)
      const affine = affineOf(range[0], range[1], type)
      found = {
        affine,
        scale: this.graph.addInitializer(`${group[0]!}_scale`, Tensor.scalar('float32', affine.scale)),
        zeroPoint: this.graph.addInitializer(
          `${group[0]!}_zero_point`,
          Tensor.scalar(dtypeOf(type), affine.zeroPoint),
        ),
      }
      this.parameters.set(group, found)
    }
    return found
  }

  affine(name: string): Affine {
    return this.of(name).affine
  }

  /** Adds the pair; gives the value integers' readers read. */
  pair(name: string): string {
    const { graph, plan } = this
    const { scale, zeroPoint } = this.of(name)
    const integerOnly = plan.integerOnly.has(name)
    let source = name
    const producer = graph.producer(name)
    if (integerOnly && producer) {
      source = graph.freshName(`${name}_float`)
      producer.outputs = producer.outputs.map((output) => (output === name ? source : output))
    }
    const codes = graph.freshName(`${name}_codes`)
    const values = integerOnly ? name : graph.freshName(`${name}_dequantized`)
    // Before opset 21 the standard operators know no 16-bit integers; ONNX Runtime's own do.
    const domain = this.affine(name).high > 255 && this.model.opset < 21 ? 'com.microsoft' : ''
    if (domain) this.model.importOpset(domain, 1)
    graph.addNode({
      opType: 'QuantizeLinear',
      domain,
      name: graph.freshName(`${name}_q`),
      inputs: [source, scale, zeroPoint],
      outputs: [codes],
    })
    graph.addNode({
      opType: 'DequantizeLinear',
      domain,
      name: graph.freshName(`${name}_dq`),
      inputs: [codes, scale, zeroPoint],
      outputs: [values],
    })
    return values
  }
}
