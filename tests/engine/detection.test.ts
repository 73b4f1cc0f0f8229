/** Detectors of others on photos: from the files of labels to the bundle. */
import fs from 'node:fs'
import path from 'node:path'
import sharp from 'sharp'
import { describe, expect, it } from 'vitest'
import type { Dataset } from '../../src/engine/data/dataset'
import { openDataset } from '../../src/engine/data/open'
import { measureQuality } from '../../src/engine/evaluate/quality'
import { qualityChange } from '../../src/engine/evaluate/paired'
import { Model, readModel, Tensor } from '../../src/engine/onnx'
import { distill } from '../../src/engine/passes/distill'
import { fineTune } from '../../src/engine/passes/fine-tune'
import { floatsOf, openRunner } from '../../src/engine/runtime'
import { temporaryFolder } from './data/support'
import { viewsOf, wholeWay } from './tasks/whole-way'
import { contextOf } from './training/support'
import photos from '../fixtures/photos/boxes.json'

const zoo = path.resolve('..', 'shared', 'zoo', 'models')
const here = describe.skipIf(!fs.existsSync(zoo))
const fixtures = path.resolve('tests/fixtures/photos')
const COPIES = 4

/** Each photo in its own light several times, so that there is enough for three splits; annotations in COCO's form. */
async function dataset(annotations: object[], categories: object[]): Promise<string> {
  const folder = temporaryFolder()
  const images: object[] = []
  const boxes: object[] = []
  for (const { id, file_name: name, ...size } of photos.images)
    for (let copy = 0; copy < COPIES; copy++) {
      const file = `${copy}-${name}`
      await sharp(path.join(fixtures, name))
        .modulate({ brightness: 1 - 0.1 * copy })
        .jpeg({ quality: 95 })
        .toFile(path.join(folder, file))
      images.push({ id: 10 * id + copy, file_name: file, ...size })
      for (const one of annotations as { image_id: number }[])
        if (one.image_id === id) boxes.push({ ...one, id: boxes.length + 1, image_id: 10 * id + copy })
    }
  fs.writeFileSync(
    path.join(folder, 'boxes.json'),
    JSON.stringify({ images, annotations: boxes, categories }),
  )
  return folder
}

/** Ids of COCO's 80 classes, those that are used of 90; named by their number. */
const UNUSED = new Set([12, 26, 29, 30, 45, 66, 68, 69, 71, 83])
const coco = Array.from({ length: 90 }, (_, i) => i + 1)
  .filter((id) => !UNUSED.has(id))
  .map((id) => ({
    id,
    name: ({ 1: 'person', 17: 'cat', 47: 'cup', 50: 'spoon' } as Record<number, string>)[id] ?? `${id}`,
  }))

const face = [{ image_id: 1, category_id: 1, bbox: photos.faces['astronaut.jpg'] }]

here('FastestDet on photos with COCO labels', () => {
  it('goes from evaluating over a candidate and its samples to a bundle that proves itself', async () => {
    const file = path.join(zoo, 'fastestdet.onnx')
    const model = readModel(file)
    const data = await openDataset(await dataset(photos.annotations, coco), model, {
      preprocessing: { resize: 'stretch' },
    })
    const { original, candidate, detail } = await wholeWay(model, data)
    expect(original.output.reason).toContain('fastestdet')
    expect(original.quality.metric).toBe('boxMap')
    // It finds person, cup and cat of the four things, cat behind dog.
    expect(original.quality.others['boxMap50']).toBeGreaterThan(0.4)
    expect(Math.abs(qualityChange(original, candidate).value)).toBeLessThan(0.1)
    expect(detail.preview.thumbnail).toMatch(/^data:image/)
    for (const { truth, found } of viewsOf(detail.outputs, 'boxes')) {
      expect(truth.length).toBeGreaterThan(0)
      expect(found.some(({ matches, score }) => matches && score! > 0.25)).toBe(true)
      for (const { left, right, top, bottom } of [...found, ...truth])
        expect(left >= 0 && right <= 1 && top >= 0 && bottom <= 1 && right > left && bottom > top).toBe(true)
    }
    await data.close()
  })
})

here.each([
  ['ultraface320', 'ssd', { scale: 1, mean: [127], std: [128], resize: 'stretch' }],
  ['blazeface', 'blazeface', { scale: 1, mean: [127.5], std: [127.5] }],
])('%s on photos', (name, layout, preprocessing) => {
  it('finds the one face, by its own layout', async () => {
    const file = path.join(zoo, `${name}.onnx`)
    const model = readModel(file)
    const data = await openDataset(await dataset(face, [{ id: 1, name: 'face' }]), model, { preprocessing })
    for (const split of ['calibration', 'training', 'validation'] as const) {
      const { original } = await measureQuality(file, [], { dataset: data, split })
      expect(original.output.reason).toContain(layout)
    }
    const { original } = await measureQuality(file, [], { dataset: data, split: 'training' })
    expect(original.quality.others['boxMap50']).toBeGreaterThan(0.5)
    await data.close()
  })
})

it('says of a model that finds no boxes what its outputs are', async () => {
  const digits = path.resolve('resources/samples/digits/lenet5.onnx')
  const data = await openDataset(await dataset(photos.annotations, coco), readModel(digits))
  await expect(measureQuality(digits, [], { dataset: data })).rejects.toMatchObject({
    data: { code: 'data/boxes-unknown', classes: 80 },
  })
  await data.close()
})

/** Anchors on a 4 × 4 grid of x [N, 3, 16, 16], with boxes and scores as two outputs. */
function twoHeads(): Model {
  const model = new Model()
  model.opsets.set('', 17)
  model.irVersion = 8
  const { graph } = model
  graph.inputs = [{ name: 'x', dtype: 'float32', dims: ['N', 3, 16, 16] }]
  const weights = (name: string, dims: number[]): void => {
    const count = dims.reduce((a, b) => a * b, 1)
    graph.initializers.set(
      name,
      Tensor.float32(
        dims,
        Array.from({ length: count }, (_, i) => Math.sin(7 * i + 1) / 6),
      ),
    )
  }
  weights('w', [8, 3, 4, 4])
  graph.addNode({
    opType: 'Conv',
    inputs: ['x', 'w'],
    outputs: ['c'],
    attributes: { strides: { ints: [4, 4] } },
  })
  graph.addNode({ opType: 'Relu', inputs: ['c'], outputs: ['h'] })
  graph.initializers.set('reshape', Tensor.int64([0, 0, 16]))
  for (const [head, size] of [
    ['boxes', 4],
    ['scores', 2],
  ] as const) {
    weights(`w_${head}`, [size, 8, 1, 1])
    graph.addNode({ opType: 'Conv', inputs: ['h', `w_${head}`], outputs: [`${head}_map`] })
    graph.addNode({ opType: 'Reshape', inputs: [`${head}_map`, 'reshape'], outputs: [`${head}_flat`] })
    graph.addNode({
      opType: 'Transpose',
      inputs: [`${head}_flat`],
      outputs: [head],
      attributes: { perm: { ints: [0, 2, 1] } },
    })
    graph.outputs.push({ name: head, dtype: 'float32', dims: ['N', 16, size] })
  }
  return model
}

it('a damaged detector learns both of its outputs again from the original, and says why not from labels', async () => {
  const original = twoHeads()
  const data = await openDataset(await dataset(face, [{ id: 1, name: 'face' }]), original, {
    shares: { calibration: 0.2, validation: 0.2 },
  })
  const damaged = original.clone()
  for (const head of ['w_boxes', 'w_scores']) {
    const { dims } = original.graph.initializers.get(head)!
    const values = original.graph.initializers.get(head)!.floats()
    damaged.graph.initializers.set(
      head,
      Tensor.float32(
        dims,
        values.map((w, i) => (i % 3 ? w : 0)),
      ),
    )
  }
  const settings = { learningRate: 0.003, batchSize: 4, heldOut: 0, epochs: 100 }
  const { model, summary } = await distill.run(damaged, settings, contextOf(original, data))
  expect(summary).toContain('labels of detection')
  for (const output of ['boxes', 'scores'])
    expect(await errorOf(original, model, data, output)).toBeLessThan(
      0.5 * (await errorOf(original, damaged, data, output)),
    )
  await expect(fineTune.run(damaged, settings, contextOf(original, data))).rejects.toMatchObject({
    data: { code: expect.stringMatching(/^data\//) as string },
  })
  await data.close()
})

/** Sum of squared differences of one output over the training samples. */
async function errorOf(a: Model, b: Model, data: Dataset, output: string): Promise<number> {
  const runners = [await openRunner(a), await openRunner(b)]
  let errors = 0
  for await (const { inputs } of data.splits.training.batches(4)) {
    const [first, second] = await Promise.all(
      runners.map(async (runner) => floatsOf((await runner.run(inputs))[output]!)),
    )
    first!.forEach((value, i) => (errors += (value - second![i]!) ** 2))
  }
  for (const runner of runners) await runner.release()
  return errors
}
