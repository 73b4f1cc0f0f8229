import { expect, test } from 'vitest'
import { inspectModel } from '../../../src/engine/layers/costs/inspect'
import { seeded } from '../../../src/engine/math/random'
import type { Model } from '../../../src/engine/onnx'
import { PASSES } from '../../../src/engine/passes'
import { findTarget } from '../../../src/engine/targets'
import { Net } from '../passes/pruning/build'

/** A scaler and a linear classifier with its maps, as scikit-learn models are exported. */
function classical(): Model {
  const net = new Net()
  const x = net.input('x', ['N', 4])
  net.model.opsets.set('ai.onnx.ml', 3)
  const scaled = net.op(
    'Scaler',
    [x],
    { offset: { floats: [1, 2, 3, 4] }, scale: { floats: [1, 1, 2, 2] } },
    1,
    'ai.onnx.ml',
  )
  const [label, scores] = net.ops(
    'LinearClassifier',
    [scaled],
    {
      coefficients: { floats: [1, 2, 3, 4, 4, 3, 2, 1] },
      intercepts: { floats: [0, 1] },
      classlabels_ints: { ints: [0, 1] },
    },
    2,
    'ai.onnx.ml',
  )
  const maps = net.op('ZipMap', [scores!], { classlabels_int64s: { ints: [0, 1] } }, 1, 'ai.onnx.ml')
  net.model.graph.outputs = [{ name: label!, dtype: 'int64', dims: ['N'] }, { name: maps }]
  return net.done()
}

test('inspect says what a classical model holds and which output is no tensor', async () => {
  const { issues } = await inspectModel(classical())
  const said = Object.fromEntries(issues.map(({ kind, message }) => [kind, message]))
  expect(said['classical']).toContain('20 numbers in attributes of Scaler, LinearClassifier (')
  expect(said['not-a-tensor']).toContain('remove-zipmap')
  expect(said['no-weights']).toBeUndefined()
})

test.each(
  PASSES.filter(
    ({ needs, description }) =>
      needs.length === 0 && !['adapts', 'normalizes', 'chooses'].includes(description.role),
  ).map((pass) => [pass.id, pass] as const),
)('%s says that it compresses nothing of it', async (_, pass) => {
  const original = classical()
  const run = pass.run(
    original,
    {},
    {
      original,
      progress: () => undefined,
      signal: new AbortController().signal,
      random: seeded(0),
      scratch: '',
      providers: ['cpu'],
      target: findTarget('any'),
    },
  )
  await expect(run).rejects.toMatchObject({
    data: {
      code: 'model/nothing-to-do',
      reason: expect.stringContaining('which no pass compresses') as string,
    },
  })
})
