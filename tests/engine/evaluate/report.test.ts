import fs from 'node:fs'
import { describe, expect, it } from 'vitest'
import { openDataset } from '../../../src/engine/data/open'
import type { Dataset } from '../../../src/engine/data/dataset'
import { reportOn, type Measurements } from '../../../src/engine/evaluate/report'
import { GREY } from '../../../src/engine/evaluate/notes'
import { encodeModel, readModel } from '../../../src/engine/onnx'
import { temporaryFolder, write } from '../data/support'
import { hasReference, reference } from '../../reference'
import { arrayDataset, floats, wires } from './support'

async function onReference(name: string, data: string[], peer?: string): Promise<[Measurements, Dataset]> {
  const original = reference('models', `${name}.onnx`)
  const dataset = await openDataset(reference('data', ...data), readModel(original))
  const candidates = peer ? [{ path: reference('peer', peer) }] : []
  try {
    return [await reportOn({ original, candidates, dataset, rounds: 20, seconds: 1 }), dataset]
  } finally {
    await dataset.close()
  }
}

it.each([
  ['no colour', 1, [GREY]],
  ['colours', 2, []],
])('says of pictures for a model of colours, in every report, that they have %s', async (_, other, told) => {
  const folder = write(temporaryFolder(), {
    'model.onnx': encodeModel(wires({ x: { dims: ['N', 3, 2, 2] } })),
  })
  const model = `${folder}/model.onnx`
  const x = floats(
    [4, 3, 2, 2],
    Array.from({ length: 48 }, (__, i) => (i < 4 ? other : 1) * (i % 4)),
  )
  const dataset = arrayDataset({ task: 'unlabelled', inputs: { x } })
  const probe = async () => ({ peakBytes: 1 })
  const options = { original: model, candidates: [{ path: model }], dataset, rounds: 5, seconds: 0.1, probe }
  const { original, candidates } = await reportOn(options)
  for (const { report } of [original, ...candidates])
    expect(report.notes.filter((note) => note === GREY)).toEqual(told)
})

describe.runIf(hasReference)('reportOn', () => {
  // Figures of the reference set: fp32 and static_minmax_pc accuracies, parameters, bytes.
  it('measures LeNet-5 and its int8 form as the reference has them', async () => {
    const seen: number[] = []
    const original = reference('models', 'lenet5.onnx')
    const peer = reference('peer', 'lenet5.static_minmax_pc.onnx')
    const dataset = await openDataset(reference('data', 'digits', 'npz'), readModel(original))
    const measured = await reportOn({
      original,
      candidates: [{ path: peer }],
      dataset,
      rounds: 20,
      seconds: 1,
      progress: (done) => seen.push(done),
      // This process is no measure of memory: what it gives back in between hides what a session takes.
      probe: async ({ model }) => ({ peakBytes: model === original ? 5_000_000 : 2_000_000 }),
    })
    await dataset.close()
    const before = measured.original.report
    const after = measured.candidates[0]!.report
    expect(before.quality).toMatchObject({
      metric: 'accuracy',
      value: 0.994,
      samples: 500,
      split: 'validation',
    })
    expect(after.quality.value).toBeCloseTo(0.994, 10)
    expect(before.quality.interval[0]).toBeCloseTo(0.9826, 3)
    expect(before).toMatchObject({ bytes: fs.statSync(original).size, parameters: 431_080, macs: 2_293_000 })
    expect(after.parameters).toBe(431_080)
    expect(after.bytes).toBe(fs.statSync(peer).size)
    expect(before.downloadBytes).toBeGreaterThan(before.bytes * 0.8)
    expect(after.downloadBytes).toBeLessThan(after.bytes)
    expect(after.fidelity!.agreement).toBeGreaterThan(0.99)
    expect(after.fidelity!.sqnr).toBeGreaterThan(20)
    expect(after.energyMicrojoules).toBeLessThan(before.energyMicrojoules! / 3)
    expect(after.latencyRatio!.interval[0]).toBeLessThanOrEqual(after.latencyRatio!.value)
    expect(after.qualityChange!.interval[0]).toBeLessThanOrEqual(0)
    expect(before.confusion!.flat().reduce((a, b) => a + b)).toBe(500)
    expect(before.peakMemoryBytes).toBe(5_000_000)
    expect(after.peakMemoryBytes).toBe(2_000_000)
    expect(measured.candidates[0]!.samples.index).toHaveLength(500)
    expect(seen.at(-1)).toBe(1)
    expect(seen).toEqual(seen.toSorted((a, b) => a - b))
    // Reports are JSON.
    expect(JSON.parse(JSON.stringify(after))).toEqual(after)
    for (const value of [after.latencyMs.p50, after.latencyMs.p95]) expect(value).toBeGreaterThan(0)
  })

  it('measures a regression and a text classifier', async () => {
    const [mlp] = await onReference('mlp', ['control'], 'mlp.static_minmax_pc.onnx')
    expect(mlp.original.report.quality).toMatchObject({ metric: 'r2', samples: 4000 })
    expect(mlp.original.report.quality.value).toBeGreaterThan(0.9999)
    expect(mlp.candidates[0]!.report.quality.value).toBeCloseTo(0.9982, 3)
    const [cnn] = await onReference('cnn1d', ['bearing', 'npz'], 'cnn1d.fp16.onnx')
    expect(cnn.original.report.quality.value).toBeCloseTo(0.9222, 3)
    expect(cnn.candidates[0]!.report.quality.value).toBeCloseTo(0.9222, 2)
  })
})
