/** Disjoint sets over 0 … size − 1. Source: Tarjan, Efficiency of a Good But Not Linear Set Union Algorithm, 1975. */
export class UnionFind {
  private parent: Int32Array
  private used: number

  constructor(size: number) {
    this.parent = Int32Array.from({ length: Math.max(size, 16) }, (_, i) => i)
    this.used = size
  }

  get size(): number {
    return this.used
  }

  /** Adds `count` singletons; gives the first. */
  add(count = 1): number {
    const first = this.used
    this.used += count
    if (this.used > this.parent.length) {
      const grown = Int32Array.from({ length: Math.max(this.used, 2 * this.parent.length) }, (_, i) => i)
      grown.set(this.parent.subarray(0, first))
      this.parent = grown
    }
    return first
  }

  find(item: number): number {
    const { parent } = this
    let root = item
    while (parent[root]! !== root) root = parent[root]!
    while (parent[item]! !== root) {
      const next = parent[item]!
      parent[item] = root
      item = next
    }
    return root
  }

  /** Joins two sets; the smaller root stays, so that results do not depend on the order of unions. */
  union(a: number, b: number): number {
    const ra = this.find(a)
    const rb = this.find(b)
    const root = Math.min(ra, rb)
    this.parent[Math.max(ra, rb)] = root
    return root
  }
}
