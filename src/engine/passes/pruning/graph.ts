/**
 * The dependency graph of a model's channels: which must go together, which may not go at all.
 * Sources: DepGraph (arXiv:2301.12900), SPA (arXiv:2403.18955); here over ONNX operators, index by index.
 */
import { isExcluded, LEFT_ALONE } from '../../layers/left-out'
import type { Model } from '../../onnx'
import { chooseCarriers, type AttentionUnit } from './carry'
import { collect, type Collected, type ShapeSource, type Sink } from './collect'
import { Elements } from './elements'
import { groupUnits, type Group, type Unit } from './group'
import { weightPlaces, type WeightPlaces } from './places'

export interface DependencyOptions {
  attention: AttentionUnit
  throughLayerNorm: boolean
  /** Layers none of whose weights may go: see `isExcluded`. */
  exclude?: readonly string[]
}

export interface DependencyGraph {
  /** Units by group; units of a group stand on the same axes. */
  groups: Group[]
  sinks: readonly Sink[]
  weights: WeightPlaces
  /** Which unit each index of an axis belongs to (−1: it stays); undefined where the whole axis stays. */
  unitsOn(value: string, axis: number): Int32Array | undefined
  /** Why channels of a value may not go; undefined where they may. */
  whyFixed(value: string, axis: number): string | undefined
  /** Joined axes as one number, for counting what is left on each. */
  axisKey(value: string, axis: number): number | undefined
}

/** Builds the graph of a model that `prepare` made ready. Runs nothing. */
export function buildDependencyGraph(
  model: Model,
  source: ShapeSource,
  options: DependencyOptions,
): DependencyGraph {
  const collected = collect(model, source, options.throughLayerNorm)
  const carriers = chooseCarriers(collected.axes, collected.factors, options.attention)
  freezeExcluded(model, collected, source, options.exclude)
  const elements = new Elements(collected)
  for (const { a, b, pairs } of collected.maps) for (const [i, j] of pairs) elements.join(a, i, b, j)
  for (const { axis, index, reason } of collected.frozenElements) elements.freeze(axis, index, reason)
  for (const [factor, carrier] of carriers) elements.joinFactor(factor.whole, factor.parts, carrier)
  elements.spreadFrozen()
  for (const { axis, parts } of collected.balances) elements.balance(axis, parts)
  const weights = weightPlaces(model.graph)
  const groups = groupUnits(elements, collected, weights.makes)
  const unitOf = new Map<number, Unit>()
  for (const group of groups) for (const unit of group.units) unitOf.set(unit.set, unit)
  return {
    groups,
    sinks: collected.sinks,
    weights,
    unitsOn(value, axis) {
      const root = collected.axes.find(value, axis)
      if (root === undefined || !elements.has(root)) return undefined
      return elements.setsOn(root).map((set) => unitOf.get(set)?.id ?? -1)
    },
    whyFixed(value, axis) {
      const root = collected.axes.find(value, axis)
      if (root === undefined) return 'it has length one'
      const reason = collected.axes.reason(root) ?? elements.whyFixed(root)
      const isTied = !reason && elements.setsOn(root).every((set) => !unitOf.has(set))
      return isTied ? 'they depend on each other so that only all of them could go' : reason
    },
    axisKey: (value, axis) => collected.axes.find(value, axis),
  }
}

function freezeExcluded(
  { graph }: Model,
  { axes }: Collected,
  { shapes }: ShapeSource,
  exclude?: readonly string[],
): void {
  for (const node of graph.nodes.filter((node) => isExcluded(exclude, { node })))
    for (const value of [...node.inputs, ...node.outputs])
      for (const axis of shapes.get(value)?.dims.keys() ?? []) {
        const id = axes.find(value, axis)
        if (id !== undefined) axes.freeze(id, LEFT_ALONE)
      }
}
