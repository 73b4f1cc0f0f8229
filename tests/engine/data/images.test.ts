import fs from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import type { Dataset } from '../../../src/engine/data/dataset'
import { decodeImage, placePixels } from '../../../src/engine/data/image-decode'
import { inferImage, type ImageOptions } from '../../../src/engine/data/image-input'
import { KeptPixels } from '../../../src/engine/data/kept-pixels'
import { openDataset } from '../../../src/engine/data/open'
import type { Dim } from '../../../src/engine/onnx'
import { declares, fixture, fixtureJson, png, temporaryFolder, write } from './support'

const smooth = fixtureJson('smooth.json') as Record<
  'pixels' | 'grey' | 'stretched' | 'enlarged' | 'cropped',
  number[]
>

const options = (change: Partial<ImageOptions>): ImageOptions => ({
  kind: 'image',
  width: 40,
  height: 24,
  channels: 3,
  resize: 'stretch',
  cropRatio: 1,
  order: 'rgb',
  layout: 'nchw',
  scale: 1,
  mean: [0],
  std: [1],
  invert: false,
  ...change,
})

function difference(got: Uint8Array, want: readonly number[]): { largest: number; mean: number } {
  expect(got.length).toBe(want.length)
  const apart = want.map((value, i) => Math.abs(value - got[i]!))
  return { largest: Math.max(...apart), mean: apart.reduce((a, b) => a + b, 0) / apart.length }
}

test.each(['png', 'webp', 'tiff', 'bmp'])('lossless %s gives the pixels Pillow wrote', async (ending) => {
  expect(Array.from(await decodeImage(fixture(`smooth.${ending}`), options({})))).toEqual(smooth.pixels)
})

test.each([
  ['smooth.jpg', 3],
  ['turned.jpg', 3],
  ['smooth.gif', 14],
])('lossy %s comes close, turned as its Exif says', async (name, mean) => {
  expect(difference(await decodeImage(fixture(name), options({})), smooth.pixels).mean).toBeLessThan(mean)
})

test('grey is made of colours as Pillow makes it', async () => {
  const grey = await decodeImage(fixture('smooth.png'), options({ channels: 1 }))
  expect(difference(grey, smooth.grey).largest).toBeLessThanOrEqual(1)
})

test.each([
  ['stretched', { width: 16, height: 16 }],
  ['enlarged', { width: 80, height: 48 }],
  ['cropped', { width: 14, height: 14, resize: 'shortest-side-then-crop', cropRatio: 16 / 14 }],
] as const)('%s as Pillow and torchvision do it', async (name, change) => {
  const { largest, mean } = difference(
    await decodeImage(fixture('smooth.png'), options(change)),
    smooth[name],
  )
  expect(mean).toBeLessThan(1.5)
  expect(largest).toBeLessThan(30)
})

test('letterboxing keeps the proportions between borders', async () => {
  const pixels = await decodeImage(
    fixture('smooth.png'),
    options({ width: 40, height: 40, resize: 'letterbox' }),
  )
  expect(Array.from(pixels.subarray(0, 3))).toEqual([114, 114, 114])
  expect(Array.from(pixels.subarray(8 * 40 * 3, 32 * 40 * 3))).toEqual(smooth.pixels)
})

test('16-bit grey and transparency', async () => {
  const grey = await decodeImage(fixture('grey16.png'), options({ channels: 1 }))
  for (let y = 0; y < 24; y++) expect(Math.abs(grey[y * 40]! - (y * 2730) / 257)).toBeLessThan(1)
  expect(Array.from(await decodeImage(fixture('alpha.png'), options({})))).toEqual(smooth.pixels)
  const four = await decodeImage(fixture('alpha.png'), options({ channels: 4 }))
  expect(four[3 + 4 * 40 * 5]).toBe(50)
})

test('order, inversion, scale, mean, deviation and layout', () => {
  // Two pixels: red 255, and (10, 20, 30).
  const pixels = Uint8Array.from([255, 0, 0, 10, 20, 30])
  const place = (change: Partial<ImageOptions>): number[] => {
    const out = new Float32Array(6)
    placePixels(pixels, options({ width: 2, height: 1, ...change }), out, 0)
    return Array.from(out)
  }
  expect(place({})).toEqual([255, 10, 0, 20, 0, 30])
  expect(place({ layout: 'nhwc' })).toEqual([255, 0, 0, 10, 20, 30])
  expect(place({ order: 'bgr' })).toEqual([0, 30, 0, 20, 255, 10])
  expect(place({ invert: true, layout: 'nhwc' })).toEqual([0, 255, 255, 245, 235, 225])
  expect(place({ scale: 2, mean: [10, 0, 0], std: [1, 2, 4] })).toEqual([500, 10, 0, 20, 0, 15])
})

test.each<[Dim[], Partial<ImageOptions>]>([
  [['N', 1, 28, 28], { layout: 'nchw', channels: 1, width: 28, height: 28, mean: [0], scale: 1 / 255 }],
  [
    ['N', 3, 224, 224],
    { layout: 'nchw', channels: 3, resize: 'shortest-side-then-crop', mean: [0.485, 0.456, 0.406] },
  ],
  [['N', 96, 128, 3], { layout: 'nhwc', channels: 3, width: 128, height: 96 }],
  [['N', 3, 'h', 'w'], { layout: 'nchw', channels: 3, width: 40, height: 24 }],
  [['N', null, null, 3], { layout: 'nhwc', channels: 3, width: 40, height: 24 }],
  [['N', 784], { layout: 'flat', channels: 1, width: 28, height: 28 }],
  [['N', 3072], { layout: 'flat', channels: 3, width: 32, height: 32 }],
  [['N', 20, 30], { layout: 'flat', channels: 1, width: 30, height: 20 }],
])('an input of shape %j wants %j', (dims, expected) => {
  expect(inferImage({ name: 'x', dtype: 'float32', dims }, { width: 40, height: 24 })).toMatchObject(expected)
})

test('an input that cannot be a picture is told so', () => {
  expect(() => inferImage({ name: 'x', dtype: 'float32', dims: ['N', 7] })).toThrow(/data\/shape-mismatch/)
})

const model = declares([['image', ['N', 3, 24, 40]]], [['scores', ['N', 2]]])
const read = (name: string): Buffer => fs.readFileSync(fixture(name))

async function withSamples(
  files: Record<string, Uint8Array | string>,
  check: (dataset: Dataset, root: string) => Promise<void>,
) {
  const root = write(temporaryFolder(), files)
  const dataset = await openDataset(root, model)
  await check(dataset, root)
  await dataset.close()
}

const broken = read('smooth.jpg').subarray(0, 700)

test('images that cannot be read are skipped, counted and named', () =>
  withSamples(
    {
      'a/1.png': read('smooth.png'),
      'a/2.jpg': broken,
      'a/3.jpg': read('smooth.jpg'),
      'b/1.webp': read('smooth.webp'),
      'b/2.png': 'no picture',
      'b/10.tiff': read('smooth.tiff'),
      'b/9.bmp': read('smooth.bmp'),
      'b/11.gif': read('smooth.gif'),
    },
    async (dataset) => {
      const summary = dataset.summary()
      expect(summary.samples).toBe(6)
      expect(summary.notes.join(' ')).toContain(
        `2 images could not be read and are skipped: ${path.join('a', '2.jpg')}, ${path.join('b', '2.png')}.`,
      )
      expect(summary.classCounts).toEqual([2, 4])
    },
  ))

test('an image that breaks later leaves its batch and is noted', () =>
  withSamples(
    Object.fromEntries(
      [1, 2, 3, 4, 5].flatMap((i) => [
        [`a/${i}.png`, read('smooth.png')],
        [`b/${i}.jpg`, read('smooth.jpg')],
      ]),
    ),
    async (dataset, root) => {
      fs.writeFileSync(path.join(root, 'b/3.jpg'), broken)
      let seen = 0
      for (const split of Object.values(dataset.splits))
        for await (const batch of split.batches(4)) {
          seen += batch.indices.length
          expect(batch.labels!.data).toHaveLength(batch.indices.length)
          expect(batch.inputs['image']!.dims[0]).toBe(batch.indices.length)
        }
      expect(seen).toBe(9)
      expect(dataset.summary().notes.join(' ')).toContain('1 images could not be read')
    },
  ))

test('a folder of which no image can be read is an error', async () => {
  const root = write(temporaryFolder(), { 'a/1.png': 'nothing', 'b/2.png': 'nothing' })
  await expect(openDataset(root, model)).rejects.toMatchObject({
    data: { code: 'data/unreadable', reason: expect.stringContaining('none of its 2 images') as string },
  })
})

test('links that lead out of the folder are not followed', async () => {
  const secret = write(temporaryFolder(), { 'x/9.png': read('smooth.png'), '8.png': read('smooth.png') })
  const root = write(temporaryFolder(), { 'a/1.png': read('smooth.png'), 'b/2.png': read('smooth.png') })
  fs.symlinkSync(path.join(secret, '8.png'), path.join(root, 'a/8.png'))
  fs.symlinkSync(path.join(secret, 'x'), path.join(root, 'c'))
  fs.symlinkSync(path.join(root, 'b/2.png'), path.join(root, 'a/3.png'))
  const dataset = await openDataset(root, model)
  expect(dataset.summary().samples).toBe(3)
  expect(dataset.classes).toEqual(['a', 'b'])
  await dataset.close()
})

test.each([
  ['labels.csv', 'filename,label\n1.png,cat\n../../etc/passwd,dog\n2.png,dog\nmissing.png,dog\n'],
  [
    'labels.json',
    JSON.stringify({ '1.png': 'cat', '2.png': 'dog', '/etc/passwd': 'dog', 'missing.png': 'dog' }),
  ],
  [
    'metadata.jsonl',
    '{"file_name":"1.png","label":"cat"}\n{"file_name":"2.png","label":"dog"}\n{"file_name":"3","label":"dog"}\n{"file_name":"4","label":"dog"}\n',
  ],
])('labels from %s stay inside the folder', async (name, text) => {
  const root = write(temporaryFolder(), {
    '1.png': read('smooth.png'),
    '2.png': await png(40, 24, new Uint8Array(2880)),
    [name]: text,
  })
  const dataset = await openDataset(root, model)
  expect(dataset.classes).toEqual(['cat', 'dog'])
  expect(dataset.summary().classCounts).toEqual([1, 1])
  expect(dataset.summary().notes.join(' ')).toContain('2 files named in')
  await dataset.close()
})

test('pictures are decoded once for all ways to prepare them, and anew in another geometry', () =>
  withSamples(
    Object.fromEntries([1, 2, 3].map((i) => [`${i % 2 ? 'a' : 'b'}/${i}.png`, read('smooth.png')])),
    async (dataset, root) => {
      const count = async (change: Partial<ImageOptions>): Promise<number> => {
        const preprocessing = { ...(dataset.preprocessing as ImageOptions), ...change }
        let seen = 0
        for await (const batch of dataset.variant({ preprocessing }).splits.validation.batches(8)) {
          const first = batch.inputs['image']!.data[0] as number
          const pixel = preprocessing.invert ? 255 - smooth.pixels[0]! : smooth.pixels[0]!
          if (preprocessing.cropRatio === 1) expect(first).toBeCloseTo(pixel / 255)
          seen += batch.indices.length
        }
        return seen
      }
      expect(await count({})).toBe(3)
      fs.rmSync(path.join(root, 'a'), { recursive: true })
      expect(await count({ invert: true })).toBe(3)
      expect(await count({ resize: 'shortest-side-then-crop' })).toBe(3)
      expect(await count({ resize: 'shortest-side-then-crop', cropRatio: 1.5 })).toBe(1)
    },
  ))

test('kept pixels stay within their budget; those of another geometry give way', () => {
  const kept = new KeptPixels(10)
  const [one, other] = [options({}), options({ width: 20, resize: 'letterbox' })]
  const picture = { pixels: new Uint8Array(4), size: { width: 40, height: 24 } }
  for (const index of [0, 1, 2]) kept.add(index, one, picture)
  expect([0, 1, 2].map((i) => kept.get(i, one))).toEqual([picture.pixels, picture.pixels, undefined])
  // A picture that has the size already looks the same however it would be brought to it.
  expect(kept.get(0, options({ resize: 'letterbox', invert: true }))).toBe(picture.pixels)
  expect(kept.get(0, options({ resize: 'shortest-side-then-crop', cropRatio: 2 }))).toBeUndefined()
  expect(kept.get(0, options({ channels: 1 }))).toBeUndefined()
  kept.add(0, other, picture)
  expect(kept.get(0, other)).toBe(picture.pixels)
  expect(kept.get(0, one)).toBeUndefined()
  kept.add(1, other, { ...picture, pixels: new Uint8Array(11) })
  expect(kept.get(1, other)).toBeUndefined()
})
