/** What of a model the accelerator of a target takes. Source: onnxruntime.ai, mobile usability checker. */
import type { TargetCheck } from '../../contract/project'
import type { Model, Node } from '../onnx'
import { constantValues } from '../layers/constants'
import type { Provider, Traced } from './target'

/** How much of the graph the provider takes, in how many pieces: the mobile checker's rule of thumb. */
export function coverage({ graph }: Model, provider: Provider, traced: Traced): TargetCheck {
  const producers = graph.producers()
  const constant = constantValues(graph)
  const nodes = graph.nodes.filter((node) =>
    node.outputs.some((output) => output !== '' && !constant.has(output)),
  )
  const isGlue = (node: Node): boolean =>
    provider.quantized !== undefined && node.is('QuantizeLinear', 'DequantizeLinear')
  const counted = nodes.filter((node) => !isGlue(node))
  const taken = new Set(counted.filter((node) => takes(provider, node, traced, producers)))
  const share = counted.length > 0 ? taken.size / counted.length : 0
  const pieces = partitions(nodes, taken, isGlue, producers)
  const others = [...new Set(counted.filter((node) => !taken.has(node)).map((node) => node.opType))]
  const left =
    others.length > 0
      ? ` Left to the CPU: ${others.slice(0, 8).join(', ')}${others.length > 8 ? ' …' : ''}.`
      : ''
  const words =
    `${provider.name} takes ${Math.round(share * 100)}% of the ${counted.length} operators in ${pieces} ` +
    `${pieces === 1 ? 'part' : 'parts'}.${left}`
  const fits = pieces <= 2 && share > 0.75
  return fits
    ? { ok: true, severity: 'info', message: words }
    : { ok: false, severity: 'warning', message: `${words} ${provider.advice}` }
}

function takes(
  provider: Provider,
  node: Node,
  traced: Traced,
  producers: ReadonlyMap<string, Node>,
): boolean {
  const name = node.domain === '' ? node.opType : `${node.domain}.${node.opType}`
  if (!provider.operators.has(name)) return false
  const quantized = node.inputs.some((input) => producers.get(input)?.is('DequantizeLinear'))
  if (quantized && provider.quantized && !provider.quantized.has(name)) return false
  if (/Conv|Pool/.test(node.opType)) {
    const rank = traced.get(node.inputs[0]!)?.dims.length
    return rank === undefined || provider.spatial.includes(rank - 2)
  }
  return true
}

/** Parts the taken nodes fall into: a new one begins behind every node that is left to the CPU. */
function partitions(
  nodes: readonly Node[],
  taken: ReadonlySet<Node>,
  isGlue: (node: Node) => boolean,
  producers: ReadonlyMap<string, Node>,
): number {
  const level = new Map<Node, number>()
  const inside = new Map<Node, boolean>()
  const parts = new Set<number>()
  for (const node of nodes) {
    const before = node.inputs.flatMap((input) => producers.get(input) ?? []).filter((one) => level.has(one))
    // Q/DQ belong to the side they come from.
    inside.set(node, isGlue(node) ? before.every((one) => inside.get(one)) : taken.has(node))
    const crossing = (one: Node): number => (inside.get(node) && !inside.get(one) ? 1 : 0)
    level.set(node, Math.max(0, ...before.map((one) => level.get(one)! + crossing(one))))
    if (taken.has(node)) parts.add(level.get(node)!)
  }
  return parts.size
}
