/** What breaks down in float16 is found by running it: numbers that end at infinity, or that vanish and are divided by. */
import { collect } from '../../layers/statistics/collect'
import type { Model, Node } from '../../onnx'
import { BY_TURNS, computedValues, floatsOf, withSession, type Value, type Values } from '../../runtime'

/** Each round keeps more operators in float32; after these, all that the broken values are computed from. */
const MOST_ROUNDS = 24

const isBroken = (value: Value): boolean =>
  value.dtype.startsWith('float') && !floatsOf(value).every(Number.isFinite)

/** Names of outputs with NaN or an infinity on any of the batches. */
async function brokenOutputs(model: Model, batches: readonly Values[]): Promise<Set<string>> {
  return withSession(model, BY_TURNS, async (session) => {
    const found = new Set<string>()
    for (const feeds of batches)
      for (const [name, value] of Object.entries(await session.run(feeds)))
        if (isBroken(value)) found.add(name)
    return found
  })
}

/** The same of all values. */
async function brokenValues(
  model: Model,
  names: readonly string[],
  batches: readonly Values[],
): Promise<Set<string>> {
  const found = new Set<string>()
  const visits = names.map(
    (name) => [name, (value: Value) => void (isBroken(value) && found.add(name))] as const,
  )
  await collect(model, { visits }, () => batches)
  return found
}

/**
 * The batches and, where the model answers it, silence: what is added so that nothing is divided by zero vanishes first,
 * and shows where there is nothing else.
 */
export async function withSilence(model: Model, batches: readonly Values[]): Promise<Values[]> {
  const silent = Object.entries(batches[0] ?? {}).map(([name, value]): [string, Value] => [
    name,
    value.dtype === 'float32' ? { ...value, data: new Float32Array(value.data.length) } : value,
  ])
  const feeds = Object.fromEntries(silent)
  const answer = await withSession(model, BY_TURNS, (session) => session.run(feeds)).catch(() => undefined)
  return answer ? [...batches, feeds] : [...batches]
}

/**
 * Nodes of `model`, in its order, that must stay in float32 besides `kept`, so that outputs which are finite on the batches stay so.
 * `convert` gives the model with these left in float32; values keep their names in it. Also what no node helps.
 */
export async function breakingNodes(
  model: Model,
  kept: ReadonlySet<Node>,
  batches: readonly Values[],
  convert: (kept: ReadonlySet<Node>) => Model,
): Promise<{ nodes: Node[]; broken?: string }> {
  const stays = new Set(kept)
  const outputs = await brokenOutputs(model, batches)
  const names = computedValues(model)
  let before: Set<string> | undefined
  for (let round = 0; ; round++) {
    const converted = convert(stays)
    const [broken] = [...(await brokenOutputs(converted, batches))].filter((name) => !outputs.has(name))
    const nodes = model.graph.nodes.filter((node) => stays.has(node) && !kept.has(node))
    if (broken === undefined) return { nodes }
    before ??= await brokenValues(model, names, batches)
    const after = await brokenValues(converted, names, batches)
    const isNew = (value: string): boolean => after.has(value) && !before!.has(value)
    const first = model.graph.nodes.filter((node) => node.outputs.some(isNew) && !node.inputs.some(isNew))
    const size = stays.size
    for (const node of first) keep(model, node, stays, round >= MOST_ROUNDS)
    if (stays.size === size) return { nodes, broken }
  }
}

/** The node or, where it computes in float32 already, the nearest of what it is computed from; `all` of that at last. */
function keep({ graph }: Model, node: Node, stays: Set<Node>, all: boolean): void {
  const producers = graph.producers()
  const seen = new Set<Node>()
  const open = [node]
  for (let at = open.pop(); at; at = open.pop()) {
    if (seen.has(at)) continue
    seen.add(at)
    const stayed = stays.has(at)
    stays.add(at)
    if (stayed || all) open.push(...at.inputs.flatMap((input) => producers.get(input) ?? []))
  }
}
