import { describe, expect, test } from 'vitest'
import { openDataset } from '../../../src/engine/data/open'
import { openRandom } from '../../../src/engine/data/random'
import { feedsOf } from '../../../src/engine/data/feeds'
import { divergences } from '../../../src/engine/evaluate/comparison/divergence'
import { normalize } from '../../../src/engine/layers/normalize'
import { readModel, type Model } from '../../../src/engine/onnx'
import { quantizeStatic } from '../../../src/engine/passes/quantize-static'
import { matchedInputs } from '../../../src/engine/training/matched-inputs'
import { hasReference, reference } from '../../reference'
import { normalizing } from './normalizing'
import { contextOf } from '../passes/quantization/support'

describe('inputs made to match what normalization layers learned', () => {
  test.each<[string, 'N' | 1, number, number, number]>([
    ['any number of samples', 'N', 32, 1, 1],
    ['one sample at a time', 1, 32, 1, 1],
    // As degrees beside pascals: noise of one scale is nothing to one of them or far too much for the other.
    ['channels of other units', 'N', 32, 0.01, 1000],
  ])('have the moments of the training data: %s', async (_, batch, samples, first, second) => {
    const mean = [4 * first, -6 * second]
    const variance = [(4 / 3) * first ** 2, 4 * second ** 2]
    const made = (await matchedInputs(normalizing({ mean, variance }, batch)))!
    expect(made).toMatchObject({ layers: 1, samples })
    const x = (await made.make())['x']!
    expect(x.dims).toEqual([32, 2, 8, 8])
    for (const [channel, mean, std] of [
      [0, 4 * first, Math.sqrt(4 / 3) * first],
      [1, -6 * second, 2 * second],
    ] as const) {
      const values = Array.from(x.data as Float32Array).filter((_, i) => Math.floor(i / 64) % 2 === channel)
      const m = values.reduce((sum, v) => sum + v, 0) / values.length
      const s = Math.sqrt(values.reduce((sum, v) => sum + (v - m) ** 2, 0) / values.length)
      expect(Math.abs(m - mean)).toBeLessThan(0.1 * std)
      expect(Math.abs(s - std)).toBeLessThan(0.1 * std)
    }
  })

  test('are made for no model that tells nothing: folded, untrained, or of other inputs', async () => {
    const learned = { mean: [4, 4], variance: [1, 2] }
    expect(await matchedInputs(normalize(normalizing(learned, 'N')).model)).toBeUndefined()
    expect(await matchedInputs(normalizing({ mean: [0, 0], variance: [1, 1] }, 'N'))).toBeUndefined()
    const bytes = normalizing(learned, 'N')
    bytes.graph.inputs[0]!.dtype = 'uint8'
    bytes.graph.addNode(
      { opType: 'Cast', inputs: ['x'], outputs: ['floats'], attributes: { to: { int: 1 } } },
      bytes.graph.nodes[0],
    )
    bytes.graph.nodes[1]!.inputs[0] = 'floats'
    expect(await matchedInputs(bytes)).toBeUndefined()
  })

  // Of real data the reference is real data: noise reaches three times as far as the signals do.
  test.runIf(hasReference)(
    'give ranges that are nearly those of real samples, where noise does not',
    { timeout: 180_000 },
    async () => {
      const model = readModel(reference('models', 'cnn1d_bn_legacy.onnx'))
      const real = await openDataset(reference('data', 'bearing', 'npz'), model)
      const standIn = (await matchedInputs(model))!
      const sets = [
        await openRandom(model, 0, standIn.samples, ['calibration']),
        await openRandom(model, 0, 1, ['validation'], standIn),
        real,
      ]
      const models: Model[] = []
      for (const data of sets)
        models.push(
          (
            await quantizeStatic.run(
              model,
              { maxLoss: 100, calibration: 'min-max' },
              contextOf(model, undefined, { data }),
            )
          ).model,
        )
      const feeds = () => feedsOf(model, real.splits.validation, { limit: 360 })
      const [noise, matched, own] = await divergences(model, models, feeds, { classes: true })
      await real.close()
      console.info(
        `static int8 of cnn1d_bn_legacy on real samples, ranges by noise, matched inputs, real ones: ${[noise, matched, own].map((one) => `${one!.sqnr.toFixed(1)} dB, ${one!.points.toFixed(2)} points`).join(' · ')}`,
      )
      expect(matched!.sqnr).toBeGreaterThan(noise!.sqnr + 4)
      expect(matched!.sqnr).toBeGreaterThan(own!.sqnr - 4)
      expect(matched!.points).toBeLessThanOrEqual(noise!.points)
    },
  )
})
