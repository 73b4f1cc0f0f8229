import fc from 'fast-check'
import { expect, test } from 'vitest'
import { chooseUnderBudget, type Choice } from '../../../src/engine/math/knapsack'

/** Every combination, the plain way. */
function best(layers: Choice[][], budget: number): number {
  let lowest = Infinity
  const walk = (layer: number, cost: number, loss: number): void => {
    if (cost > budget) return
    if (layer === layers.length) lowest = Math.min(lowest, loss)
    else for (const choice of layers[layer]!) walk(layer + 1, cost + choice.cost, loss + choice.loss)
  }
  walk(0, 0, 0)
  return lowest
}

const choice = fc.record({ cost: fc.integer({ min: 1, max: 40 }), loss: fc.integer({ min: 0, max: 100 }) })
const problem = fc.tuple(
  fc.array(fc.array(choice, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 5 }),
  fc.integer({ min: 1, max: 150 }),
)

test('stays within the budget and within one layer of the best of all combinations', () => {
  fc.assert(
    fc.property(problem, ([layers, budget]) => {
      const chosen = chooseUnderBudget(layers, budget)
      const optimum = best(layers, budget)
      if (!chosen) {
        expect(optimum).toBe(Infinity)
        return
      }
      const picked = chosen.map((index, layer) => layers[layer]![index]!)
      expect(picked.reduce((sum, c) => sum + c.cost, 0)).toBeLessThanOrEqual(budget)
      const loss = picked.reduce((sum, c) => sum + c.loss, 0)
      const widest = Math.max(
        ...layers.map((l) => Math.max(...l.map((c) => c.loss)) - Math.min(...l.map((c) => c.loss))),
      )
      expect(loss).toBeLessThanOrEqual(optimum + widest)
    }),
  )
})

test('with room for everything, every layer gets its lowest loss', () => {
  const layers = [
    [
      { cost: 1, loss: 5 },
      { cost: 4, loss: 0 },
    ],
    [
      { cost: 2, loss: 9 },
      { cost: 3, loss: 1 },
    ],
  ]
  expect(chooseUnderBudget(layers, 100)).toEqual([1, 1])
  expect(chooseUnderBudget(layers, 4)).toEqual([0, 1])
  expect(chooseUnderBudget(layers, 2)).toBeUndefined()
})
