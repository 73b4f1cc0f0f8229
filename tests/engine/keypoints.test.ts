/** A model of keypoints on pictures made by a rule: from COCO's JSON to the bundle. */
import fs from 'node:fs'
import path from 'node:path'
import sharp from 'sharp'
import { expect, it } from 'vitest'
import { openDataset } from '../../src/engine/data/open'
import { lossOf } from '../../src/engine/evaluate/paired'
import { measureQuality } from '../../src/engine/evaluate/quality'
import { seeded } from '../../src/engine/math/random'
import { Model, Tensor } from '../../src/engine/onnx'
import { distill } from '../../src/engine/passes/distill'
import { temporaryFolder } from './data/support'
import { viewsOf, wholeWay } from './tasks/whole-way'
import { contextOf } from './training/support'

const SIDE = 32
const WIDTH = 48
const COUNT = 24

/** Black pictures of 48 × 32 with a red, a green and a blue dot: three keypoints of one thing. */
async function dataset(): Promise<string> {
  const random = seeded(3)
  const folder = temporaryFolder()
  const images: object[] = []
  const annotations: object[] = []
  for (let id = 1; id <= COUNT; id++) {
    const pixels = Buffer.alloc(WIDTH * SIDE * 3)
    const points = [0, 1, 2].map((k) => {
      const [x, y] = [3 + random.below(WIDTH - 6), 3 + random.below(SIDE - 6)]
      for (let dy = -1; dy <= 1; dy++)
        for (let dx = -1; dx <= 1; dx++)
          pixels[((y + dy) * WIDTH + x + dx) * 3 + k] = dx === 0 && dy === 0 ? 255 : 90
      return [x, y]
    })
    await sharp(pixels, { raw: { width: WIDTH, height: SIDE, channels: 3 } })
      .png()
      .toFile(path.join(folder, `${id}.png`))
    images.push({ id, file_name: `${id}.png`, width: WIDTH, height: SIDE })
    annotations.push({
      id,
      image_id: id,
      category_id: 1,
      bbox: [0, 0, WIDTH, SIDE],
      area: 400,
      iscrowd: 0,
      keypoints: points.flatMap(([x, y]) => [x, y, 2]),
      num_keypoints: 3,
    })
  }
  const categories = [{ id: 1, name: 'thing', keypoints: ['red', 'green', 'blue'], skeleton: [] }]
  fs.writeFileSync(path.join(folder, 'dots.json'), JSON.stringify({ images, annotations, categories }))
  return folder
}

/** Each colour smoothed: the maps of the three keypoints. `damage` is added to the weights, `turn` takes other colours. */
function smoother({ damage = 0, turn = 0 } = {}): Model {
  const model = new Model()
  model.opsets.set('', 17)
  model.irVersion = 8
  const { graph } = model
  const kernel = [1, 2, 1, 2, 4, 2, 1, 2, 1].map((w) => w / 16)
  const weights = [0, 1, 2].flatMap((out) =>
    [0, 1, 2].flatMap((into) =>
      kernel.map((w, i) => ((out + turn) % 3 === into ? w : 0) + damage * Math.sin(9 * i + into)),
    ),
  )
  graph.initializers.set('w', Tensor.float32([3, 3, 3, 3], Float32Array.from(weights)))
  graph.inputs = [{ name: 'picture', dtype: 'float32', dims: ['N', 3, SIDE, SIDE] }]
  graph.outputs = [{ name: 'maps', dtype: 'float32', dims: ['N', 3, SIDE, SIDE] }]
  graph.addNode({
    opType: 'Conv',
    inputs: ['picture', 'w'],
    outputs: ['maps'],
    attributes: { pads: { ints: [1, 1, 1, 1] } },
  })
  return model
}

it('goes from evaluating over candidates and their samples to a bundle that proves itself', async () => {
  const original = smoother()
  const data = await openDataset(await dataset(), original, { preprocessing: { resize: 'stretch' } })
  expect(data.task).toBe('keypoints')
  const whole = await wholeWay(original, data)
  // A cell is a pixel and a half of the picture: far below 2/3 of the root of 400.
  expect(whole.original.quality).toMatchObject({ metric: 'oksMap', value: expect.closeTo(1, 9) as number })
  expect(whole.original.quality.others['pck']).toBe(1)
  expect(lossOf(whole.original, whole.candidate).points).toBeCloseTo(0, 6)
  const broken = await measureQuality(original, [smoother({ turn: 1 })], { dataset: data })
  expect(lossOf(broken.original, broken.candidates[0]!).points).toBeGreaterThan(5)
  for (const { truth, found } of viewsOf(whole.detail.outputs, 'poses')) {
    expect(truth).toHaveLength(1)
    expect(found[0]!.near).toBeGreaterThan(0.9)
    for (const [k, point] of found[0]!.points.entries())
      expect(Math.abs(point!.x - truth[0]!.points[k]!.x)).toBeLessThan(0.06)
  }
  const settings = { learningRate: 0.01, batchSize: 4, heldOut: 0, epochs: 30 }
  const damaged = smoother({ damage: 0.1 })
  const taught = await distill.run(damaged, settings, contextOf(original, data))
  const again = await measureQuality(original, [damaged, taught.model], { dataset: data })
  const [before, after] = again.candidates.map(({ fidelity }) => fidelity!.sqnr)
  expect(after).toBeGreaterThan(before! + 10)
  await data.close()
})

it('judges boxes of the same labels where that is asked for', async () => {
  const data = await openDataset(await dataset(), smoother(), { task: 'detection' })
  expect(data.task).toBe('detection')
  await data.close()
})
