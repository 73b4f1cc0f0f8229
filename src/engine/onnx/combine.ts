/**
 * Several scores as one: outputs of one number a sample, of one model or of several put side by side in one graph, joined
 * by their least, largest, mean or weighted sum.
 */
import { PareError } from '../../contract/errors'
import type { CombineBy } from '../../contract/combine'
import type { Graph, ValueInfo } from './graph'
import type { Model } from './model'
import { raiseOpset } from './opset'
import { Tensor } from './tensor'

export interface CombineOptions {
  by: CombineBy
  /** Of a sum, one for each score in order. */
  weights?: readonly number[]
  /** Only outputs of these names; default: all of one number a sample. */
  outputs?: readonly string[]
  /** What the one output is called. Default "condition". */
  name?: string
}

/** Older operator sets have Min and Max that do not broadcast, and Reshape that reads no constant. */
const OPSET = 13

const refuse = (reason: string): PareError => new PareError('model/not-combinable', { reason })

/** One number a sample; where nothing is declared it is not known. */
const isScore = ({ dtype, dims }: ValueInfo): boolean =>
  dtype === 'float32' && dims !== undefined && dims.length > 0 && dims.slice(1).every((dim) => dim === 1)

const sameInput = (a: ValueInfo, b: ValueInfo): boolean =>
  a.name === b.name && a.dtype === b.dtype && JSON.stringify(a.dims) === JSON.stringify(b.dims)

/**
 * Inputs of one name, type and shape are one input; others, and all names within, are told apart by the number of their
 * model. Metadata is the first model's. Throws `model/not-combinable`.
 */
export function combine(models: readonly Model[], options: CombineOptions): Model {
  const opset = Math.max(OPSET, ...models.map((model) => model.opset))
  const [result, ...others] = models.map((model) => raiseOpset(model, opset)).map((model) => model.clone())
  if (!result) throw refuse('there is no model')
  const scores = scoresOf(result, 1, options)
  result.graph.outputs = result.graph.outputs.filter(({ name }) => !scores.includes(name))
  for (const [i, model] of others.entries()) scores.push(...append(result, model, i + 2, options))
  if (scores.length < 2) throw refuse(`there is ${scores.length === 1 ? 'one score' : 'no score'} in all`)
  join(result.graph, scores, options)
  result.graph.sort()
  return result
}

function scoresOf({ graph, file }: Model, number: number, { outputs }: CombineOptions): string[] {
  const wanted = graph.outputs.filter(({ name }) => outputs === undefined || outputs.includes(name))
  const found = wanted.filter(isScore).map(({ name }) => name)
  const rest = outputs && wanted.find((info) => !isScore(info))
  if (found.length > 0 && !rest) return found
  const seen = graph.outputs.map(
    ({ name, dims }) => `${name} [${dims?.map((dim) => dim ?? '?').join(', ') ?? '?'}]`,
  )
  throw refuse(
    `model ${number} (${file}) has the outputs ${seen.join('; ')}, of which none asked for is one number a sample`,
  )
}

/** Adds all of `model` to `result`; gives the new names of its scores. */
function append(result: Model, model: Model, number: number, options: CombineOptions): string[] {
  const scores = scoresOf(model, number, options)
  const { graph } = model
  if (graph.sparseInitializers.size > 0) throw refuse(`model ${number} has sparse weights`)
  const clash = model.functions.find(({ name, domain }) =>
    result.functions.some((other) => other.name === name && other.domain === domain),
  )
  if (clash) throw refuse(`both have a function ${clash.name} of their own`)
  for (const [domain, version] of model.opsets) {
    const known = result.opsets.get(domain)
    if (known !== undefined && known !== version)
      throw refuse(`they use different versions of ${domain || 'ai.onnx'}: ${known} and ${version}`)
    result.opsets.set(domain, version)
  }
  const shared = new Set(
    graph.requiredInputs
      .filter((input) => result.graph.requiredInputs.some((other) => sameInput(input, other)))
      .map(({ name }) => name),
  )
  const taken = result.graph.names()
  let prefix = `m${number}_`
  while ([...taken].some((name) => name.startsWith(prefix))) prefix = `m${prefix}`
  const to = (name: string): string => (name === '' || shared.has(name) ? name : prefix + name)
  renameAll(graph, to)
  result.functions.push(...model.functions)
  result.irVersion = Math.max(result.irVersion, model.irVersion)
  result.externalFiles = [...new Set([...result.externalFiles, ...model.externalFiles])]
  const target = result.graph
  target.nodes.push(...graph.nodes)
  for (const [name, tensor] of graph.initializers) target.initializers.set(name, tensor)
  for (const [name, info] of graph.valueInfo) target.valueInfo.set(name, info)
  target.inputs.push(...graph.inputs.filter(({ name }) => !shared.has(name)))
  const renamed = scores.map(to)
  target.outputs.push(...graph.outputs.filter(({ name }) => !renamed.includes(name)))
  return renamed
}

/** Every name of a graph and of those nested in it. */
export function renameAll(graph: Graph, to: (name: string) => string): void {
  const called = (info: ValueInfo): ValueInfo => ({ ...info, name: to(info.name) })
  for (const node of graph.nodes) {
    if (node.name) node.name = to(node.name)
    node.inputs = node.inputs.map(to)
    node.outputs = node.outputs.map(to)
    for (const [, nested] of node.subgraphs()) renameAll(nested, to)
  }
  const moved = <T>(map: Map<string, T>, of = (value: T): T => value): void => {
    const all = [...map]
    map.clear()
    for (const [name, value] of all) map.set(to(name), of(value))
  }
  moved(graph.initializers)
  moved(graph.valueInfo, called)
  graph.inputs = graph.inputs.map(called)
  graph.outputs = graph.outputs.map(called)
}

const OPERATORS: Record<CombineBy, string> = { min: 'Min', max: 'Max', mean: 'Mean', sum: 'Sum' }

function join(
  graph: Graph,
  scores: readonly string[],
  { by, weights, name = 'condition' }: CombineOptions,
): void {
  if (weights && (by !== 'sum' || weights.length !== scores.length))
    throw refuse(
      by === 'sum'
        ? `there are ${weights.length} weights for ${scores.length} scores (${scores.join(', ')})`
        : 'only a sum has weights',
    )
  const output = graph.freshName(name)
  const shape = graph.addInitializer(`${output}_shape`, Tensor.int64([-1, 1]))
  // A column each: [N] and [N, 1] side by side would become [N, N].
  const columns = scores.map((score, i) => {
    const column = graph.freshName(`${score}_column`)
    graph.addNode({ opType: 'Reshape', inputs: [score, shape], outputs: [column] })
    if (!weights) return column
    const weight = graph.addInitializer(`${score}_weight`, Tensor.float32([1], [weights[i]!]))
    const weighted = graph.freshName(`${score}_weighted`)
    graph.addNode({ opType: 'Mul', inputs: [column, weight], outputs: [weighted] })
    return weighted
  })
  graph.addNode({ opType: OPERATORS[by], inputs: columns, outputs: [output] })
  // The one score is what is judged: it comes first.
  graph.outputs.unshift({ name: output, dtype: 'float32', dims: ['N', 1] })
}
