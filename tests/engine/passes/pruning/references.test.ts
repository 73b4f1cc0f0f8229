import { describe, expect, test } from 'vitest'
import { readModel } from '../../../../src/engine/onnx'
import { hasReference, reference } from '../../../reference'
import { checkPruning } from './check'

/** Units of each group as units × width; the two exporters must be seen alike. */
const EXPECTED: Record<string, string[]> = {
  lenet300: ['300x1', '100x1'],
  lenet5: ['20x1', '50x1', '500x1'],
  lenet5_legacy: ['20x1', '50x1', '500x1'],
  cnn1d: ['32x1', '48x1', '64x1', '96x1'],
  cnn1d_bn_legacy: ['32x1', '48x1', '64x1', '96x1'],
  mlp: ['128x1', '128x1', '64x1'],
  bert: ['4x32', '512x1', '4x32', '512x1', '4x32', '512x1', '4x32', '512x1', '128x1'],
  bert_legacy: ['4x32', '512x1', '4x32', '512x1', '4x32', '512x1', '4x32', '512x1', '128x1'],
}

describe.skipIf(!hasReference)('reference models', () => {
  test.each(Object.entries(EXPECTED))(
    '%s equals masking and has the groups it should',
    async (name, groups) => {
      const model = readModel(reference('models', `${name}.onnx`))
      const { dependencies } = await checkPruning(model, { share: 0.5 })
      expect(dependencies.groups.map((group) => `${group.units.length}x${group.width}`)).toEqual(groups)
    },
  )

  test('the size of heads can be cut instead of their number', async () => {
    const model = readModel(reference('models', 'bert.onnx'))
    const { dependencies } = await checkPruning(model, { attention: 'head-size' })
    // Queries with keys, and values by themselves, in each of four blocks: one position of all four heads a unit.
    expect(
      dependencies.groups.filter((group) => group.width === 4).map((group) => group.units.length),
    ).toEqual(Array(8).fill(32))
  })
})
