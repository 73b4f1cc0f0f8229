/** The graph of a model with one sample a run: every shape a number, and what hangs on constants alone a constant. */
import { gemmTerms } from '../../layers/kinds/matrix'
import { factorBatchNorm, foldBatchNorm } from '../../layers/normalize/fold-batch-norm'
import { withWeightInitializers } from '../../layers/normalize'
import { raiseOpset, Tensor, type DType, type Model, type Node } from '../../onnx'
import { EXCHANGED, signatureOf, toTensor, withSession, workingFeeds, type Values } from '../../runtime'
import { computedValues, withOutputs } from '../../runtime/expose'
import { shapesAt } from '../../runtime/trace'
import { requireOneShape, withoutBranches } from './branches'
import { toIntegers } from './integer'
import { withoutQLinear } from './qlinear'
import { Unsupported } from './unsupported'
import { FACTORS, isShared } from './weight-codes'

interface StaticValue {
  dtype: DType
  dims: readonly number[]
}

interface StaticPort extends StaticValue {
  name: string
}

export interface StaticGraph {
  opset: number
  nodes: readonly Node[]
  inputs: readonly StaticPort[]
  outputs: readonly StaticPort[]
  /** [input, output that is fed back to it]. */
  states: readonly (readonly [string, string])[]
  constants: ReadonlyMap<string, Tensor>
  values: ReadonlyMap<string, StaticValue>
  /** Values that must lie where they are until the run ends. */
  kept: ReadonlySet<string>
}

/** Axes as inputs rather than attributes, in most operators; below, operators are written in more ways than these. */
const OPSET = 13

/**
 * `feeds` are one sample, by which free sizes are set; found by trying where absent. Throws Unsupported, `model/*` and
 * `limit/memory`.
 */
export async function staticGraph(original: Model, given?: Values): Promise<StaticGraph> {
  const { model: written } = withWeightInitializers(original)
  const model = written.opset < OPSET ? raised(written) : written
  for (const graph of model.graphs())
    if (graph.sparseInitializers.size > 0) throw new Unsupported('it has sparse initializers.')
  const choices = withoutBranches(model)
  withoutQLinear(model)
  const feeds = given ?? (await workingFeeds(original))
  for (const info of model.graph.requiredInputs) {
    const value = feeds[info.name]
    if (value && !EXCHANGED.has(value.dtype))
      throw new Unsupported(`C99 has no type for ${value.dtype} (“${info.name}”).`)
    if (value) Object.assign(info, { dims: value.dims, dtype: value.dtype, raw: undefined })
  }
  const shapes = await shapesAt(model, computedValues(model), feeds).catch((thrown: unknown) => {
    if (choices.length === 0) throw thrown
    throw new Unsupported('both branches of its If cannot be computed for one sample.')
  })
  const dimsOf = dimensions(model, shapes, feeds)
  requireOneShape(choices, dimsOf)
  model.constantsToInitializers()
  foldShapes(model, dimsOf)
  await foldConstants(model, 'codes stay')
  await toIntegers(model)
  await foldConstants(model)
  foldNorms(model, shapes)
  model.graph.prune()
  model.graph.sort()
  return finished(model, shapes, feeds)
}

function raised(model: Model): Model {
  try {
    return raiseOpset(model, OPSET)
  } catch {
    return model
  }
}

type Shapes = ReadonlyMap<string, StaticValue>

/** Into the weights before them, or beside weights whose rows would share no values any more. */
function foldNorms({ graph }: Model, shapes: Shapes): void {
  factorBatchNorm(graph, FACTORS, (weight, layer) => {
    const { transA, transB } = gemmTerms(layer)
    const isByRows = layer.is('Gemm') ? transB && !transA : weight.dims.length <= 4
    return isByRows && weight.dtype === 'float32' && isShared(weight.floats(), weight.size / weight.dims[0]!)
  })
  foldBatchNorm(graph, (name) => shapes.get(name)?.dims.length)
}

type DimsOf = (name: string) => readonly number[] | undefined

const dimensions =
  ({ graph }: Model, shapes: Shapes, feeds: Values): DimsOf =>
  (name) =>
    shapes.get(name)?.dims ?? feeds[name]?.dims ?? graph.initializers.get(name)?.dims

/** Shapes are known numbers. */
function foldShapes({ graph }: Model, dimsOf: DimsOf): void {
  for (const node of [...graph.nodes]) {
    const dims = node.is('Shape', 'Size') ? dimsOf(node.inputs[0]!) : undefined
    const [output] = node.outputs
    if (!dims || !output || graph.isOutput(output)) continue
    const asked = dims.slice(node.int('start', 0), node.int('end', dims.length))
    const tensor = node.is('Shape')
      ? Tensor.int64(asked)
      : Tensor.int64([dims.reduce((product, dim) => product * dim, 1)], [])
    graph.initializers.set(output, tensor)
    graph.removeNode(node)
  }
}

const RANDOM = /^(Random|Bernoulli|Multinomial|Dropout$)/

/** Values that hang on constants alone and that others read become constants; where `codes stay`, not those restored from them. */
async function foldConstants(model: Model, codes?: 'codes stay'): Promise<void> {
  const { graph } = model
  graph.sort()
  const known = new Set(graph.initializers.keys())
  const foldable = new Set<Node>()
  for (const node of graph.nodes) {
    const isCoded = codes !== undefined && node.is('DequantizeLinear')
    const fixed = node.inputs.every((input) => input === '' || known.has(input))
    if (!fixed || isCoded || RANDOM.test(node.opType) || node.subgraphs().length > 0) continue
    foldable.add(node)
    for (const output of node.outputs) if (output) known.add(output)
  }
  const wanted = new Set<string>()
  const want = (name: string): void =>
    void (known.has(name) && !graph.initializers.has(name) && wanted.add(name))
  for (const node of graph.nodes) if (!foldable.has(node)) node.inputs.forEach(want)
  for (const { name } of graph.outputs) want(name)
  if (wanted.size === 0) return
  const part = withOutputs(model, [])
  part.graph.nodes = part.graph.nodes.filter((_, i) => foldable.has(graph.nodes[i]!))
  part.graph.inputs = []
  part.graph.outputs = [...wanted].map((name) => ({ name }))
  part.graph.prune()
  const results = await withSession(part, { optimization: 'disabled' }, async (session) => {
    const odd = session.outputTypes.find(({ dtype }) => !dtype || !EXCHANGED.has(dtype))
    if (odd) throw new Unsupported(`a constant of it has a type that C99 has none for (“${odd.name}”).`)
    return session.run({})
  })
  for (const [name, value] of Object.entries(results)) graph.initializers.set(name, toTensor(value))
  graph.nodes = graph.nodes.filter((node) => !node.outputs.some((output) => wanted.has(output)))
}

function finished(model: Model, shapes: Shapes, feeds: Values): StaticGraph {
  const { graph } = model
  const values = new Map<string, StaticValue>(shapes)
  const inputs = graph.requiredInputs.map(({ name }): StaticPort => {
    const value = feeds[name]
    if (!value) throw new Unsupported(`its input “${name}” is no tensor.`)
    return { name, dtype: value.dtype, dims: value.dims }
  })
  const outputs = graph.outputs.map(({ name }): StaticPort => {
    const value =
      graph.initializers.get(name) ?? values.get(name) ?? inputs.find((input) => input.name === name)
    if (!value) throw new Unsupported(`its output “${name}” is no tensor of a known shape.`)
    return { name, dtype: value.dtype, dims: value.dims }
  })
  const names = new Set(inputs.map(({ name }) => name))
  const states = signatureOf(model).inputs.flatMap(({ name, state }) =>
    state !== undefined && names.has(name) ? [[name, state] as const] : [],
  )
  return {
    opset: model.opset,
    nodes: graph.nodes,
    inputs,
    outputs,
    states,
    constants: graph.initializers,
    values,
    kept: new Set(outputs.map(({ name }) => name)),
  }
}
