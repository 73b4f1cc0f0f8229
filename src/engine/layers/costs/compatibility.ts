/** What stands in the way of compressing a model, each in plain words with what to do. */
import { plural } from '../../../contract/format'
import { errorData } from '../../../contract/errors'
import { errorMessage } from '../../../contract/messages'
import type { CompatibilityIssue } from '../../../contract/model'
import { scoreMaps, type Model, type Node } from '../../onnx'
import { isFree, signatureOf } from '../../runtime/signature'
import { classicalPart } from '../classical'
import { isQuantized } from '../encodings'
import type { ModelCosts } from './costs'
import { copies } from './copies'

type Check = (model: Model, costs: ModelCosts) => CompatibilityIssue | undefined

const info = (kind: string, message: string): CompatibilityIssue => ({ kind, message, severity: 'info' })
const warning = (kind: string, message: string): CompatibilityIssue => ({
  kind,
  message,
  severity: 'warning',
})

function some(model: Model, test: (node: Node) => boolean): number {
  let found = 0
  for (const graph of model.graphs()) for (const node of graph.nodes) if (test(node)) found++
  return found
}

const alreadyQuantized: Check = (model) => {
  const found = some(model, (node) => isQuantized(node))
  return found === 0
    ? undefined
    : warning(
        'already-quantized',
        `The model is already quantized (${plural(found, 'quantizing node')}). Start from the float model it was made from; compressing twice loses accuracy twice.`,
      )
}

const dynamicShape: Check = (model) => {
  const free = signatureOf(model).inputs.flatMap(({ name, dims, batchAxis }) =>
    dims.flatMap((dim, axis) => (axis !== batchAxis && isFree(dim) ? [`${name}[${dim ?? axis}]`] : [])),
  )
  return free.length === 0
    ? undefined
    : info(
        'dynamic-shape',
        `Sizes are free beside the batch: ${free.join(', ')}. Costs are counted at the size Pare traced; phones' accelerators want fixed sizes, which the step fix-shapes gives.`,
      )
}

const fixedBatch: Check = (model) => {
  const { batch } = signatureOf(model)
  if (batch === undefined) return undefined
  return info(
    'fixed-batch',
    `The batch is fixed to ${batch}. Samples are run ${batch === 1 ? 'one by one' : `in groups of ${batch}`}; with a free one (the step free-batch, or another export) measuring is faster.`,
  )
}

const controlFlow: Check = (model) => {
  const found = some(model, (node) => node.subgraphs().length > 0)
  return found === 0
    ? undefined
    : info(
        'control-flow',
        `${plural(found, 'node')} with inner graphs (If, Loop, Scan): quantizing reaches the weights inside, other steps keep them as they are. Which branch runs, and how often, the data say, so multiply-adds inside are unknown.`,
      )
}

const functions: Check = (model) =>
  model.functions.length === 0
    ? undefined
    : info(
        'functions',
        `${plural(model.functions.length, 'model-local function')}: passes that compress weights write them out where they are called.`,
      )

const externalData: Check = (model) =>
  model.externalFiles.length === 0
    ? undefined
    : info(
        'external-data',
        `Weights lie in ${plural(model.externalFiles.length, 'file')} beside the model; keep them together when you move it.`,
      )

const oldOpset: Check = (model) => {
  if (model.opset >= 13) return undefined
  if (model.opset >= 7)
    return info('old-opset', `Operator set ${model.opset} is old; Pare lifts the model to what a step needs.`)
  return {
    kind: 'old-opset',
    severity: 'error',
    message: `Operator set ${model.opset} is too old to be lifted. Export the model again with operator set 13 or later.`,
  }
}

const halfPrecision: Check = (model) => {
  const found = new Set<string>()
  for (const tensor of model.graph.initializers.values())
    if (['float16', 'bfloat16', 'float64'].includes(tensor.dtype) && tensor.size > 1) found.add(tensor.dtype)
  return found.size === 0
    ? undefined
    : info(
        'other-precision',
        `Weights are ${[...found].join(' and ')}. Steps that change weights make float32 of them first${found.has('float64') ? '; the step float64-to-float32 does that alone' : ''}.`,
      )
}

const classical: Check = (model) => {
  const held = classicalPart(model)
  return held === undefined
    ? undefined
    : warning(
        'classical',
        `The model holds ${held}: they can be run and exported, and no step compresses them.`,
      )
}

const noTensors: Check = (model) => {
  const { classes } = scoreMaps(model.graph)
  // A port without any type says nothing; sequences, maps and optionals have one that is kept as it was read.
  const outputs = model.graph.outputs.filter(({ name, dtype, raw }) => !dtype && (raw || classes.has(name)))
  if (outputs.length === 0) return undefined
  const what = `${outputs.map(({ name }) => name).join(', ')} ${outputs.length === 1 ? 'is no tensor' : 'are no tensors'}`
  const then =
    classes.size > 0
      ? 'Pare reads the scores within, and the step remove-zipmap gives them as a plain table'
      : 'Pare looks at the other outputs'
  return info('not-a-tensor', `${what}: ${then}.`)
}

const batchNormalization: Check = (model) => {
  const found = some(model, (node) => node.is('BatchNormalization'))
  return found === 0
    ? undefined
    : info(
        'batch-normalization',
        `${plural(found, 'batch normalization')} not folded into the layer before; the simplify step does it and makes integer models more accurate and faster.`,
      )
}

const privateMetadata: Check = (model) => {
  let found = 0
  for (const graph of model.graphs())
    for (const node of graph.nodes)
      if (
        node.unknown.some((bytes) =>
          /stack_trace|\.py|site-packages/.test(Buffer.from(bytes).toString('latin1')),
        )
      )
        found++
  return found === 0
    ? undefined
    : warning(
        'private-metadata',
        `${plural(found, 'node')} hold source paths or stack traces of whoever exported the model; the simplify step removes them.`,
      )
}

const twins: Check = (model) => {
  let bytes = 0
  for (const name of copies(model.graph).keys()) bytes += model.graph.initializers.get(name)!.byteLength
  return bytes === 0
    ? undefined
    : info('stored-twice', `${bytes} bytes of weights are stored twice; the simplify step stores them once.`)
}

const nothing: Check = (model, costs) =>
  costs.parameters > 0 || classicalPart(model) !== undefined
    ? undefined
    : warning('no-weights', 'No weights were found, so there is little to compress.')

const CHECKS: readonly Check[] = [
  alreadyQuantized,
  dynamicShape,
  fixedBatch,
  controlFlow,
  functions,
  externalData,
  oldOpset,
  halfPrecision,
  classical,
  noTensors,
  batchNormalization,
  privateMetadata,
  twins,
  nothing,
]

const KNOWN_DOMAINS = new Set([
  '',
  'com.microsoft',
  'com.microsoft.nchwc',
  'ai.onnx.ml',
  'com.ms.internal.nhwc',
])

/** Why ONNX Runtime refuses the model; operators from unknown domains are named as the likely cause. */
function refusal(model: Model, refused: unknown): CompatibilityIssue[] {
  if (refused === undefined) return []
  const local = new Set(model.functions.map(({ domain }) => domain))
  const foreign = new Set<string>()
  for (const graph of model.graphs())
    for (const { domain, opType } of graph.nodes)
      if (!KNOWN_DOMAINS.has(domain) && !local.has(domain)) foreign.add(`${domain}.${opType}`)
  if (foreign.size > 0)
    return [
      {
        kind: 'unknown-operator',
        severity: 'error',
        message: `ONNX Runtime does not know ${[...foreign].join(', ')}. Export the model with standard operators, or replace them.`,
      },
    ]
  const data = errorData(refused)
  if (data.code === 'model/no-working-input')
    return [
      {
        kind: 'not-traced',
        severity: 'warning',
        message: `${errorMessage(data).what} Shapes, and what hangs on them, stay unknown until it is given data.`,
      },
    ]
  const message =
    'reason' in data ? `ONNX Runtime cannot run this model: ${data.reason}` : errorMessage(data).what
  return [{ kind: 'not-runnable', severity: 'error', message }]
}

export function compatibilityIssues(model: Model, costs: ModelCosts, refused: unknown): CompatibilityIssue[] {
  return [...refusal(model, refused), ...CHECKS.flatMap((check) => check(model, costs) ?? [])]
}
