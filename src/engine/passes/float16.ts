/** Half precision: weights of two bytes, computed in float16 or only stored so. */
import { z } from 'zod'
import { PareError } from '../../contract/errors'
import { formatBytes, plural } from '../../contract/format'
import type { StepRecord } from '../../contract/report'
import { encodedLength, readsOf, type Model, type Node } from '../onnx'
import { feedsOf } from '../data/feeds'
import { computedValues, typesOf, workingFeeds, type Values } from '../runtime'
import { breakingNodes, withSilence } from './half/finite'
import { toHalf, type Converted } from './half/convert'
import { hindrance, reaches } from './half/limits'
import { asHalf, LARGEST_HALF } from '../layers/encodings/float16-stored'
import { storeHalf, type Stored } from './half/store'
import { refusalOf, refusedLayers } from './loads'
import { exclude } from './fields'
import { definePass, type PassContext, type PassResult } from './pass'
import { withWeightInitializers } from '../layers/normalize'
import { liftConstants } from '../layers/normalize/lift-constants'
import { isExcluded, LEFT_ALONE, reasonsTold } from '../layers/left-out'

const ID = 'float16'

type Skipped = NonNullable<StepRecord['skipped']>

const params = z.object({
  compute: z
    .enum(['float16', 'float32'])
    .default('float16')
    .meta({
      label: 'Compute in',
      help: 'float16 computes and stores in half precision, with float32 inputs and outputs; float32 only stores the weights in half precision: same size, safest everywhere.',
      told: { float32: 'stored only' },
      search: ['float16', 'float32'],
    }),
  exclude,
})

type Params = z.output<typeof params>

/** Samples that tell how large values get. */
const ROWS = 16

/** A refusal by ONNX Runtime keeps one more operator in float32; more refusals than this are another problem. */
const MOST_REFUSALS = 12

const hasFloats = (model: Model): boolean =>
  [...model.constants()].some(({ tensor: { dtype, size } }) => /^float(32|64)$/.test(dtype) && size > 1)

const nothing = (reason: string): PareError => new PareError('model/nothing-to-do', { by: ID, reason })

function check(model: Model): void {
  if (!hasFloats(model)) throw nothing('the model has no float32 weights of more than one number')
}

async function probe(model: Model, { data, signal }: PassContext): Promise<Values[]> {
  const batches: Values[] = []
  if (data)
    for await (const feeds of feedsOf(model, data.splits.calibration, { limit: ROWS, size: 4, signal }))
      batches.push(feeds)
  return withSilence(model, batches.length > 0 ? batches : [await workingFeeds(model, { batch: 2 })])
}

const layerOf = (node: Node): string => node.outputs.find((output) => output !== '') ?? node.label

/** Nodes that stay in float32, each with its reason. */
async function chooseKept(
  model: Model,
  exclude: readonly string[],
  batches: Values[],
): Promise<Map<Node, string>> {
  const kept = new Map<Node, string>()
  const large = await reaches(model, computedValues(model), () => batches)
  const beyond = (value: string): number | undefined => {
    const tensor = model.graph.initializers.get(value)
    if (tensor?.dtype === 'float32') {
      const half = asHalf(tensor)
      return 'reaches' in half ? half.reaches : undefined
    }
    const reach = large.get(value) ?? 0
    return reach > LARGEST_HALF / 2 ? reach : undefined
  }
  for (const node of model.graph.nodes) {
    const reason = isExcluded(exclude, { node }) ? LEFT_ALONE : hindrance(node)
    const value = [...node.inputs, ...node.outputs]
      .map((name) => beyond(name))
      .find((reach) => reach !== undefined)
    if (reason) kept.set(node, reason)
    else if (value !== undefined)
      kept.set(node, `its numbers reach ${value.toPrecision(3)}, and float16 ends at ${LARGEST_HALF}`)
  }
  return kept
}

/** Converts; what ONNX Runtime then refuses in float16, and what breaks down in it, is kept in float32 as well. */
async function convertUntilItRuns(
  model: Model,
  kept: Map<Node, string>,
  batches: readonly Values[],
): Promise<Converted> {
  const convert = await convertUntilItLoads(model, kept)
  const { nodes, broken } = await breakingNodes(
    model,
    new Set(kept.keys()),
    batches,
    (stays) => convert(stays).model,
  )
  if (broken !== undefined)
    throw new PareError('pass/failed', {
      pass: ID,
      node: broken,
      reason: `in float16 the output “${broken}” is no longer finite`,
    })
  for (const node of nodes) kept.set(node, 'in float16 its numbers overflow or vanish')
  return convert(new Set(kept.keys()))
}

/** Adds what ONNX Runtime refuses in float16 to what is kept; gives the conversion. */
async function convertUntilItLoads(
  model: Model,
  kept: Map<Node, string>,
): Promise<(stays: ReadonlySet<Node>) => Converted> {
  const types = await typesOf(model, computedValues(model))
  for (const node of model.graph.nodes)
    if (!kept.has(node) && node.outputs.some((output) => output !== '' && !types.has(output)))
      kept.set(node, node.constant ? 'the model gives it out as it is' : 'it makes a sequence, not a tensor')
  const convert = (stays: ReadonlySet<Node>): Converted => toHalf(model, types, stays)
  for (let refusals = 0; refusals < MOST_REFUSALS; refusals++) {
    const refusal = await refusalOf(convert(new Set(kept.keys())).model)
    if (!refusal) return convert
    const refused = refusedNodes(model, kept, refusal)
    if (refused.length === 0) break
    for (const node of refused) kept.set(node, 'ONNX Runtime has no float16 form of it')
  }
  const open = new Map(
    model.graph.nodes.flatMap((node) => (kept.has(node) ? [] : [[layerOf(node), node] as const])),
  )
  const refused = await refusedLayers([...open.keys()], (left) => {
    const single = [...left].map((layer) => open.get(layer)!)
    return toHalf(model, types, new Set([...kept.keys(), ...single])).model
  })
  for (const [layer, reason] of refused) kept.set(open.get(layer)!, reason)
  return convert
}

/** Nodes of the operator that a refusal names: “… of operator (Foo) in node (bar) is invalid”. */
function refusedNodes(model: Model, kept: ReadonlyMap<Node, string>, { data }: PareError): Node[] {
  const reason = 'reason' in data ? data.reason : ''
  const op =
    /of operator \((\w+)\)/.exec(reason)?.[1] ?? /for (?:the node )?\S*?:?(\w+)\(\d+\)/.exec(reason)?.[1]
  return model.graph.nodes.filter((node) => node.opType === op && !kept.has(node))
}

/** Weights that the bodies of If, Loop and Scan read, which stay in float32, stored as float16 in the main graph. */
async function storeForBodies(model: Model): Promise<Stored> {
  const read = new Set(
    model.graph.nodes.flatMap((node) =>
      node.subgraphs().length > 0 ? [...readsOf(node)].filter((value) => !node.inputs.includes(value)) : [],
    ),
  )
  const all = storeHalf(model, read)
  const refused = await refusedLayers(all.halved, (left) => withoutSome(left).model)
  return refused.size > 0 ? withoutSome(refused) : all

  function withoutSome(left: { has(name: string): boolean }): Stored {
    return storeHalf(model, new Set(all.halved.filter((name) => !left.has(name))))
  }
}

async function halve(
  original: Model,
  { compute, exclude }: Params,
  context: PassContext,
): Promise<PassResult> {
  check(original)
  const { model, notes } = withWeightInitializers(original)
  liftConstants(model)
  const before = encodedLength(original)
  if (compute === 'float32') {
    const all = storeHalf(model)
    const smaller = [...all.halved, ...all.narrowed]
    const but = (left: { has(name: string): boolean }): Stored =>
      storeHalf(model, new Set(smaller.filter((name) => !left.has(name))))
    const refused = await refusedLayers(smaller, (left) => but(left).model)
    const { model: stored, halved, narrowed } = but(refused)
    if (halved.length + narrowed.length === 0)
      throw nothing('no weight is large enough, and within its range')
    const skipped = all.tooLarge.map(({ name, reaches: reach }) => ({
      layer: name,
      reason: `its weights reach ${reach.toPrecision(3)}, and float16 ends at ${LARGEST_HALF}`,
    }))
    for (const [layer, reason] of refused) skipped.push({ layer, reason })
    const tables = `${plural(narrowed.length, 'table')} of whole numbers in as few bytes as they need`
    const told = narrowed.length > 0 ? [tables, ...notes] : notes
    const summary = sentence(halved.length, before, stored, 'stored as float16', told)
    return { model: stored, skipped, summary }
  }
  context.progress(0.1, 'looking how large values get')
  const batches = await probe(model, context)
  const kept = await chooseKept(model, exclude, batches)
  context.progress(0.6, 'converting to float16')
  const { model: converted, halved, casts } = await convertUntilItRuns(model, kept, batches)
  const skipped: Skipped = [...kept].map(([node, reason]) => ({
    layer: layerOf(node),
    reason: `${node.opType}: ${reason}`,
  }))
  const stored = await storeForBodies(converted)
  if (halved.length + stored.halved.length === 0)
    throw nothing(`every layer has to stay in float32 (${reasonsTold(skipped)})`)
  const within =
    stored.halved.length > 0
      ? [
          `${plural(stored.halved.length, 'weight')} within If, Loop or Scan stored so and computed in float32`,
        ]
      : []
  const summary = sentence(
    halved.length,
    before,
    stored.model,
    `in float16, with ${plural(casts, 'cast')} to and from float32`,
    [...within, ...notes],
  )
  return { model: stored.model, skipped, summary }
}

const sentence = (
  count: number,
  before: number,
  after: Model,
  how: string,
  notes: readonly string[],
): string => {
  const sizes = `${formatBytes(before)} → ${formatBytes(encodedLength(after))}`
  return `${[`${plural(count, 'weight')} ${how}: ${sizes}`, ...notes].join('; ')}.`
}

export const float16 = definePass({
  id: ID,
  title: 'Half precision',
  term: 'float16',
  family: 'precision',
  role: 'encodes',
  after: ['removes', 'trains', 'prepares'],
  summary: 'Stores weights in two bytes instead of four and, where asked, computes in float16 too.',
  sources: ['IEEE 754 binary16', 'arXiv:1710.03740', 'ONNX Cast'],
  params,
  check,
  run: halve,
})
