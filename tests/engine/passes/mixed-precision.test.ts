import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { PareError } from '../../../src/contract/errors'
import type { Dataset } from '../../../src/engine/data/dataset'
import { openDataset } from '../../../src/engine/data/open'
import { measureQuality } from '../../../src/engine/evaluate/quality'
import { measureSensitivity, sensitivitiesOf } from '../../../src/engine/search/sensitivity/measure'
import { modelledSeconds } from '../../../src/engine/evaluate/target-latency'
import { distinctValues } from '../../../src/engine/math/gap-code'
import { encodeModel, readModel, type Model } from '../../../src/engine/onnx'
import { mixedPrecision } from '../../../src/engine/passes/mixed-precision'
import type { PassContext, PassResult } from '../../../src/engine/passes/pass'
import { weightedLayers } from '../../../src/engine/passes/quantization/layers'
import { traceShapes } from '../../../src/engine/runtime'
import { sensitivitiesIn } from '../../../src/engine/run/sensitivities'
import { contextOf } from '../training/support'
import { findTarget } from '../../../src/engine/targets'

const sample = path.resolve('resources/samples/bearing')
const model = readModel(path.join(sample, 'cnn1d.onnx'))
let data: Dataset
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-mixed-'))
const cache = sensitivitiesIn(folder)
beforeAll(async () => {
  data = await openDataset(path.join(sample, 'data'), model)
})
afterAll(async () => {
  await data.close()
  fs.rmSync(folder, { recursive: true, force: true })
})

const mixed = (params: Record<string, unknown>, over: Partial<PassContext> = {}): Promise<PassResult> =>
  mixedPrecision.run(model, params, {
    ...contextOf(model, data),
    sensitivities: sensitivitiesOf(data, cache),
    ...over,
  })

const changed = async (candidate: Model): Promise<number> => {
  const { candidates } = await measureQuality(model, [candidate], { dataset: data, split: 'calibration' })
  return 100 * (1 - candidates[0]!.fidelity!.agreement!)
}

/** Different values of each layer's weight, by layer. */
const valuesOf = (candidate: Model): Map<string, number> =>
  new Map(
    weightedLayers(candidate.graph).map(({ layer, tensor }) => [
      layer,
      distinctValues(tensor.floats())?.table.length ?? Infinity,
    ]),
  )

describe('a budget of size', () => {
  test.each(['packed', 'shared'])('is kept and spent where it matters, %s', async (storage) => {
    const sizes: number[] = []
    for (const size of [0.3, 0.1]) {
      const { layers } = await mixed({ size, storage })
      const [before, after] = ['bytesBefore', 'bytesAfter'].map((key) =>
        layers!.reduce((sum, layer) => sum + (layer[key as 'bytesBefore'] ?? 0), 0),
      ) as [number, number]
      // Scales and tables of small layers come on top of the bits that were planned.
      expect(after / before).toBeLessThan(size * 1.15)
      sizes.push(after)
    }
    expect(sizes[1]!).toBeLessThan(sizes[0]!)
  })

  test('gives no layer fewer bits than one that minds them less and is larger', async () => {
    const { model: made } = await mixed({ size: 0.1, storage: 'shared' })
    const values = valuesOf(made)
    const { entries } = await measureSensitivity(model, data, { techniques: ['bits'], cache })
    const at4 = entries.filter(({ strength }) => strength === 4)
    for (const a of at4)
      for (const b of at4)
        if (a.sqnr < b.sqnr && a.parameters < b.parameters)
          expect(values.get(a.layer)!, `${a.layer} and ${b.layer}`).toBeGreaterThanOrEqual(
            values.get(b.layer)!,
          )
    expect(new Set(values.values()).size).toBeGreaterThan(1)
  })

  test('knows half precision, between float and 8 bits', async () => {
    const { model: made, layers } = await mixed({ size: 0.55 })
    expect(layers!.some(({ treatment }) => treatment === 'stored as float16')).toBe(true)
    expect(encodeModel(made).length).toBeLessThan(0.65 * encodeModel(model).length)
    expect(await changed(made)).toBe(0)
  })

  test('is exceeded, as little as will do, until the floor on quality holds', async () => {
    const loose = await mixed({ size: 0.07, storage: 'shared' })
    expect(await changed(loose.model)).toBeGreaterThan(3)
    const held = await mixed({ size: 0.07, storage: 'shared', maxLoss: 3 })
    expect(held.summary).toMatch(/at the 7% asked for [\d.]+ of 100 answers changed, now [\d.]+ do/)
    const share = Number(/share (\d+)%/.exec(held.summary)![1])
    expect(share).toBeGreaterThan(7)
    expect(share).toBeLessThan(20)
    expect(await changed(held.model)).toBeLessThanOrEqual(4)
  })

  test('that nothing fits is refused in plain words', async () => {
    const thrown = await mixed({ size: 0.03 }).catch((cause: unknown) => cause)
    expect((thrown as PareError).code).toBe('model/nothing-to-do')
  })
})

describe('a budget of latency', () => {
  const shareOn = async (device: string, made: Model): Promise<number> => {
    const seconds = async (one: Model): Promise<number> =>
      modelledSeconds(one, await traceShapes(one), findTarget(device).device!)
    return (await seconds(made)) / (await seconds(model))
  }

  test('is kept by integers on Android, in as few layers as will do', async () => {
    const context = { target: findTarget('android-cpu') }
    const [mild, strong] = [
      await mixed({ budget: 'latency', latency: 0.8 }, context),
      await mixed({ budget: 'latency', latency: 0.5 }, context),
    ]
    const integers = ({ model: made }: PassResult): number =>
      made.graph.nodes.filter(({ opType }) => opType === 'QuantizeLinear').length
    expect(integers(mild)).toBeGreaterThan(0)
    expect(integers(strong)).toBeGreaterThan(integers(mild))
    expect(await shareOn('android-cpu', mild.model)).toBeLessThan(0.9)
    expect(await shareOn('android-cpu', strong.model)).toBeLessThan(0.6)
    expect(strong.summary).toContain('by estimate')
    expect(await changed(mild.model)).toBeLessThanOrEqual(await changed(strong.model))
  })

  test('is kept by half precision on iOS', async () => {
    const { model: made } = await mixed({ budget: 'latency', latency: 0.7 }, { target: findTarget('ios') })
    expect(made.graph.nodes.some(({ opType }) => opType === 'QuantizeLinear')).toBe(false)
    expect(made.graph.nodes.some(({ opType }) => opType === 'Cast')).toBe(true)
    expect(await shareOn('ios', made)).toBeLessThan(0.85)
    expect(await changed(made)).toBe(0)
  })

  test('below what the fastest arithmetic takes is refused with that figure', async () => {
    const thrown = await mixed({ budget: 'latency', latency: 0.05 }, { target: findTarget('ios') }).catch(
      (cause: unknown) => cause,
    )
    expect((thrown as PareError).data).toMatchObject({ code: 'model/nothing-to-do' })
    expect((thrown as PareError).data).toHaveProperty('reason', expect.stringMatching(/by estimate, 0\.\d+/))
  })
})
