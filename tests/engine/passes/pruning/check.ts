/** Pruning checked against zeroing the same channels, by masks, in the original graph. */
import { expect } from 'vitest'
import { encodeModel, type Model } from '../../../../src/engine/onnx'
import { seeded } from '../../../../src/engine/math/random'
import { floatsOf, randomFeeds, withSession, type Values } from '../../../../src/engine/runtime'
import {
  buildDependencyGraph,
  type DependencyGraph,
  type DependencyOptions,
} from '../../../../src/engine/passes/pruning/graph'
import { separate } from '../../../../src/engine/layers/normalize'
import { masked } from '../../../../src/engine/passes/pruning/prove'
import { keptAfter, removeUnits } from '../../../../src/engine/passes/pruning/remove'
import { traceSource } from '../../../../src/engine/passes/pruning/shapes'

const DEFAULTS: DependencyOptions = { attention: 'heads', throughLayerNorm: false }

export async function outputsOf(
  model: Model,
  feeds: Values,
): Promise<Record<string, { dims: readonly number[]; data: Float32Array }>> {
  return withSession(model, { optimization: 'disabled' }, async (session) => {
    const values = await session.run(feeds)
    return Object.fromEntries(
      Object.entries(values).map(([k, v]) => [k, { dims: v.dims, data: floatsOf(v) }]),
    )
  })
}

export async function expectSame(a: Model, b: Model, batch = 2, tolerance = 1e-4): Promise<void> {
  const feeds = randomFeeds(a, { batch, side: 16, sequence: 8, seed: 3 })
  const [x, y] = [await outputsOf(a, feeds), await outputsOf(b, feeds)]
  expect(Object.keys(y)).toEqual(Object.keys(x))
  for (const [name, { dims, data }] of Object.entries(x)) {
    expect(y[name]!.dims).toEqual(dims)
    const scale = Math.max(
      1,
      data.reduce((m, v) => Math.max(m, Math.abs(v)), 0),
    )
    let worst = 0
    data.forEach((v, i) => (worst = Math.max(worst, Math.abs(v - y[name]!.data[i]!))))
    expect(worst / scale).toBeLessThan(tolerance)
  }
}

interface Checked {
  dependencies: DependencyGraph
  pruned: Model
  removed: Set<number>
}

/** Prunes a share of the units of every group at random, and compares with masking. */
export async function checkPruning(
  model: Model,
  options: { share?: number; seed?: number; batches?: number[] } & Partial<DependencyOptions> = {},
): Promise<Checked> {
  const prepared = separate(model)
  const source = await traceSource(prepared.model)
  const dependencies = buildDependencyGraph(prepared.model, source, { ...DEFAULTS, ...options })
  const random = seeded(options.seed ?? 7)
  const removed = new Set<number>()
  for (const { units } of dependencies.groups) {
    const count = Math.min(units.length - 1, Math.max(1, Math.round(units.length * (options.share ?? 0.5))))
    for (const unit of random.shuffle(units).slice(0, count)) removed.add(unit.id)
  }
  const kept = keptAfter(dependencies, removed)
  const pruned = removeUnits(prepared, source, kept)
  for (const batch of options.batches ?? [1, 2])
    await expectSame(masked(prepared.model, source, dependencies, kept), pruned, batch)
  if (removed.size > 0) expect(encodeModel(pruned).length).toBeLessThan(encodeModel(model).length)
  return { dependencies, pruned, removed }
}

export const weightCount = (model: Model): number =>
  [...model.graph.initializers.values()].reduce((n, t) => n + t.size, 0)
