import { describe, expect, test } from 'vitest'
import { UnionFind } from '../../../../src/engine/math/union-find'
import { balanceUnits } from '../../../../src/engine/passes/pruning/balance'
import { refine } from '../../../../src/engine/passes/pruning/refine'
import { selectUnits } from '../../../../src/engine/passes/pruning/select'
import type { Group } from '../../../../src/engine/passes/pruning/group'

describe('common factors of two shapes', () => {
  test('splits, merges and both', () => {
    expect(refine([2, 128], [8, 32])).toEqual({ lengths: [2, 4, 32], from: [[0], [1, 2]], to: [[0, 1], [2]] })
    expect(refine([1, 6, 5, 5], [1, 150])).toEqual({
      lengths: [6, 5, 5],
      from: [[], [0], [1], [2]],
      to: [[], [0, 1, 2]],
    })
  })

  test('none where the shapes do not nest', () => {
    expect(refine([4, 6], [6, 4])).toBeUndefined()
    expect(refine([0, 3], [0, 3])).toBeUndefined()
  })
})

describe('even groups', () => {
  const counts = (sets: UnionFind, parts: number, size: number): number[][] => {
    const roots = [...new Set(Array.from({ length: size }, (_, i) => sets.find(i)))]
    return roots.map((root) => {
      const count = new Array<number>(parts).fill(0)
      for (let i = 0; i < size; i++) if (sets.find(i) === root) count[Math.floor((i * parts) / size)]!++
      return count
    })
  }

  test('channels pair up at the same place of each group', () => {
    const sets = new UnionFind(12)
    balanceUnits(
      sets,
      [...Array(12).keys()],
      3,
      () => false,
      () => undefined,
    )
    expect(sets.find(0)).toBe(sets.find(4))
    expect(sets.find(4)).toBe(sets.find(8))
    expect(counts(sets, 3, 12)).toEqual(Array(4).fill([1, 1, 1]))
  })

  test('whatever was joined before, every set ends even', () => {
    const sets = new UnionFind(24)
    // As after a channel shuffle whose stretches straddle the groups.
    for (let k = 0; k < 24; k += 3) for (const j of [1, 2]) sets.union(k, k + j)
    sets.union(0, 23)
    balanceUnits(
      sets,
      [...Array(24).keys()],
      2,
      () => false,
      () => undefined,
    )
    for (const [a, b] of counts(sets, 2, 24)) expect(a).toBe(b)
    expect(counts(sets, 2, 24).length).toBeGreaterThan(2)
  })

  test('a fixed channel fixes a partner in every group', () => {
    const sets = new UnionFind(6)
    const fixed = new Set([0])
    balanceUnits(
      sets,
      [...Array(6).keys()],
      2,
      (set) => fixed.has(set),
      (set) => fixed.add(set),
    )
    expect([...fixed]).toEqual([0, 3])
  })
})

const group = (id: number, size: number, width = 1): Group => ({
  id,
  name: `g${id}`,
  width,
  batched: false,
  places: new Map(),
  units: Array.from({ length: size }, (_, i) => ({ id: id * 100 + i, group: id, set: i, axes: new Map() })),
})

describe('which units go', () => {
  const groups = [group(0, 10), group(1, 20)]
  const scores = new Map(
    groups.flatMap(({ units, id }) => units.map((unit, i) => [unit.id, id === 0 ? 10 + i : i])),
  )

  test('the lowest of each layer, or of the model', () => {
    const perLayer = selectUnits(groups, scores, {
      scope: 'layer',
      ratio: 0.3,
      multipleOf: 1,
      keepAtLeast: 0,
    })
    expect([...perLayer].sort((a, b) => a - b)).toEqual([0, 1, 2, 100, 101, 102, 103, 104, 105])
    const overall = selectUnits(groups, scores, {
      scope: 'global',
      ratio: 0.3,
      multipleOf: 1,
      keepAtLeast: 0,
    })
    expect([...overall].sort((a, b) => a - b)).toEqual([100, 101, 102, 103, 104, 105, 106, 107, 108])
  })

  test('multiples, floors and at least one', () => {
    const left = (how: Partial<Parameters<typeof selectUnits>[2]>): number[] => {
      const gone = selectUnits(groups, scores, {
        scope: 'layer',
        ratio: 1,
        multipleOf: 1,
        keepAtLeast: 0,
        ...how,
      })
      return groups.map(({ units }) => units.filter(({ id }) => !gone.has(id)).length)
    }
    expect(left({})).toEqual([1, 1])
    expect(left({ keepAtLeast: 0.25 })).toEqual([3, 5])
    expect(left({ multipleOf: 8, ratio: 0.5 })).toEqual([8, 16])
    expect(left({ multipleOf: 8 })).toEqual([8, 8])
  })
})
