/**
 * A shallower student: residual branches taken out, those first that change the answers least.
 * Source: arXiv:2403.03853 (ShortGPT), measured on outputs instead of hidden states.
 */
import type { Dataset } from '../data/dataset'
import { feedsOf } from '../data/feeds'
import { isFloat, type Graph, type Model, type Node } from '../onnx'
import { floatsOf, shapesAt, withSession, type Values } from '../runtime'

/** Samples a branch is judged by. */
const SAMPLES = 32

interface Branch {
  /** The Add whose result is its own input once the branch is gone. */
  add: Node
  skip: string
}

/** Values that lead to `value` by single steps. */
function upstream(producers: ReadonlyMap<string, Node>, value: string): Set<string> {
  const seen = new Set<string>()
  const queue = [value]
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    if (seen.has(next)) continue
    seen.add(next)
    queue.push(...(producers.get(next)?.inputs ?? []))
  }
  return seen
}

/** Adds of two computed values of one shape, of which one is made from the other. */
async function branchesOf(graph: Graph, model: Model, inputs: Values): Promise<Branch[]> {
  const producers = graph.producers()
  const adds = graph.nodes.filter(
    (node) => node.is('Add') && node.inputs.every((value) => !graph.constant(value, producers)),
  )
  const traced = await shapesAt(
    model,
    adds.flatMap((node) => [...node.inputs, ...node.outputs]).filter((v) => producers.has(v)),
    inputs,
  )
  return adds.flatMap((add) => {
    const [a, b] = add.inputs as [string, string]
    const shape = (value: string): string | undefined => traced.get(value)?.dims.join()
    if (shape(a) === undefined || shape(a) !== shape(b)) return []
    if (upstream(producers, b).has(a)) return [{ add, skip: a }]
    return upstream(producers, a).has(b) ? [{ add, skip: b }] : []
  })
}

function without(model: Model, adds: readonly string[], branches: readonly Branch[]): Model {
  const clone = model.clone()
  for (const { add, skip } of branches) {
    if (!adds.includes(add.outputs[0]!)) continue
    const node = clone.graph.producer(add.outputs[0]!)!
    node.opType = 'Identity'
    // An earlier branch of the chain may be gone too; then its Add stands as Identity and still carries the value.
    node.inputs = [skip]
  }
  clone.graph.prune()
  return clone
}

async function answers(model: Model, inputs: Values): Promise<Float32Array[]> {
  return withSession(model, {}, async (session) =>
    Object.values(await session.run(inputs))
      .filter((value) => isFloat(value.dtype))
      .map(floatsOf),
  )
}

const distance = (a: readonly Float32Array[], b: readonly Float32Array[]): number =>
  a.reduce((sum, part, i) => sum + part.reduce((s, x, j) => s + (x - b[i]![j]!) ** 2, 0), 0)

interface DropContext {
  data?: Dataset
  progress(done: number, doing?: string): void
  signal: AbortSignal
}

/** Takes out `share` of the residual branches greedily. Gives the Adds that went; none where there are none. */
export async function dropBranches(
  model: Model,
  share: number,
  context: DropContext,
): Promise<{ model: Model; dropped: string[] }> {
  const split = context.data?.splits.calibration.length
    ? context.data.splits.calibration
    : context.data?.splits.training
  const looking = { limit: SAMPLES, size: SAMPLES, signal: context.signal }
  let inputs: Values | undefined
  for await (const feeds of split ? feedsOf(model, split, looking) : []) inputs ??= feeds
  if (!inputs) return { model, dropped: [] }
  const branches = await branchesOf(model.graph, model, inputs)
  const wanted = Math.floor(share * branches.length)
  const truth = await answers(model, inputs)
  const dropped: string[] = []
  while (dropped.length < wanted) {
    let best: { name: string; cost: number } | undefined
    for (const { add } of branches) {
      const name = add.outputs[0]!
      if (dropped.includes(name)) continue
      context.progress(0, `trying without block ${name}`)
      const cost = distance(await answers(without(model, [...dropped, name], branches), inputs), truth)
      if (!best || cost < best.cost) best = { name, cost }
    }
    if (!best) break
    dropped.push(best.name)
  }
  return { model: dropped.length > 0 ? without(model, dropped, branches) : model, dropped }
}
