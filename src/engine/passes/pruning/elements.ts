/** Indices of axes that may be cut, joined across the graph. */
import { UnionFind } from '../../math/union-find'
import { balanceUnits } from './balance'
import type { Collected } from './collect'

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
