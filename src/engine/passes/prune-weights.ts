import zlib from 'node:zlib'
import { z } from 'zod'
import { PareError } from '../../contract/errors'
import type { LayerReport } from '../../contract/report'
import { plural } from '../../contract/format'
import { encodedLength, encodeModel, type Model } from '../onnx'
import { affordable, secondsOfRun } from '../runtime'
import { withMasks } from '../training/constraints'
import { definePass, type PassContext } from './pass'
import { allocate, measureDamages } from './pruning/allocate'
import { bearableShares } from './pruning/bearable'
import { comparisonBatches, exampleFeeds, sampleSource } from '../data/feeds'
import { divergenceText, type Divergence } from '../evaluate/comparison/divergence'
import { separate } from '../layers/normalize'
import { storeHalf } from './half/store'
import { traceSource } from './pruning/shapes'
import { STANDARD_OPS, type NotALayer } from '../layers/find'
import type { Layer } from '../layers/layer'
import { isExcluded, LEFT_ALONE, openLayers } from '../layers/left-out'
import { NO_PRODUCT, productLayer } from '../layers/product'
import { LOSS_TOLD, exclude, samples } from './fields'
import { reasonsOf } from './pruning/reasons'
import { globalThreshold, pruneLayers, type Pattern } from './pruning/weights'
import { taskOf } from '../tasks'

const ID = 'prune-weights'
const SAMPLES_FOR_SENSITIVITY = 64
/** Of a share that is found out: seconds to measure what layers bear, runs a layer, samples; and to hold the limit. */
const SECONDS = 20
const RUNS = 10
const LEAST_SAMPLES = 4
const SAMPLES_FOR_LIMIT = 320

const params = z.object({
  sparsity: z
    .number()
    .min(0)
    .max(0.99)
    .default(0)
    .meta({
      label: 'Zeros (sparsity)',
      help: 'Share of the weights set to zero; 0 finds out how many the model bears within the limit below, layer by layer. The download shrinks with it; ordinary runtimes do not run faster.',
      told: '{%} zeros',
      search: [0, 0.5, 0.7, 0.9],
    }),
  maxLoss: z.number().min(0).max(100).default(1).meta({
    label: 'Largest loss',
    unit: 'points',
    told: LOSS_TOLD,
    help: 'Where the share is found out: answers out of 100 that may change; where the model names no classes, percent of the variance of its outputs that may be error.',
  }),
  method: z
    .enum(['magnitude', 'wanda', 'sparsegpt'])
    .default('magnitude')
    .meta({
      label: 'Method',
      help: 'magnitude takes the smallest weights; wanda weighs them by how large their inputs are; sparsegpt also updates what stays. The last two measure on calibration data; where inputs cannot be measured (recurrent layers, branches and loops) the smallest go, and it is said.',
      told: { sparsegpt: 'SparseGPT', wanda: 'Wanda' },
      search: ['magnitude', 'sparsegpt'],
    }),
  pattern: z.enum(['unstructured', '2:4', '4:8', 'blocks']).default('unstructured').meta({
    label: 'Pattern',
    help: '"2:4" and "4:8" zero half of every group of neighbours, for hardware that knows the pattern; blocks zero small rectangles.',
    advanced: true,
  }),
  blockShape: z
    .string()
    .regex(/^[1-9]\d{0,2}x[1-9]\d{0,2}$/, 'it is not height x width, such as 4x4')
    .default('4x4')
    .meta({
      label: 'Block shape',
      help: 'Outputs times inputs that a block spans, such as 4x4.',
      only: { name: 'pattern', is: 'blocks' },
      advanced: true,
    }),
  allocation: z
    .enum(['layer', 'global', 'sensitivity'])
    .default('layer')
    .meta({
      label: 'Share of',
      help: 'Of a share that is given: "layer" zeroes the same everywhere; "global" the smallest weights of the whole model; "sensitivity" measures what each layer bears.',
      told: { sensitivity: 'as much as each layer bears', global: 'the smallest of the whole model' },
      search: ['layer', 'sensitivity'],
    }),
  threshold: z.number().min(0).default(0).meta({
    label: 'Threshold',
    help: 'When above 0: every weight of at most this size goes, whatever the share. Magnitude only.',
    advanced: true,
  }),
  steps: z.int().min(1).max(20).default(1).meta({
    label: 'Steps',
    help: 'Reaches the share in this many rounds, fast first (cubic schedule), measuring again each time.',
    advanced: true,
  }),
  samples: samples(512),
  exclude,
})

type Params = z.output<typeof params>

export const pruneWeights = definePass({
  id: ID,
  title: 'Zero out weights',
  term: 'unstructured pruning',
  family: 'pruning',
  role: 'removes',
  summary:
    'Sets the least useful weights to exactly zero: the download shrinks, shapes and speed stay; later training keeps the zeros.',
  sources: [
    'arXiv:1510.00149',
    'arXiv:1710.01878',
    'arXiv:2306.11695',
    'arXiv:2301.00774',
    'arXiv:2104.08378',
  ],
  params,
  check(model, options) {
    const { method, allocation, threshold, pattern } = options
    const wrong = (parameter: string, reason: string): never => {
      throw new PareError('pass/bad-parameter', { pass: ID, parameter, reason })
    }
    if (method !== 'magnitude' && allocation === 'global')
      wrong('allocation', 'global goes with magnitude only; take sensitivity')
    if (threshold > 0 && (method !== 'magnitude' || pattern !== 'unstructured'))
      wrong('threshold', 'goes with magnitude and no pattern only')
    if (method === 'sparsegpt' && pattern === 'blocks')
      wrong('pattern', 'sparsegpt knows no blocks; take wanda')
    const { model: prepared } = separate(model, { bodies: true })
    const { layers, skipped } = prunable(prepared, options)
    if (layers.length === 0)
      throw new PareError('model/nothing-to-do', { by: ID, reason: reasonsOf(prepared.graph, skipped, true) })
  },
  async run(original, options, context) {
    const { model, halves } = separate(original, { bodies: true })
    const { layers, skipped } = prunable(model, options)
    const needsData = options.method !== 'magnitude'
    const source = needsData || options.allocation === 'sensitivity' ? sampleSource(context, ID) : undefined
    context.progress(0, 'tracing shapes')
    const { shapes } = needsData
      ? await traceSource(model, await exampleFeeds({ ...context, original: model }))
      : { shapes: new Map() }
    const { sparsity, threshold, loss } = await plan(model, layers, options, context)
    const { failed, bySize } = await pruneLayers(model, layers, {
      method: options.method,
      pattern: patternOf(options),
      sparsity,
      threshold,
      steps: options.steps,
      samples: options.samples,
      source: needsData ? source : undefined,
      shapes,
      progress: (done, doing) => context.progress(0.3 + 0.7 * done, doing),
    })
    const done = layers.filter(({ name }) => !failed.some(({ layer }) => layer === name))
    if (done.length === 0)
      throw new PareError('model/nothing-to-do', {
        by: ID,
        reason: reasonsOf(model.graph, [...skipped, ...failed], true),
      })
    withMasks(
      model,
      done.flatMap(({ weight }) => (halves.has(weight) ? [] : [weight])),
    )
    const pruned = storeHalf(model, halves).model
    return {
      model: pruned,
      skipped: [...skipped, ...failed],
      summary: `${zeros(model, done)}${smallest(bySize)}${foundOut(loss, options, context)}${sizes(original, pruned)}`,
      layers: layerReports(model, done, bySize),
    }
  },
})

/** Fewer weights than this are not worth a zero. */
const LEAST = 64

/** Operators whose weights sum over inputs: a zero spares a product. */
const OPS = [...STANDARD_OPS.filter((op) => op !== 'Gather'), 'LSTM', 'GRU', 'RNN']

/** Layers in order; a weight that several read belongs to the first. Patterns count along inputs. */
function prunable(
  model: Model,
  { pattern, exclude }: Pick<Params, 'pattern' | 'exclude'>,
): { layers: Layer[]; skipped: NotALayer[] } {
  const { graph } = model
  const found = openLayers(model, { ops: OPS, bodies: true }, (layer) => {
    if (isExcluded(exclude, layer)) return LEFT_ALONE
    const { kind, product, tensor, node } = layer
    if (tensor.size < LEAST) return `it has only ${tensor.size} weights`
    if (kind === 'conv' && product.groups > 1 && product.outputs === 1)
      return 'depthwise kernels are small and lose most'
    return pattern === 'unstructured' || productLayer(graph, node) ? undefined : NO_PRODUCT
  })
  const first = new Map(found.layers.toReversed().map((layer) => [layer.weight, layer]))
  return {
    layers: found.layers.filter(
      (layer) => first.get(layer.weight) === layer && graph.initializers.has(layer.weight),
    ),
    skipped: [...found.skipped, ...found.others],
  }
}

const patternOf = ({ pattern, blockShape }: Params): Pattern => {
  const [height, width] = blockShape.split('x').map(Number) as [number, number]
  if (pattern === 'blocks') return { kind: 'blocks', height, width }
  if (pattern === 'unstructured') return { kind: 'unstructured' }
  return pattern === '2:4' ? { kind: 'n-of-m', n: 2, m: 4 } : { kind: 'n-of-m', n: 4, m: 8 }
}

interface Plan {
  sparsity: ReadonlyMap<string, number>
  threshold?: number
  /** What the smallest weights cost, where the share was found out. */
  loss?: Divergence
}

async function plan(
  model: Model,
  layers: readonly Layer[],
  options: Params,
  context: PassContext,
): Promise<Plan> {
  const { sparsity, allocation, threshold, pattern, samples } = options
  const even = new Map(layers.map(({ name }) => [name, sparsity]))
  if (threshold > 0) return { sparsity: even, threshold }
  if (pattern === '2:4' || pattern === '4:8') return { sparsity: even }
  if (sparsity === 0) return bearable(model, layers, options, context)
  if (allocation === 'global') return { sparsity: even, threshold: globalThreshold(model, layers, sparsity) }
  if (allocation === 'layer') return { sparsity: even }
  const source = sampleSource(context, ID)
  const batches = (): ReturnType<typeof source> => source(16, Math.min(samples, SAMPLES_FOR_SENSITIVITY))
  const costs = await measureDamages(model, layers, patternOf(options), batches, (done) =>
    context.progress(0.3 * done, 'measuring what each layer bears'),
  )
  return { sparsity: allocate(layers, costs, sparsity) }
}

/** Throws `model/nothing-to-do` where the outputs bear no zeros. */
async function bearable(
  model: Model,
  layers: readonly Layer[],
  { pattern, maxLoss, ...options }: Params,
  context: PassContext,
): Promise<Plan> {
  const each = await secondsOfRun(model, await exampleFeeds({ ...context, original: model }))
  const count = (runs: number, most: number): number =>
    affordable(SECONDS, each, { runs, least: LEAST_SAMPLES, most })
  const found = await bearableShares(model, layers, {
    pattern: patternOf({ pattern, maxLoss, ...options }),
    limit: maxLoss,
    classes: context.data !== undefined && taskOf(context.data.task).protects === 'class',
    few: await comparisonBatches(context, count(RUNS * layers.length, SAMPLES_FOR_SENSITIVITY), ID),
    many: await comparisonBatches(context, count(RUNS, SAMPLES_FOR_LIMIT), ID),
    progress: (done, doing) => context.progress(0.3 * done, doing),
  })
  if (!found)
    throw new PareError('model/nothing-to-do', {
      by: ID,
      reason: `zeros in even one weight of twenty cost more than ${plural(maxLoss, 'point')}${context.data ? '' : ' on random inputs'}`,
    })
  return { sparsity: found.shares, loss: found.loss }
}

const foundOut = (
  loss: Divergence | undefined,
  { method, maxLoss }: Params,
  { data }: PassContext,
): string =>
  loss
    ? ` That is what it bears within ${plural(maxLoss, 'point')}: without ${method === 'magnitude' ? 'them' : 'its smallest weights'} it is ${divergenceText(loss.points, loss.of)} on ${data ? 'calibration samples' : 'random inputs'}.`
    : ''

const zerosOf = (model: Model, name: string): { zeros: number; size: number } => {
  const values = model.graph.initializers.get(name)!.floats()
  let zeros = 0
  for (const value of values) if (value === 0) zeros++
  return { zeros, size: values.length }
}

/** Above this size only the share is told: compressing gigabytes for one sentence takes too long. */
const DEFLATE_LIMIT = 2 ** 28

const deflated = (model: Model): number => zlib.deflateRawSync(encodeModel(model), { level: 9 }).length
const kilobytes = (bytes: number): string => `${Math.round(bytes / 1000).toLocaleString('en')} kB`

function zeros(model: Model, layers: readonly Layer[]): string {
  const all = layers.map(({ weight }) => zerosOf(model, weight))
  const share = all.reduce((n, { zeros }) => n + zeros, 0) / all.reduce((n, { size }) => n + size, 0)
  return `${Math.round(1000 * share) / 10}% of the weights in ${plural(layers.length, 'layer')} are zero.`
}

const smallest = (bySize: readonly NotALayer[]): string =>
  bySize.length > 0
    ? ` In ${bySize.length} of them, whose inputs could not be measured, the smallest went.`
    : ''

const sizes = (before: Model, after: Model): string =>
  encodedLength(before) > DEFLATE_LIMIT
    ? ' Ordinary runtimes store and multiply zeros like any number, so it runs no faster.'
    : ` The zipped model shrinks from ${kilobytes(deflated(before))} to ${kilobytes(deflated(after))};` +
      ' ordinary runtimes store and multiply zeros like any number, so it runs no faster.'

function layerReports(model: Model, layers: readonly Layer[], bySize: readonly NotALayer[]): LayerReport[] {
  const unseen = new Map(bySize.map(({ layer, reason }) => [layer, reason]))
  return layers.map(({ name, node, weight }) => {
    const { zeros, size } = zerosOf(model, weight)
    const treatment = `${Math.round((100 * zeros) / size)}% zeros`
    const reason = unseen.get(name)
    return {
      layer: name,
      op: node.opType,
      treatment: reason ? `${treatment}, the smallest` : treatment,
      ...(reason && { reason: `by size alone: ${reason}` }),
    }
  })
}
