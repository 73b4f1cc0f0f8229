/**
 * The dependency graph of a model's channels: which must go together, which may not go at all.
 * Sources: DepGraph (arXiv:2301.12900), SPA (arXiv:2403.18955); here over ONNX operators, index by index.
 */
import { UnionFind } from '../../math/union-find'
import type { Model } from '../../onnx'
import { balanceUnits } from './balance'
import { chooseCarriers, type AttentionUnit } from './carry'
import { collect, type Collected, type ShapeSource, type Sink } from './collect'
import { groupUnits, type Group, type Unit } from './group'
import type { WeightRole } from './relations'

export interface DependencyOptions {
  attention: AttentionUnit
  throughLayerNorm: boolean
}

export interface DependencyGraph {
  /** Units by group; units of a group stand on the same axes. */
  groups: Group[]
  sinks: readonly Sink[]
  roles: readonly { value: string; axis: number; role: WeightRole; node: number }[]
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
  const elements = new Elements(collected)
  for (const { a, b, pairs } of collected.maps) for (const [i, j] of pairs) elements.join(a, i, b, j)
  for (const { axis, index, reason } of collected.frozenElements) elements.freeze(axis, index, reason)
  for (const [factor, carrier] of carriers) elements.joinFactor(factor.whole, factor.parts, carrier)
  elements.spreadFrozen()
  for (const { axis, parts } of collected.balances) elements.balance(axis, parts)
  const groups = groupUnits(elements, collected)
  const unitOf = new Map<number, Unit>()
  for (const group of groups) for (const unit of group.units) unitOf.set(unit.set, unit)
  return {
    groups,
    sinks: collected.sinks,
    roles: collected.roles,
    unitsOn(value, axis) {
      const root = collected.axes.find(value, axis)
      if (root === undefined || !elements.has(root)) return undefined
      return elements.setsOn(root).map((set) => unitOf.get(set)?.id ?? -1)
    },
    whyFixed(value, axis) {
      const root = collected.axes.find(value, axis)
      if (root === undefined) return 'it has length one'
      return collected.axes.reason(root) ?? elements.whyFixed(root)
    },
    axisKey: (value, axis) => collected.axes.find(value, axis),
  }
}

/** Indices of axes that may be cut, joined across the graph. */
export class Elements {
  private readonly base = new Map<number, number>()
  private readonly sets: UnionFind
  private readonly reasons = new Map<number, string>()

  constructor(private readonly collected: Collected) {
    let count = 0
    for (const root of collected.axes.members().keys()) {
      if (collected.axes.isFrozen(root)) continue
      this.base.set(root, count)
      count += collected.axes.length(root)
    }
    this.sets = new UnionFind(count)
  }

  has(root: number): boolean {
    return this.base.has(root)
  }

  /** Roots of all axes that may be cut. */
  axes(): number[] {
    return [...this.base.keys()]
  }

  private at(axis: number, index: number): number | undefined {
    const base = this.base.get(this.collected.axes.root(axis))
    return base === undefined ? undefined : base + index
  }

  setsOn(root: number): Int32Array {
    const base = this.base.get(root)!
    return Int32Array.from({ length: this.collected.axes.length(root) }, (_, i) => this.sets.find(base + i))
  }

  join(a: number, i: number, b: number, j: number): void {
    const [ea, eb] = [this.at(a, i), this.at(b, j)]
    if (ea !== undefined && eb !== undefined) this.sets.union(ea, eb)
    else if (ea !== undefined) this.freeze(a, i, this.collected.axes.reason(b)!)
    else if (eb !== undefined) this.freeze(b, j, this.collected.axes.reason(a)!)
  }

  freeze(axis: number, index: number, reason: string): void {
    const element = this.at(axis, index)
    if (element !== undefined) this.reasons.set(element, reason)
  }

  joinFactor(whole: number, parts: readonly number[], carrier: number): void {
    const { axes } = this.collected
    const inner = parts.slice(carrier + 1).reduce((n, part) => n * axes.length(part), 1)
    const length = axes.length(parts[carrier]!)
    for (let i = 0; i < axes.length(whole); i++)
      this.join(whole, i, parts[carrier]!, Math.floor(i / inner) % length)
  }

  /** A set with one fixed element is fixed. */
  spreadFrozen(): void {
    for (const [element, reason] of [...this.reasons]) this.reasons.set(this.sets.find(element), reason)
  }

  isFixed(set: number): boolean {
    return this.reasons.has(set)
  }

  balance(axis: number, parts: number): void {
    const base = this.base.get(this.collected.axes.root(axis))
    if (base === undefined) return
    const elements = Array.from({ length: this.collected.axes.length(axis) }, (_, i) => base + i)
    balanceUnits(
      this.sets,
      elements,
      parts,
      (set) => this.reasons.has(set),
      (set) => this.reasons.set(set, 'its group of a grouped convolution must stay even'),
    )
  }

  whyFixed(root: number): string | undefined {
    const reasons = [...this.setsOn(root)].map((set) => this.reasons.get(set))
    return reasons.every((reason) => reason !== undefined) ? reasons[0] : undefined
  }
}
