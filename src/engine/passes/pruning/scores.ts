/** A number for every unit: what is lowest goes first. */
import { distancesToOthers, rowPowers, rowsAlong } from '../../math/pruning/criteria'
import type { Matrix } from '../../math/matrix'
import type { Random } from '../../math/random'
import type { Graph as OnnxGraph } from '../../onnx'
import type { DependencyGraph } from './graph'
import type { Group, Unit } from './group'
import type { Place } from './places'
import type { Statistics } from '../../layers/statistics/collect'
import { matmul } from '../../runtime'

export const CRITERIA = [
  'l1',
  'l2',
  'batch-norm',
  'geometric-median',
  'activation',
  'obs',
  'taylor',
  'random',
] as const
export type Criterion = (typeof CRITERIA)[number]

/** Importance of each index along an axis of a weight, as training measures it: Σ|w · ∂loss/∂w|. */
export type WeightImportance = ReadonlyMap<string, ArrayLike<number>>

interface ScoreInputs {
  graph: OnnxGraph
  dependencies: DependencyGraph
  random: Random
  /** For 'activation', and for groups that 'obs' does not apply to. */
  statistics?: Statistics
  /** For 'obs': scores of units. */
  elimination?: ReadonlyMap<number, number>
  /** For 'taylor': elements of |w·g| by initializer. */
  importance?: WeightImportance
}

/** Those of the group, each weight once however many layers read it. */
function ofGroup({ dependencies }: ScoreInputs, group: Group, places: readonly Place[]): Place[] {
  const found = new Map<string, Place>()
  for (const place of places) {
    const key = dependencies.axisKey(place.value, place.axis)
    if (key !== undefined && group.places.has(key)) found.set(`${place.axis}:${place.value}`, place)
  }
  return [...found.values()]
}

const normScales = ({ nodes }: OnnxGraph): Place[] =>
  nodes.flatMap((one, node) =>
    one.is('BatchNormalization', 'InstanceNormalization')
      ? [{ layer: one.outputs[0]!, node, value: one.inputs[1]!, axis: 0 }]
      : [],
  )

/** Adds up what belongs to a unit along one axis. */
function addAlong(group: Group, key: number, perIndex: Float64Array, into: Map<number, number>): void {
  for (const { id, axes } of group.units)
    for (const index of axes.get(key) ?? []) into.set(id, (into.get(id) ?? 0) + perIndex[index]!)
}

function rowsOf(
  inputs: ScoreInputs,
  { value, axis }: Place,
  from?: WeightImportance,
): Matrix<Float32Array> | undefined {
  const tensor = inputs.graph.initializers.get(value)
  const values = from ? from.get(value) : tensor?.floats()
  return tensor && values ? rowsAlong(values, tensor.dims, axis) : undefined
}

function fromWeights(
  inputs: ScoreInputs,
  group: Group,
  places: readonly Place[],
  p: 1 | 2,
  from?: WeightImportance,
): Map<number, number> {
  const scores = new Map<number, number>()
  for (const place of ofGroup(inputs, group, places)) {
    const rows = rowsOf(inputs, place, from)
    if (rows)
      addAlong(group, inputs.dependencies.axisKey(place.value, place.axis)!, rowPowers(rows, p), scores)
  }
  return scores
}

async function fromMedian(inputs: ScoreInputs, group: Group): Promise<Map<number, number>> {
  const scores = new Map<number, number>()
  for (const place of ofGroup(inputs, group, inputs.dependencies.weights.makes)) {
    const rows = rowsOf(inputs, place)
    const key = inputs.dependencies.axisKey(place.value, place.axis)!
    if (!rows) continue
    const units = unitRows(group.units, key, rows)
    const distances = await distancesToOthers(matmul, units)
    group.units.forEach(({ id }, i) => scores.set(id, (scores.get(id) ?? 0) + distances[i]!))
  }
  return scores
}

/** All rows of a unit behind each other. */
function unitRows(units: readonly Unit[], key: number, rows: Matrix<Float32Array>): Matrix<Float32Array> {
  const width = units[0]!.axes.get(key)!.length * rows.cols
  const data = new Float32Array(units.length * width)
  units.forEach((unit, u) =>
    unit.axes
      .get(key)!
      .forEach((index, i) =>
        data.set(rows.data.subarray(index * rows.cols, (index + 1) * rows.cols), u * width + i * rows.cols),
      ),
  )
  return { rows: units.length, cols: width, data }
}

/** Energy of what the sums would lose: Σ E[(x − mean)²] · ‖weights of x‖², the mean being kept in biases. */
function fromActivations(inputs: ScoreInputs, group: Group): Map<number, number> {
  const scores = new Map<number, number>()
  const { sinks, weights } = inputs.dependencies
  const { axisKey } = inputs.dependencies
  for (const { node, value, axis, measured } of sinks) {
    const key = axisKey(value, axis)
    const moments = inputs.statistics?.moments(...(measured ?? ([value, axis] as const)))
    if (key === undefined || !group.places.has(key) || !moments) continue
    const place = weights.reads.find((one) => one.node === node && axisKey(one.value, one.axis) === key)
    const rows = place && rowsOf(inputs, place)
    const norms = rows && rows.rows === moments.variance.length ? rowPowers(rows, 2) : undefined
    addAlong(
      group,
      key,
      moments.variance.map((energy, i) => energy * (norms?.[i] ?? 1)),
      scores,
    )
  }
  return scores
}

function fromElimination({ elimination }: ScoreInputs, { units }: Group): Map<number, number> {
  return new Map(
    units.flatMap(({ id }) => {
      const score = elimination?.get(id)
      return score === undefined ? [] : [[id, score] as const]
    }),
  )
}

/** What takes over where a criterion lacks what it needs. */
const fallback = (criterion: Criterion): Criterion => (criterion === 'obs' ? 'activation' : 'l2')

export interface FellBack {
  group: Group
  to: Criterion
}

/**
 * Scores of every unit, higher is more important. Only what is alike can be compared between groups: shares of
 * the error where OBS scored them all, else scores scaled so that the mean of each group is 1.
 */
export async function scoreUnits(
  inputs: ScoreInputs,
  criterion: Criterion,
): Promise<{ scores: Map<number, number>; fellBack: FellBack[] }> {
  const found: { group: Group; own: Map<number, number> }[] = []
  const fellBack: FellBack[] = []
  for (const group of inputs.dependencies.groups) {
    let used = criterion
    let own = await scoreGroup(inputs, group, used)
    while (own.size < group.units.length && used !== 'l2') {
      used = fallback(used)
      own = await scoreGroup(inputs, group, used)
    }
    if (used !== criterion) fellBack.push({ group, to: used })
    found.push({ group, own })
  }
  const alike = criterion === 'obs' && fellBack.length === 0
  const scores = new Map<number, number>()
  for (const { group, own } of found) {
    const total = [...own.values()].reduce((sum, score) => sum + score, 0)
    const scale = alike ? 1 : total / group.units.length || 1
    for (const { id } of group.units) scores.set(id, (own.get(id) ?? 0) / scale)
  }
  return { scores, fellBack }
}

async function scoreGroup(
  inputs: ScoreInputs,
  group: Group,
  criterion: Criterion,
): Promise<Map<number, number>> {
  const { makes } = inputs.dependencies.weights
  switch (criterion) {
    case 'l1':
      return fromWeights(inputs, group, makes, 1)
    case 'l2':
      return fromWeights(inputs, group, makes, 2)
    case 'batch-norm':
      return fromWeights(inputs, group, normScales(inputs.graph), 1)
    case 'geometric-median':
      return fromMedian(inputs, group)
    case 'activation':
      return fromActivations(inputs, group)
    case 'obs':
      return fromElimination(inputs, group)
    case 'taylor':
      return fromWeights(inputs, group, makes, 1, inputs.importance ?? new Map())
    case 'random':
      return new Map(group.units.map(({ id }) => [id, inputs.random.next()]))
  }
}
