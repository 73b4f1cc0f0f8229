import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Dataset } from '../../../src/engine/data/dataset'
import { openDataset } from '../../../src/engine/data/open'
import { measureSensitivity, sensitivitiesOf } from '../../../src/engine/search/sensitivity/measure'
import type { SensitivityCache } from '../../../src/engine/search/sensitivity/cache'
import { readModel, Tensor } from '../../../src/engine/onnx'
import { quantizeWeights } from '../../../src/engine/passes/quantize-weights'
import { mixedPrecision } from '../../../src/engine/passes/mixed-precision'
import { simplifyPass } from '../../../src/engine/passes/simplify'
import { sensitivitiesIn } from '../../../src/engine/run/sensitivities'
import { roundedTo } from '../../../src/engine/math/perturb'
import { contextOf as quantizing, fidelity, gptLike } from '../passes/quantization/support'
import { contextOf } from '../training/support'
import { weightedLayers } from '../../../src/engine/layers/find'
import type { Layer } from '../../../src/engine/layers/layer'

const sample = path.resolve('resources/samples/bearing')
const model = readModel(path.join(sample, 'cnn1d.onnx'))
let data: Dataset
beforeAll(async () => {
  data = await openDataset(path.join(sample, 'data'), model)
})
afterAll(() => data.close())

test('fewer bits, more zeros, fewer channels and less rank move the outputs further', async () => {
  const { entries, samples } = await measureSensitivity(model, data, { samples: 32 })
  expect(samples).toBe(32)
  const layers = [...new Set(entries.map((entry) => entry.layer))]
  expect(layers).toHaveLength(5)
  for (const layer of layers)
    for (const technique of ['bits', 'sparsity', 'channels', 'rank'] as const) {
      const sqnr = entries.filter((e) => e.layer === layer && e.technique === technique).map((e) => e.sqnr)
      expect(sqnr.length).toBeGreaterThan(1)
      for (let i = 1; i < sqnr.length; i++) expect(sqnr[i]!).toBeLessThan(sqnr[i - 1]! + 0.5)
    }
})

test('progress moves within the samples of a layer, and never back', async () => {
  const told: number[] = []
  const progress = (done: number): void => void told.push(done)
  await measureSensitivity(model, data, { samples: 40, techniques: ['bits'], progress })
  // Five layers at four widths, six together: told at the beginning of each group and after each batch of 16.
  expect(told).toHaveLength(4 * (1 + 3))
  expect(told).toEqual(told.toSorted((a, b) => a - b))
  expect(new Set(told).size).toBe(told.length)
})

test('what is cached while a search fills the cache decides nothing', async () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-sensitivity-'))
  const cache = sensitivitiesIn(folder)
  await measureSensitivity(model, data, { techniques: ['bits'], cache })
  expect(await sensitivitiesOf(data, cache).known(model, 4)).not.toEqual([])
  expect(await sensitivitiesOf(data, { ...cache, grows: true }).known(model, 4)).toEqual([])
  fs.rmSync(folder, { recursive: true, force: true })
})

test('a model with a fixed batch gives the same figures', async () => {
  const fixed = model.clone()
  for (const port of [...fixed.graph.inputs, ...fixed.graph.outputs]) {
    delete port.raw
    port.dims = [1, ...port.dims!.slice(1)]
  }
  fixed.graph.valueInfo.clear()
  const options = { samples: 8, techniques: ['bits'] as const }
  const free = await measureSensitivity(model, data, options)
  const one = await measureSensitivity(fixed, data, options)
  for (const [at, entry] of one.entries.entries()) expect(entry.sqnr).toBeCloseTo(free.entries[at]!.sqnr, 2)
})

test('nothing is measured twice: not by another caller, not on the cleaned-up model, not by mixed precision', async () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-sensitivity-'))
  const cache = sensitivitiesIn(folder)
  const first = await measureSensitivity(model, data, { techniques: ['bits', 'sparsity'], cache })
  expect(first.measured).toBe(first.entries.length)
  expect(first.measured).toBe(5 * (4 + 3))

  // A second writer finds what the first has written, and only measures what is new.
  const second = await measureSensitivity(model, data, { cache: sensitivitiesIn(folder, 'second') })
  expect(second.measured).toBe(second.entries.length - first.measured)
  const sparsities = second.entries.filter(({ technique }) => technique === 'sparsity')
  expect(sparsities).toEqual(first.entries.filter(({ technique }) => technique === 'sparsity'))

  const context = contextOf(model, data)
  const { model: clean } = await simplifyPass.run(model, {}, context)
  const counted = { find: 0, keep: 0 }
  const counting: SensitivityCache = {
    find: (...about) => {
      counted.find++
      return cache.find(...about)
    },
    keep: (...about) => {
      counted.keep++
      cache.keep(...about)
    },
  }
  const sensitivities = sensitivitiesOf(data, counting)
  for (const size of [0.25, 0.1])
    await mixedPrecision.run(clean, { size, storage: 'shared' }, { ...context, sensitivities })
  expect(counted).toEqual({ find: 2 * 5 * 4, keep: 0 })

  // A pass that can do without asks for what there is, at the nearest width, and nothing is measured for it.
  const known = await sensitivities.known(clean, 5)
  expect(known).toEqual(
    first.entries.filter(({ technique, strength }) => technique === 'bits' && strength === 4),
  )
  expect(counted).toEqual({ find: 2 * 5 * 4 + 5, keep: 0 })
  expect(await sensitivitiesOf(data, undefined).known(clean, 4)).toEqual([])
  const limited = { bits: 2, method: 'rtn', maxLoss: 1 }
  const { summary } = await quantizeWeights.run(clean, limited, { ...context, sensitivities })
  expect(summary).toContain('layers take 8 bits: they cost')
  expect(counted).toEqual({ find: 2 * 5 * 4 + 5 + 5, keep: 0 })

  // Other weights are another matter.
  const changed = clean.clone()
  const [{ weight, tensor }] = weightedLayers(changed.graph) as [Layer]
  changed.graph.initializers.set(
    weight,
    Tensor.float32(
      tensor.dims,
      tensor.floats().map((w) => 2 * w),
    ),
  )
  const other = await measureSensitivity(changed, data, { techniques: ['bits'], cache })
  expect(other.measured).toBe(5 * 4)
  fs.rmSync(folder, { recursive: true, force: true })
})

test('of a target whose products saturate, integers of a byte are asked about with 7 bits, beside what is cached of 8', async () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-sensitivity-'))
  const options = { samples: 4, techniques: ['bits'] as const, cache: sensitivitiesIn(folder) }
  const [all, seven] = [
    await measureSensitivity(model, data, options),
    await measureSensitivity(model, data, { ...options, weightBits: 7 }),
  ]
  expect(seven.measured).toBe(all.measured)
  // A bit is 6.02 dB of uniform noise (Bennett, 1948).
  for (const [i, { strength, weightSqnr }] of all.entries.entries())
    expect(weightSqnr - seven.entries[i]!.weightSqnr).toBeCloseTo(
      strength === 8 ? 6.02 : 0,
      strength === 8 ? 0 : 9,
    )
  fs.rmSync(folder, { recursive: true, force: true })
})

test('a head that reads its table turned is a layer too; one constant is asked about once, with all its readers', async () => {
  const { model: tied, inputs } = gptLike()
  const context = quantizing(tied, inputs)
  const asked = { samples: 4, techniques: ['bits'] as const }
  const { entries, measured } = await measureSensitivity(tied, context.data!, asked)
  // The embedding, the product between, the head.
  const names = [...new Set(entries.map(({ layer }) => layer))]
  expect(names).toHaveLength(3)
  expect(measured).toBe(2 * 4)
  const of = (name: string): number[] => entries.filter(({ layer }) => layer === name).map(({ sqnr }) => sqnr)
  expect(of(names[2]!)).toEqual(of(names[0]!))

  // By hand: the table at 4 bits, the head's columns and the embedding's rows alike.
  const rough = tied.clone()
  const values = rough.graph.initializers.get('table_0')!
  rough.graph.initializers.set(
    'table_0',
    Tensor.float32(values.dims, roundedTo(4, values.floats(), values.dims, 0)),
  )
  const four = entries.find(({ layer, strength }) => layer === names[2] && strength === 4)!
  expect(four.sqnr).toBeCloseTo(await fidelity(tied, rough, inputs), 3)
})

test.each(['packed', 'shared'])(
  'mixed precision gives a table and its head one number of bits and counts them once, %s',
  async (storage) => {
    const { model: tied, inputs } = gptLike()
    const context = quantizing(tied, inputs)
    const sensitivities = sensitivitiesOf(context.data!, undefined)
    const how = { size: 0.2, storage, method: 'rtn' }
    const {
      summary,
      layers,
      model: made,
    } = await mixedPrecision.run(tied, how, { ...context, sensitivities })
    expect(summary).toContain('3 layers share 20% of the size')
    const [before, after] = (['bytesBefore', 'bytesAfter'] as const).map((key) =>
      layers!.reduce((sum, layer) => sum + layer[key]!, 0),
    ) as [number, number]
    expect(before).toBe(4 * (400 * 64 + 64 * 64))
    expect(after / before).toBeLessThan(0.2)
    expect(await fidelity(tied, made, inputs)).toBeGreaterThan(12)
  },
)
