/** Channel pruning from scores to a smaller model. */
import type { Model } from '../../onnx'
import type { PassContext } from '../pass'
import { samplesOf, signatureOf } from '../../runtime'
import { exampleFeeds, sampleSource } from '../../data/feeds'
import type { AttentionUnit } from './carry'
import type { ShapeSource } from './collect'
import type { AxisRef } from './relations'
import { costModel, type Cost } from './cost'
import { buildDependencyGraph, type DependencyGraph } from './graph'
import type { Group } from './group'
import { collect } from '../../layers/statistics/collect'
import { separate, type Separated } from '../../layers/normalize'
import type { NotALayer } from '../../layers/find'
import { storeHalf } from '../half/store'
import { removeProven } from './prove'
import { openCodes } from './quantized-weights'
import { reconstruct, type Reconstructed, type Refitted } from './reconstruct'
import { keptAfter, removeUnits, type Kept } from './remove'
import { scoreUnits, type Criterion, type FellBack } from './scores'
import { selectUnits, type Selection } from './select'
import { traceSource } from './shapes'
import { obsScores } from './obs'
import { latencyShare, ratioFor } from './target'
import { taylorImportance } from './taylor'

interface ChannelOptions extends Omit<Selection, 'ratio'> {
  criterion: Criterion
  target: 'ratio' | 'macs' | 'size' | 'latency'
  /** Share of units to remove, for 'ratio'. */
  ratio: number
  /** Share of the original's cost to reach, for the other targets. */
  goal: number
  attention: AttentionUnit | 'keep'
  throughLayerNorm: boolean
  reconstruct: boolean
  samples: number
  exclude?: readonly string[]
}

export interface PrunedChannels {
  model: Model
  /** The original with its constants apart and codes restored: what node numbers of `dependencies` refer to. */
  prepared: Model
  /** The same without the channels, refitted. */
  cut: Model
  elementBytes(weight: string): number
  dependencies: DependencyGraph
  removed: ReadonlySet<number>
  before: Cost
  after: Cost
  fellBack: FellBack[]
  refitted: Refitted[]
  /** Groups that could not be taken out, layers that could not be refitted. */
  skipped: NotALayer[]
}

const ID = 'prune-channels'

/** Throws what tracing throws, and `data/split-missing` where the criterion or reconstruction needs samples. */
export async function pruneModelChannels(
  model: Model,
  options: ChannelOptions,
  context: PassContext,
): Promise<PrunedChannels> {
  const byData = options.criterion === 'activation' || options.criterion === 'obs'
  const needsData = options.reconstruct || byData || options.target === 'latency'
  const opened = openCodes(model)
  const prepared = separate(opened.model)
  const samples = needsData ? sampleSource(context, ID) : undefined
  const { calibration, training } = context.data?.splits ?? {}
  const most = Math.min(options.samples, (calibration?.length ?? 0) + (training?.length ?? 0))
  context.progress(0, 'following channels through the graph')
  const feeds = await exampleFeeds({ ...context, original: model }, 2)
  const source = await traceSource(prepared.model, feeds)
  const dependencies = dependenciesOf(prepared, source, options)
  const batches = samples && ((): ReturnType<typeof samples> => samples(16, most))
  const elimination =
    options.criterion === 'obs' && samples
      ? await obsScores(prepared.model, dependencies, source, {
          batches: samples,
          samples: most,
          progress: (done, doing) => context.progress(0.1 * done, doing),
        })
      : undefined
  const unscored = ({ units }: Group): boolean => !units.every(({ id }) => elimination?.has(id))
  const statistics =
    byData && batches && dependencies.groups.some(unscored)
      ? await collect(prepared.model, { moments: cuttable(dependencies) }, batches, {
          progress: (batch) => context.progress(0.1, `reading activations, batch ${batch + 1}`),
        })
      : undefined
  const importance =
    options.criterion === 'taylor'
      ? await taylorImportance(prepared.model, context, ID, options.samples)
      : undefined
  const { scores: worth, fellBack } = await scoreUnits(
    {
      graph: prepared.model.graph,
      dependencies,
      random: context.random.fork('prune-channels'),
      statistics,
      elimination,
      importance,
    },
    options.criterion,
  )
  const cost = costModel(prepared.model, source)
  const scores = forWhatItSaves(worth, dependencies, options, cost)
  const keptAt = (ratio: number): { kept: Kept; removed: Set<number> } => {
    const removed = selectUnits(dependencies.groups, scores, { ...options, ratio })
    return { removed, kept: keptAfter(dependencies, removed) }
  }
  const before = cost(() => undefined)
  const ratio = await ratioOf(options, {
    relative: (at, what) => cost(keptAt(at).kept)[what] / before[what],
    latency: async (at) => {
      context.progress(0.2, 'measuring latency')
      return latencyShare(
        model,
        opened.closed(removeUnits(prepared, source, keptAt(at).kept), keptAt(at).kept),
        samplesOf(signatureOf(model), (await first(samples!(1, 1)))!),
        context.signal,
      )
    },
  })
  const proven = await removeProven(prepared, source, dependencies, keptAt(ratio).removed, feeds)
  const fit: Reconstructed =
    options.reconstruct && samples && proven.removed.size > 0
      ? await reconstruct(prepared.model, proven, source, feeds, {
          batches: samples,
          samples: most,
          fixedBatch: signatureOf(model).batch,
          progress: (done, doing) => context.progress(0.3 + 0.7 * done, doing),
        })
      : { model: proven.model, refitted: [], failed: [] }
  const made = opened.closed(fit.model, proven.kept)
  return {
    model: storeHalf(made, prepared.halves).model,
    prepared: prepared.model,
    cut: fit.model,
    elementBytes: opened.elementBytes,
    dependencies,
    removed: proven.removed,
    before,
    after: cost(proven.kept),
    fellBack,
    refitted: fit.refitted,
    skipped: [...proven.leftOut, ...fit.failed],
  }
}

/** Channels that sums read and that may lose some. */
const cuttable = (dependencies: DependencyGraph): AxisRef[] =>
  dependencies.sinks
    .filter(({ value, axis }) => dependencies.unitsOn(value, axis)?.some((unit) => unit >= 0))
    .map(({ value, axis, measured }) => measured ?? [value, axis])

/**
 * Where groups compete, what a channel is worth counts for what goes with it: bytes or multiplications where these
 * are the target, else the shares of both. Channels of a group cost the same.
 */
function forWhatItSaves(
  scores: ReadonlyMap<number, number>,
  dependencies: DependencyGraph,
  { scope, target }: ChannelOptions,
  cost: (kept: Kept) => Cost,
): ReadonlyMap<number, number> {
  if (scope === 'layer') return scores
  const whole = cost(() => undefined)
  const share = (after: Cost, what: 'bytes' | 'macs'): number => 1 - after[what] / Math.max(1, whole[what])
  return new Map(
    dependencies.groups.flatMap(({ units }) => {
      const after = cost(keptAfter(dependencies, new Set([units[0]!.id])))
      const saved =
        (target === 'size' || target === 'ratio' ? share(after, 'bytes') : 0) +
        (target === 'size' ? 0 : share(after, 'macs'))
      return units.map(({ id }) => [id, scores.get(id)! / Math.max(Number.EPSILON, saved)] as const)
    }),
  )
}

function dependenciesOf(prepared: Separated, source: ShapeSource, options: ChannelOptions): DependencyGraph {
  const attention = options.attention === 'keep' ? 'heads' : options.attention
  const graph = buildDependencyGraph(prepared.model, source, {
    attention,
    throughLayerNorm: options.throughLayerNorm,
    exclude: options.exclude,
  })
  if (options.attention !== 'keep') return graph
  return { ...graph, groups: graph.groups.filter((group) => !group.batched) }
}

async function first<T>(items: AsyncIterable<T>): Promise<T | undefined> {
  for await (const item of items) return item
  return undefined
}

interface Costs {
  relative(ratio: number, what: 'macs' | 'bytes'): number
  latency(ratio: number): Promise<number>
}

function ratioOf({ target, ratio, goal }: ChannelOptions, costs: Costs): Promise<number> {
  switch (target) {
    case 'ratio':
      return Promise.resolve(ratio)
    case 'macs':
      return ratioFor(goal, (at) => costs.relative(at, 'macs'))
    case 'size':
      return ratioFor(goal, (at) => costs.relative(at, 'bytes'))
    case 'latency':
      return ratioFor(goal, (at) => costs.latency(at), true)
  }
}
