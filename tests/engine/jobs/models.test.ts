import { expect, test } from 'vitest'
import type { RecipeStep } from '../../../src/contract/recipe'
import { modelJobs } from '../../../src/engine/jobs/models'
import { best, given, listening } from './support'

const { inspect, checkRecipe, providers, presets, passes, probe } = modelJobs

test('a model at a glance is what its graph says', async () => {
  const { model } = given()
  expect(await inspect({ model }, listening())).toMatchObject({
    path: model,
    parameters: 12,
    macs: 12,
    nodes: 2,
    opset: 17,
    inputs: [{ name: 'x', dtype: 'float32', dims: ['batch', 4] }],
    layers: [
      { layer: 'h', node: 'mm', op: 'MatMul', parameters: 12, bytes: 48, macs: 12, shape: [1, 3] },
      { layer: 'y', node: 'relu', op: 'Relu', parameters: 0, bytes: 0, macs: 0, shape: [1, 3] },
    ],
  })
})

test('the CPU is among what can run a model, and what cannot says why', async () => {
  const found = await providers(undefined, listening())
  expect(found.find(({ id }) => id === 'cpu')).toEqual({ id: 'cpu', title: 'CPU', available: true })
  for (const { available, reason } of found) expect(available).toBe(reason === undefined)
})

test('memory counts what a session holds', async () => {
  const { model } = given()
  const { peakBytes } = await probe(
    { model, feeds: { x: { dtype: 'float32', dims: [1, 4], data: new Float32Array(4) } } },
    listening(),
  )
  expect(peakBytes).toBeLessThan(200e6)
})

test('every preset is made of passes that are there', async () => {
  const known = new Set((await passes(undefined, listening())).map(({ id }) => id))
  for (const { steps } of await presets(undefined, listening()))
    expect(steps.filter(({ pass }) => !known.has(pass))).toEqual([])
})

const step = (pass: string, params: Record<string, unknown> = {}): RecipeStep => ({ pass, params })

test.each<[string, boolean, RecipeStep[], { step: number; message: RegExp }[]]>([
  ['a good recipe', true, [step('simplify'), step('quantize-weights', { bits: 4 })], []],
  [
    'an unknown pass and a wrong number later on',
    true,
    [step('simplify'), step('shrink'), step('quantize-weights', { bits: 77 })],
    [
      { step: 1, message: /shrink/ },
      { step: 2, message: /bits/ },
    ],
  ],
  [
    'a good pass after an unknown one',
    true,
    [step('shrink'), step('simplify')],
    [{ step: 0, message: /shrink/ }],
  ],
  [
    'a pass that comes too late',
    true,
    [step('quantize-weights'), step('prune-weights')],
    [{ step: 1, message: /Zero out weights comes after Low-bit weights/ }],
  ],
  ['labels that are not there', false, [step('fine-tune')], [{ step: 0, message: /train|label|data/i }]],
])('%s is judged before anything runs', async (_, labelled, steps, problems) => {
  const request = labelled ? given(best) : { ...given(), data: {} }
  const recipe = { pare: 1 as const, name: '', description: '', steps }
  const found = await checkRecipe({ ...request, recipe }, listening())
  expect(found).toEqual(
    problems.map(({ step: at, message }) => ({
      step: at,
      message: expect.stringMatching(message) as string,
    })),
  )
})
