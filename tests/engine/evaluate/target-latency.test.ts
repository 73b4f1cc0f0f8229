import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Dataset } from '../../../src/engine/data/dataset'
import { openDataset } from '../../../src/engine/data/open'
import { modelledSeconds } from '../../../src/engine/evaluate/target-latency'
import { readModel, type Model } from '../../../src/engine/onnx'
import { findPass } from '../../../src/engine/passes'
import { macsOf, traceShapes } from '../../../src/engine/runtime'
import { contextOf } from '../training/support'
import { findTarget } from '../../../src/engine/targets'

const sample = path.resolve('resources/samples/bearing')
const original = readModel(path.join(sample, 'cnn1d.onnx'))
let data: Dataset
beforeAll(async () => {
  data = await openDataset(path.join(sample, 'data'), original)
})
afterAll(() => data.close())

const made = async (pass: string, params: unknown, from: Model = original): Promise<Model> =>
  (await findPass(pass).run(from, params, contextOf(original, data))).model

const secondsOn = async (device: string, model: Model): Promise<number> =>
  modelledSeconds(model, await traceShapes(model), findTarget(device).device!)

describe('time on a device that is not here', () => {
  test('of a small network is that of its multiplications and the overhead of its nodes', async () => {
    const { macsPerSecond, overhead } = findTarget('android-cpu').device!
    const traced = await traceShapes(original)
    const macs = original.graph.nodes.reduce((sum, node) => sum + macsOf(node, traced)!, 0)
    const least = macs / macsPerSecond
    const seconds = modelledSeconds(original, traced, findTarget('android-cpu').device!)
    expect(seconds).toBeGreaterThan(least)
    expect(seconds).toBeLessThan(1.5 * least + original.graph.nodes.length * overhead)
  })

  test('integers gain on Android and not on iOS, half precision the other way round', async () => {
    const clean = await made('simplify', {})
    const int8 = await made('quantize-static', { calibration: 'min-max' }, clean)
    const half = await made('float16', {}, clean)
    for (const [device, faster, not] of [
      ['android-cpu', int8, half],
      ['android-npu', int8, half],
      ['ios', half, int8],
    ] as const) {
      const before = await secondsOn(device, clean)
      expect((await secondsOn(device, faster)) / before).toBeLessThan(0.75)
      expect((await secondsOn(device, not)) / before).toBeGreaterThan(0.85)
    }
    // The unit for integers is faster than the processor.
    expect(await secondsOn('android-npu', int8)).toBeLessThan(await secondsOn('android-cpu', int8))
  })

  test('fewer channels take less time; weights that are only stored small do not', async () => {
    const before = await secondsOn('android-cpu', original)
    const pruned = await made('prune-channels', { ratio: 0.5 })
    expect((await secondsOn('android-cpu', pruned)) / before).toBeLessThan(0.6)
    const packed = await made('pack-weights', {}, await made('share-weights', { bits: 4 }))
    expect((await secondsOn('android-cpu', packed)) / before).toBeCloseTo(1, 1)
  })
})
