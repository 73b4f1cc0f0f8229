import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import zlib from 'node:zlib'
import sharp from 'sharp'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { openDataset } from '../../../../src/engine/data/open'
import { indexMap } from '../../../../src/engine/data/png-index'
import type { ViewOf } from '../../../../src/contract/sample-views'
import { Model, Tensor } from '../../../../src/engine/onnx'
import { viewsOf, wholeWay } from '../../tasks/whole-way'

const root = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-masks-'))
afterAll(() => fs.rmSync(root, { recursive: true, force: true }))
let folder = ''
let count = 0
beforeEach(() => void (folder = path.join(root, String(count++))))

const put = (name: string, bytes: Uint8Array): void => {
  const file = path.join(folder, name)
  fs.mkdirSync(path.dirname(file), { recursive: true })
  fs.writeFileSync(file, bytes)
}

/** A PNG of palette indices, unfiltered: what tools of annotation write. */
function palettePng(
  width: number,
  height: number,
  depth: 1 | 2 | 4 | 8,
  index: (x: number, y: number) => number,
): Buffer {
  const chunk = (kind: string, body: Buffer): Buffer => {
    const named = Buffer.concat([Buffer.from(kind, 'latin1'), body])
    const [length, crc] = [Buffer.alloc(4), Buffer.alloc(4)]
    length.writeUInt32BE(body.length)
    crc.writeUInt32BE(zlib.crc32 ? zlib.crc32(named) : 0)
    return Buffer.concat([length, named, crc])
  }
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.set([depth, 3, 0, 0, 0], 8)
  const line = Math.ceil((width * depth) / 8)
  const raw = Buffer.alloc((line + 1) * height)
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      raw[y * (line + 1) + 1 + ((x * depth) >> 3)]! |= index(x, y) << (8 - depth - ((x * depth) & 7))
  const palette = Buffer.from(Array.from({ length: 3 * 2 ** depth }, (_, i) => (i * 37) % 256))
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    chunk('IHDR', header),
    chunk('PLTE', palette),
    chunk('IDAT', zlib.deflateSync(raw)),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

const grey = (width: number, height: number, level: (x: number, y: number) => number): Promise<Buffer> =>
  sharp(
    Buffer.from(Array.from({ length: width * height }, (_, i) => level(i % width, Math.floor(i / width)))),
    {
      raw: { width, height, channels: 1 },
    },
  )
    .toColourspace('b-w')
    .png({ adaptiveFiltering: true })
    .toBuffer()

describe('numbers of a PNG', () => {
  it.each([1, 2, 4, 8] as const)('are indices of a palette at %i bits', (depth) => {
    const index = (x: number, y: number): number => (x + 3 * y) % 2 ** Math.min(depth, 4)
    const { width, height, values } = indexMap(palettePng(13, 5, depth, index))
    expect([width, height]).toEqual([13, 5])
    expect(Array.from(values)).toEqual(
      Array.from({ length: 65 }, (_, i) => index(i % 13, Math.floor(i / 13))),
    )
  })

  it('are grey levels, through every filter an encoder takes, as libvips writes them', async () => {
    const level = (x: number, y: number): number => (x * x + 5 * y + (x % 3) * 40) % 256
    const { values } = indexMap(await grey(61, 47, level))
    expect(Array.from(values)).toEqual(
      Array.from({ length: 61 * 47 }, (_, i) => level(i % 61, Math.floor(i / 61))),
    )
  })

  it('are none of colours, and equal channels are grey', async () => {
    const rgb = (colour: string) =>
      sharp({ create: { width: 2, height: 1, channels: 3, background: colour } })
        .png()
        .toBuffer()
    expect(Array.from(indexMap(await rgb('#ff0000')).values)).toEqual([-1, -1])
    expect(Array.from(indexMap(await rgb('#070707')).values)).toEqual([7, 7])
  })

  it('are refused where the file is none, cut off or of an impossible size', () => {
    const whole = palettePng(8, 8, 8, () => 1)
    expect(() => indexMap(Buffer.from('GIF89a'))).toThrow(/must be a PNG/)
    expect(() => indexMap(whole.subarray(0, whole.length - 30))).toThrow()
    const huge = Buffer.from(whole)
    huge.writeUInt32BE(2 ** 30, 16)
    expect(() => indexMap(huge)).toThrow(/impossible/)
  })
})

/** A score for each weight and bias of the grey of a pixel. */
function pointwise(weights: number[], biases: number[]): Model {
  const model = new Model()
  model.opsets.set('', 17)
  model.irVersion = 8
  const { graph } = model
  graph.inputs = [{ name: 'x', dtype: 'float32', dims: ['N', 1, 16, 16] }]
  graph.outputs = [{ name: 'logits', dtype: 'float32', dims: ['N', weights.length, 16, 16] }]
  graph.initializers.set('w', Tensor.float32([weights.length, 1, 1, 1], weights))
  graph.initializers.set('b', Tensor.float32([weights.length], biases))
  // Half precision leaves single numbers as they are.
  graph.initializers.set('ones', Tensor.float32([16], new Array<number>(16).fill(1)))
  graph.addNode({ opType: 'Mul', inputs: ['x', 'ones'], outputs: ['grey'] })
  graph.addNode({ opType: 'Conv', inputs: ['grey', 'w', 'b'], outputs: ['logits'] })
  return model
}

/** Scores of three classes at grey 0, 0.5 and 1: the nearest c has the largest 2·c·x − c². */
const thirds = (): Model => pointwise([0, 1, 2], [0, -0.25, -1])

const klass = (x: number, y: number): number => (x < 5 ? 0 : y < 6 ? 1 : 2)

async function picturesWith(
  mask: (i: number) => Buffer | Promise<Buffer>,
  at = ['images', 'masks'],
): Promise<void> {
  for (let i = 0; i < 12; i++) {
    put(`${at[0]}/${i}.png`, await grey(16, 16, (x, y) => Math.round(127.5 * klass(x, y))))
    put(`${at[1]}/${i}_mask.png`, await mask(i))
  }
}

describe('pictures with masks', () => {
  it('are judged by mean IoU, void left out, and their masks drawn', async () => {
    await picturesWith(() => palettePng(16, 16, 8, (x, y) => (y === 0 ? 255 : klass(x, y))))
    put('classes.txt', Buffer.from('ground\ntree\nsky\n'))
    const data = await openDataset(folder, thirds(), { preprocessing: { scale: 1 / 255 } })
    expect(data.task).toBe('segmentation')
    expect(data.classes).toEqual(['ground', 'tree', 'sky'])
    const { original, candidate, detail } = await wholeWay(thirds(), data)
    expect(original.quality).toMatchObject({ metric: 'miou', value: 1 })
    expect(candidate.quality.value).toBe(1)
    expect(detail.inputImage).toMatch(/^data:image/)
    const [view] = viewsOf(detail.outputs, 'masks') as [ViewOf<'masks'>]
    expect(view.legend.map(({ name }) => name)).toEqual(['tree', 'sky'])
    const pixels = async (url: string) =>
      sharp(Buffer.from(url.split(',')[1]!, 'base64'))
        .raw()
        .toBuffer()
    const [mask, truth] = [await pixels(view.mask), await pixels(view.truth)]
    // The void of the labels is left unseen; everything else is as the labels have it.
    expect(mask.subarray(4 * 16)).toEqual(truth.subarray(4 * 16))
    expect(truth.subarray(0, 64).every((v) => v === 0)).toBe(true)
    await data.close()
  })

  it('are found in folders of splits, either way round', async () => {
    for (const split of ['train', 'val'])
      await picturesWith(() => palettePng(16, 16, 2, klass), [`images/${split}`, `masks/${split}`])
    const beside = await openDataset(folder, thirds(), { preprocessing: { scale: 1 / 255 } })
    expect(beside.splits.validation).toMatchObject({ origin: 'given', length: 12 })
    folder = `${folder}-within`
    for (const split of ['train', 'val'])
      await picturesWith(() => palettePng(16, 16, 2, klass), [`${split}/images`, `${split}/masks`])
    const within = await openDataset(folder, thirds(), { preprocessing: { scale: 1 / 255 } })
    expect(within.splits.validation).toMatchObject({ origin: 'given', length: 12 })
  })

  it('white on black is one class of two, and of a model of one channel a matte', async () => {
    await picturesWith(() => grey(16, 16, (x) => (x < 5 ? 0 : 255)))
    const data = await openDataset(folder, thirds(), { preprocessing: { scale: 1 / 255 } })
    for await (const { labels } of data.splits.validation.batches(1))
      expect(new Set(labels!.data as BigInt64Array)).toEqual(new Set([0n, 1n]))
    const one = pointwise([1], [0])
    const matte = await openDataset(folder, one, { preprocessing: { scale: 1 / 255 } })
    expect(matte.task).toBe('matting')
    const { original, candidate, detail } = await wholeWay(one, matte)
    // Of 256 pixels 66 are half grey where the mask is white.
    expect(original.quality.value).toBeCloseTo((66 * 127) / 255 / 256, 3)
    expect(candidate.quality.value).toBeCloseTo(original.quality.value, 3)
    expect(viewsOf(detail.outputs, 'masks')).toHaveLength(2)
    await matte.close()
  })

  it('masks of colours are refused by what can be done', async () => {
    await picturesWith(() =>
      sharp({ create: { width: 16, height: 16, channels: 3, background: '#f00' } })
        .png()
        .toBuffer(),
    )
    await expect(openDataset(folder, thirds())).rejects.toMatchObject({
      data: { code: 'data/unreadable', reason: expect.stringContaining('palette') as string },
    })
  })
})
