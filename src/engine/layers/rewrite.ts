/** Edits of a graph around one layer. */
import { Tensor, type AttributeInput, type Graph, type Node } from '../onnx'
import { onlyReader } from './fuses'
import type { Layer } from './layer'

/** Makes the layer read another value in place of its weight. */
export function readInstead({ node, weight }: Pick<Layer, 'node' | 'weight'>, value: string): void {
  node.inputs = node.inputs.map((input) => (input === weight ? value : input))
}

/**
 * Gives an input of a node another constant: under the old name where nothing else reads that, else under a fresh one
 * made from it, or from `base` where the node had no such input.
 */
export function setConstant(graph: Graph, node: Node, slot: number, tensor: Tensor, base = ''): void {
  const name = node.inputs[slot] ?? ''
  const alone = graph.initializers.has(name) && graph.consumers(name).length === 1 && !graph.isOutput(name)
  const once = node.inputs.filter((input) => input === name).length <= 1
  if (alone && once) graph.initializers.set(name, tensor)
  else {
    while (node.inputs.length <= slot) node.inputs.push('')
    node.inputs[slot] = graph.addInitializer(name || base, tensor)
  }
}

/** Adds nodes in front of another, under names made from `base`. */
export function nodesBefore(
  graph: Graph,
  node: Node,
  base: string,
): {
  fresh(part: string): string
  /** Gives the output. */
  add(
    opType: string,
    inputs: readonly string[],
    output: string,
    attributes?: Record<string, AttributeInput>,
  ): string
} {
  const fresh = (part: string): string => graph.freshName(`${base}_${part}`)
  return {
    fresh,
    add(opType, inputs, output, attributes = {}) {
      graph.addNode(
        { opType, name: fresh(opType.toLowerCase()), inputs, outputs: [output], attributes },
        node,
      )
      return output
    },
  }
}

/**
 * Adds `change`, one number an output channel, to what the layer gives: to its bias, to the constant that is added
 * next, or by an Add of its own. False where the graph offers no place for it.
 */
export function addToBias(graph: Graph, layer: Layer, change: ArrayLike<number>): boolean {
  const { node, name } = layer
  if (layer.type.bias !== undefined) return addToInput(graph, layer, layer.type.bias, change)
  const next = onlyReader({ graph, consumers: graph.consumerMap() }, name)
  const slot = next?.is('Add') ? next.inputs.findIndex((input) => input !== name) : -1
  const bias = slot >= 0 ? graph.initializers.get(next!.inputs[slot]!) : undefined
  if (bias && isVector(bias, change.length)) {
    next!.inputs[slot] = graph.addInitializer(next!.inputs[slot]!, sum(bias, change))
    return true
  }
  const inner = graph.freshName(`${name}_product`)
  const constant = graph.addInitializer(
    `${name}_bias`,
    Tensor.float32([change.length], Float32Array.from(change)),
  )
  node.outputs[0] = inner
  const at = graph.nodes[graph.nodes.indexOf(node) + 1]
  graph.addNode({ opType: 'Add', inputs: [inner, constant], outputs: [name] }, at)
  return true
}

function addToInput(graph: Graph, { node, name }: Layer, slot: number, change: ArrayLike<number>): boolean {
  const value = node.inputs[slot]
  const old = value ? graph.initializers.get(value) : undefined
  if (value && (!old || !isVector(old, change.length))) return false
  const tensor = old ? sum(old, change) : Tensor.float32([change.length], Float32Array.from(change))
  node.inputs[slot] = graph.addInitializer(value || `${name}_bias`, tensor)
  return true
}

const isVector = (bias: Tensor, length: number): boolean =>
  bias.dtype === 'float32' && bias.size === length && bias.dims[bias.dims.length - 1] === length

const sum = (bias: Tensor, change: ArrayLike<number>): Tensor =>
  Tensor.float32(
    bias.dims,
    bias.floats().map((value, i) => value + change[i]!),
  )
