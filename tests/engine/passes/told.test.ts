/** Names of recipes are words: of passes, of what a search and its first recipes set, and of what a person may. */
import { expect, test } from 'vitest'
import { PASSES } from '../../../src/engine/passes'
import { stepsTold } from '../../../src/engine/passes/told'
import { latencyPortfolio, PORTFOLIO } from '../../../src/engine/passes/portfolio'

test.each([
  [{ bits: 8, method: 'rtn', maxLoss: 100 }, 'Low-bit weights (8 bits, plain rounding, every layer)'],
  [{ bits: 4, method: 'gptq', maxLoss: 0.5 }, 'Low-bit weights (losing at most 0.5 in 100)'],
  [{ method: 'nf4', leastWeights: 1000 }, 'Low-bit weights (nf4, smallest layer 1000 weights)'],
  [{ exclude: ['Gather', 'fc'] }, 'Low-bit weights (layers left alone Gather, fc)'],
  [{}, 'Low-bit weights'],
])('%j', (params, name) => expect(stepsTold([{ pass: 'quantize-weights', params }])).toBe(name))

test('shares are per cent, steps follow each other, and what is not known keeps its name', () => {
  const pruned = { pass: 'prune-channels', params: { target: 'macs', goal: 0.4 } }
  const shared = { pass: 'mixed-precision', params: { storage: 'shared', size: 0.085 } }
  expect(stepsTold([pruned, shared, { pass: 'gone', params: { depth: 2 } }])).toBe(
    'Remove channels (by multiplications, down to 40%) → Mixed precision (shared values, weights at 8.5% of their size) → gone (depth 2)',
  )
})

const searched = PASSES.flatMap(({ description: { id, parameters } }) =>
  parameters.flatMap(({ name, search = [], default: own }) =>
    search.filter((value) => value !== own).map((value) => ({ pass: id, params: { [name]: value } })),
  ),
)
const { quick, first: usual, learning } = PORTFOLIO
const first = [...quick, ...usual, ...latencyPortfolio(0.5), ...learning].flat()

test('whatever a search sets has words of its own, no two the same', () => {
  const names = searched.map((step) => stepsTold([step]))
  expect(new Set(names).size).toBe(names.length)
  for (const { pass, params } of [...searched, ...first]) {
    const fields = PASSES.find(({ id }) => id === pass)!.description.parameters
    for (const name of Object.keys(params))
      expect(fields.find((one) => one.name === name)?.told, `${pass} ${name}`).toBeDefined()
  }
})
