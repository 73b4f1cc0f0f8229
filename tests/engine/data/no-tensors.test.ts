/** Models whose inputs are sequences or optional values are refused by name; outputs of that kind are left alone. */
import { expect, test } from 'vitest'
import { openRandom } from '../../../src/engine/data/random'
import { inspectModel } from '../../../src/engine/layers/costs/inspect'
import { openRunner } from '../../../src/engine/runtime'
import { OWN_MODELS } from '../../suite/graphs'

const own = (name: string): (typeof OWN_MODELS)[number] => OWN_MODELS.find((model) => model.name === name)!

test.each([
  ['a sequence', 'parts'],
  ['an optional value', 'maybe'],
])('%s as input', async (name, input) => {
  const { model } = own(name)
  await expect(openRandom(model)).rejects.toMatchObject({ data: { code: 'model/not-a-tensor', input } })
  const { issues, inputs } = await inspectModel(model)
  expect(inputs).toEqual([{ name: input, dtype: 'not a tensor', dims: [] }])
  expect(issues.map(({ message }) => message).join(' ')).toContain(input)
})

test('a sequence beside the output', async () => {
  const { model, inputs } = own('a sequence beside the output')
  const runner = await openRunner(model)
  const outputs = await runner.run(inputs!)
  expect(Object.keys(outputs)).toEqual([model.graph.outputs[0]!.name])
  await runner.release()
  const { issues } = await inspectModel(model)
  expect(issues.find(({ kind }) => kind === 'not-a-tensor')?.message).toContain('rows is no tensor')
})
