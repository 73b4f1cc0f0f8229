/** Axes of values as small integers, joined where rules say their indices are the same. */
import { UnionFind } from '../../math/union-find'

export interface AxisPlace {
  value: string
  axis: number
}

/** Axes of length one are never cut and get no number. */
export class AxisSpace {
  private readonly ids = new Map<string, number>()
  private readonly lengths: number[] = []
  private readonly places: (AxisPlace | undefined)[] = []
  private readonly sets = new UnionFind(0)
  private readonly frozen = new Map<number, string>()
  private readonly batches = new Set<number>()

  id(value: string, axis: number, length: number): number {
    const key = `${axis}:${value}`
    const known = this.ids.get(key)
    if (known !== undefined) return known
    const id = this.make(length, { value, axis })
    this.ids.set(key, id)
    return id
  }

  find(value: string, axis: number): number | undefined {
    const id = this.ids.get(`${axis}:${value}`)
    return id === undefined ? undefined : this.sets.find(id)
  }

  /** An axis that stands in no value: a factor common to both sides of a reshape. */
  virtual(length: number): number {
    return this.make(length, undefined)
  }

  private make(length: number, place: AxisPlace | undefined): number {
    this.lengths.push(length)
    this.places.push(place)
    return this.sets.add()
  }

  root(id: number): number {
    return this.sets.find(id)
  }

  length(id: number): number {
    return this.lengths[id]!
  }

  join(a: number, b: number): void {
    if (this.length(a) !== this.length(b)) {
      this.freeze(a, 'lengths differ')
      this.freeze(b, 'lengths differ')
      return
    }
    const reason = this.reason(a) ?? this.reason(b)
    const batch = this.isBatch(a) || this.isBatch(b)
    const root = this.sets.union(a, b)
    if (reason !== undefined) this.frozen.set(root, reason)
    if (batch) this.batches.add(root)
  }

  freeze(id: number, reason: string): void {
    const root = this.root(id)
    if (!this.frozen.has(root)) this.frozen.set(root, reason)
  }

  reason(id: number): string | undefined {
    return this.frozen.get(this.root(id))
  }

  isFrozen(id: number): boolean {
    return this.frozen.has(this.root(id))
  }

  markBatch(id: number): void {
    this.batches.add(this.root(id))
  }

  isBatch(id: number): boolean {
    return this.batches.has(this.root(id))
  }

  /** Every joined set of axes with its places in the graph. */
  members(): Map<number, AxisPlace[]> {
    const members = new Map<number, AxisPlace[]>()
    for (let id = 0; id < this.places.length; id++) {
      const root = this.root(id)
      const list = members.get(root) ?? []
      if (this.places[id]) list.push(this.places[id]!)
      members.set(root, list)
    }
    return members
  }
}
