/**
 * Which choice for which layer under a budget: the multiple-choice knapsack behind mixed precision.
 * Source: Kellerer, Pferschy, Pisinger, Knapsack Problems (2004), chapter 11: the LP bound by the convex hulls
 * of the classes, greedy along decreasing efficiency, which is optimal but for one class.
 */
export interface Choice {
  /** Bytes, or microseconds: what the budget counts. */
  cost: number
  /** Divergence it adds; lower is better. */
  loss: number
}

interface Upgrade {
  layer: number
  to: number
  cost: number
  efficiency: number
}

/** Choices of one layer on the lower convex hull of (cost, loss), cheapest first. */
function hull(choices: readonly Choice[]): number[] {
  const order = choices
    .map((_, i) => i)
    .sort((a, b) => choices[a]!.cost - choices[b]!.cost || choices[a]!.loss - choices[b]!.loss)
  const kept: number[] = []
  for (const i of order) {
    const next = choices[i]!
    if (kept.length > 0 && next.loss >= choices[kept[kept.length - 1]!]!.loss) continue
    while (kept.length >= 2) {
      const [a, b] = [choices[kept[kept.length - 2]!]!, choices[kept[kept.length - 1]!]!]
      const before = (a.loss - b.loss) / (b.cost - a.cost)
      const after = (b.loss - next.loss) / (next.cost - b.cost)
      if (after < before) break
      kept.pop()
    }
    kept.push(i)
  }
  return kept
}

/**
 * Index of the choice for each layer that keeps the summed loss low with the summed cost within `budget`.
 * Undefined when even the cheapest choices exceed it.
 */
export function chooseUnderBudget(
  layers: readonly (readonly Choice[])[],
  budget: number,
): number[] | undefined {
  const hulls = layers.map(hull)
  const chosen = hulls.map((kept) => kept[0]!)
  let spent = chosen.reduce((sum, i, layer) => sum + layers[layer]![i]!.cost, 0)
  if (spent > budget) return undefined
  const upgrades: Upgrade[] = hulls.flatMap((kept, layer) =>
    kept.slice(1).map((to, step) => {
      const [from, next] = [layers[layer]![kept[step]!]!, layers[layer]![to]!]
      const cost = next.cost - from.cost
      return { layer, to, cost, efficiency: (from.loss - next.loss) / cost }
    }),
  )
  upgrades.sort((a, b) => b.efficiency - a.efficiency || a.layer - b.layer)
  const blocked = new Set<number>()
  for (const { layer, to, cost } of upgrades) {
    // The hull makes a layer's upgrades come in order; after one that does not fit, its next ones build on it.
    if (blocked.has(layer)) continue
    if (spent + cost > budget) {
      blocked.add(layer)
      continue
    }
    chosen[layer] = to
    spent += cost
  }
  return chosen
}
