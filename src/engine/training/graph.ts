/**
 * A model as a training graph: weights become inputs, the loss and one gradient a weight become outputs, and
 * everything between is plain ONNX. Shapes are static at the micro-batch size.
 */
import { PareError } from '../../contract/errors'
import { raiseOpset, type Graph, type Model, type Node } from '../onnx'
import { computedValues, shapesAt, type Values } from '../runtime'
import { isFusedNode } from '../layers/unfuse'
import { ruleFor, Tape, type Traced } from './gradients'
import { operatorKey } from './gradients/rule'
import { writeLoss, type LossPorts, type LossSpec } from './losses'
import { isRecurrent, unroll } from './unroll'

export interface TrainingGraph {
  model: Model
  /** Weights that have a gradient, in the order given; each is an input of the same name. */
  weights: string[]
  /** Output with the gradient of each weight, in the order of `weights`. */
  gradients: string[]
  ports: LossPorts
}

interface TrainingGraphOptions {
  /** Real inputs of one micro-batch, for their shapes. */
  feeds: Values
  /** Names of float32 initializers that learn. */
  trainable: readonly string[]
  loss: LossSpec
  /** False: no gradients; the outputs are the loss and the values it compares. Default true. */
  backward?: boolean
}

/** dtype and shape of every value for these inputs. */
async function traceAt(model: Model, feeds: Values): Promise<Map<string, Traced>> {
  const traced = new Map<string, Traced>(await shapesAt(model, computedValues(model), feeds))
  for (const [name, value] of Object.entries(feeds)) traced.set(name, value)
  for (const { name, tensor } of model.constants()) traced.set(name, tensor)
  return traced
}

/** Values a gradient must reach: float ones, and integers that stand for quantized floats. */
function learnable(
  nodes: readonly Node[],
  trainable: readonly string[],
  traced: ReadonlyMap<string, Traced>,
): Set<string> {
  const needed = new Set(trainable)
  for (const node of nodes) {
    const reads = node.inputs.some((value) => needed.has(value))
    if (!reads) continue
    for (const output of node.outputs) {
      const dtype = traced.get(output)?.dtype
      if (
        dtype === 'float32' ||
        (dtype && node.opType === 'QuantizeLinear') ||
        (!dtype && node.subgraphs().length > 0)
      )
        needed.add(output)
    }
  }
  return needed
}

/** Values the loss depends on. */
function ancestors(nodes: readonly Node[], of: readonly string[]): Set<string> {
  const reached = new Set(of)
  for (const node of [...nodes].reverse())
    if (node.outputs.some((value) => reached.has(value))) for (const value of node.inputs) reached.add(value)
  return reached
}

/** What lies between the weights that learn and the loss. */
interface Way {
  traced: ReadonlyMap<string, Traced>
  forward: Node[]
  needed: ReadonlySet<string>
  reached: ReadonlySet<string>
  path: Node[]
}

function wayOf(
  graph: Graph,
  traced: ReadonlyMap<string, Traced>,
  { trainable }: TrainingGraphOptions,
  targets: readonly string[],
): Way {
  const forward = [...graph.nodes]
  const needed = learnable(forward, trainable, traced)
  const reached = ancestors(forward, targets)
  const path = forward.filter(
    (node) =>
      node.inputs.some((value) => needed.has(value)) &&
      node.outputs.some((value) => needed.has(value) && reached.has(value)),
  )
  return { traced, forward, needed, reached, path }
}

function requireRules(nodes: readonly Node[]): void {
  const missing = nodes.filter((node) => !ruleFor(node) || node.subgraphs().length > 0)
  const [first] = missing
  if (!first) return
  const names = [...new Set(missing.map(operatorKey))]
  throw new PareError('model/unsupported-op', {
    op: names.join(', '),
    domain: first.domain,
    node: missing.map((node) => node.label).join(', '),
    by: 'training',
    ...(missing.every(isFusedNode) && { fused: true }),
  })
}

/** Operator set in which ScatterElements adds, which overlapping pools and repeated indices want. */
const ADDING = 16

/** A clone, in a newer operator set where its operators can be written so; the user's model stays as it is. */
function lifted(source: Model): Model {
  if (source.opset >= ADDING) return source.clone()
  try {
    return raiseOpset(source, ADDING)
  } catch (cause) {
    if (cause instanceof PareError) return source.clone()
    throw cause
  }
}

/**
 * Builds the training graph. Throws `model/unsupported-op` naming every operator without a gradient rule,
 * `model/opset-too-old` below 9, `model/nothing-to-do` where no weight influences the loss, `model/not-loadable` where inputs do not fit.
 */
export async function buildTrainingGraph(
  source: Model,
  options: TrainingGraphOptions,
): Promise<TrainingGraph> {
  const model = lifted(source)
  model.requireOpset(9, 'OneHot', 'training')
  const { graph } = model
  graph.sort()
  const { value, structured, features = [] } = options.loss
  const compared = [...new Set([value, ...(structured?.values ?? [])])]
  const targets = [...compared, ...features.map((f) => f.value)]
  const backward = options.backward ?? true
  const way = async (): Promise<Way> => wayOf(graph, await traceAt(model, options.feeds), options, targets)
  let found = await way()
  const recurrent = backward ? found.path.filter(isRecurrent) : []
  // Layers that are unrolled make thousands of nodes: what cannot be learned through anyway is said before.
  if (backward) requireRules(found.path.filter((node) => !isRecurrent(node)))
  for (const node of recurrent) unroll(graph, node, model.opset, (value) => found.traced.get(value)!.dims)
  if (recurrent.length > 0) found = await way()
  const { traced, forward, needed, reached, path } = found
  if (backward) requireRules(path)
  const weights = options.trainable.filter((name) => reached.has(name))

  const tape = new Tape(graph, model.opset, traced, needed)
  const { ports, seeds } = writeLoss(tape, options.loss)
  const lossNodes = tape.nodes.splice(0)
  const pending = new Map<string, string[]>()
  const give = (value: string, gradient: string): void => {
    pending.set(value, [...(pending.get(value) ?? []), gradient])
  }
  for (const seed of seeds) if (needed.has(seed.value)) give(seed.value, seed.gradient)
  const collect = (value: string): string | undefined => {
    const parts = pending.get(value)
    if (!parts || parts.length < 2) return parts?.[0]
    const total = tape.op('Sum', parts)
    pending.set(value, [total])
    return total
  }
  for (const node of backward ? path.reverse() : []) {
    const dys = node.outputs.map((value) => (value ? collect(value) : undefined))
    if (dys.every((dy) => dy === undefined)) continue
    ruleFor(node)!(tape, node, dys).forEach((gradient, i) => {
      const value = node.inputs[i]
      if (gradient && tape.wants(value)) give(value, gradient)
    })
  }
  const used = backward ? weights.filter((name) => pending.has(name)) : weights
  if (used.length === 0)
    throw new PareError('model/nothing-to-do', {
      by: 'training',
      reason: 'no trainable float32 weight leads to the output',
    })
  const gradients = (backward ? used : []).map((name) => {
    const total = collect(name)!
    // Outputs need names of their own: one value may be the gradient of two weights.
    return tape.op('Identity', [total])
  })
  // ONNX Runtime walks nodes from the last to the first; written in reverse, a gradient is consumed soon
  // after it is made, which halved the peak memory where it was measured.
  graph.nodes = [...forward, ...lossNodes, ...tape.nodes.reverse()]
  graph.valueInfo.clear()
  graph.inputs = graph.inputs.filter((info) => !used.includes(info.name))
  for (const info of graph.inputs) {
    const fed = options.feeds[info.name]
    if (fed) Object.assign(info, { dims: fed.dims, raw: undefined })
  }
  for (const name of used) {
    graph.inputs.push({ name, dtype: 'float32', dims: graph.initializers.get(name)!.dims })
    graph.initializers.delete(name)
  }
  graph.outputs = [ports.loss, ...(backward ? gradients : compared)].map((name) => ({
    name,
    dtype: 'float32',
  }))
  graph.prune()
  return { model, weights: used, gradients, ports }
}
