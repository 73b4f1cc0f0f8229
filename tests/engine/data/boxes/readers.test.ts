/** The same two pictures with the same boxes, as each format has them. */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { openDataset } from '../../../../src/engine/data/open'
import type { Dataset } from '../../../../src/engine/data/dataset'
import { pictureAt } from '../../../../src/engine/tasks/detection/label-rows'
import { wires } from '../../evaluate/support'

const root = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-boxes-'))
afterAll(() => fs.rmSync(root, { recursive: true, force: true }))

let folder = ''
let count = 0
beforeEach(() => void (folder = path.join(root, String(count++))))

const write = (name: string, text: string): void => {
  const file = path.join(folder, name)
  fs.mkdirSync(path.dirname(file), { recursive: true })
  fs.writeFileSync(file, text)
}

async function picture(name: string, width: number, height: number): Promise<void> {
  const file = path.join(folder, name)
  fs.mkdirSync(path.dirname(file), { recursive: true })
  await sharp({ create: { width, height, channels: 3, background: '#888' } })
    .png()
    .toFile(file)
}

const model = wires({ x: { dims: [1, 3, 32, 32] } })

/** Boxes by picture, as they lie in the picture. */
async function boxesOf(dataset: Dataset): Promise<Record<string, number[][]>> {
  const all: Record<string, number[][]> = {}
  const seen = new Set<string>()
  for (const split of Object.values(dataset.splits))
    for await (const batch of split.batches(4))
      for (const [i, index] of batch.indices.entries()) {
        const { title } = await split.preview(index)
        const { boxes } = pictureAt(batch.labels!, i)
        all[path.basename(title)] = boxes.map((b) =>
          [b.left, b.top, b.right, b.bottom, b.class, b.ignored].map((v) => Number(v.toFixed(3))),
        )
        seen.add(title)
      }
  return all
}

const EXPECTED = {
  'a.png': [
    [10, 5, 50, 25, 1, 0],
    [60, 10, 80, 30, 0, 0],
  ],
  'b.png': [],
}

async function opened(at = folder, options = {}): Promise<Dataset> {
  const dataset = await openDataset(at, model, options)
  expect(dataset.task).toBe('detection')
  expect(dataset.kind).toBe('images')
  return dataset
}

const coco = (more: object = {}): string =>
  JSON.stringify({
    images: [
      { id: 5, file_name: 'a.png', width: 100, height: 40 },
      { id: 6, file_name: 'b.png', width: 20, height: 40 },
    ],
    annotations: [
      { id: 1, image_id: 5, category_id: 8, bbox: [10, 5, 40, 20], iscrowd: 0 },
      { id: 2, image_id: 5, category_id: 2, bbox: [60, 10, 20, 20], iscrowd: 0 },
    ],
    categories: [
      { id: 8, name: 'car' },
      { id: 2, name: 'person' },
    ],
    ...more,
  })

describe('COCO JSON', () => {
  it('reads annotations beside the folder of pictures', async () => {
    await picture('val2017/a.png', 100, 40)
    await picture('val2017/b.png', 20, 40)
    write('annotations/instances_val2017.json', coco())
    write(
      'annotations/captions_val2017.json',
      JSON.stringify({ images: [], annotations: [{ caption: 'x' }] }),
    )
    const dataset = await opened()
    expect(dataset.classes).toEqual(['person', 'car'])
    expect(await boxesOf(dataset)).toEqual(EXPECTED)
    const summary = dataset.summary()
    expect(summary.notes.join(' ')).toContain('captions_val2017.json is left out')
    expect(dataset.preprocessing).toMatchObject({ resize: 'letterbox', mean: [0] })
    expect((await opened(path.join(folder, 'annotations/instances_val2017.json'))).classes).toHaveLength(2)
    expect((await dataset.splits.validation.preview(0)).label).toMatch(/1 car, 1 person|nothing/)
  })

  it('reads folders of splits, and leaves out a category over all', async () => {
    for (const split of ['train', 'valid']) {
      await picture(`${split}/a.png`, 100, 40)
      await picture(`${split}/b.png`, 20, 40)
      const categories = [
        { id: 0, name: 'things', supercategory: 'none' },
        { id: 8, name: 'car', supercategory: 'things' },
        { id: 2, name: 'person', supercategory: 'things' },
      ]
      write(`${split}/_annotations.coco.json`, coco({ categories }))
    }
    const dataset = await opened()
    expect(dataset.splits.validation.origin).toBe('given')
    expect(await boxesOf(dataset)).toEqual(EXPECTED)
  })

  it('leads a letterboxed input back to the picture', async () => {
    await picture('a.png', 100, 40)
    write('all.json', coco({ images: [{ id: 5, file_name: 'a.png' }] }))
    const dataset = await opened()
    for await (const { labels } of dataset.splits.validation.batches(1)) {
      const { frame } = pictureAt(labels!, 0)
      // 100 × 40 becomes 32 × 13, below 9 rows of border.
      expect(frame).toMatchObject({
        width: 100,
        height: 40,
        left: 0,
        top: 10,
        inputWidth: 32,
        inputHeight: 32,
      })
      expect([frame.scaleX, frame.scaleY]).toEqual([expect.closeTo(0.32, 6), expect.closeTo(13 / 40, 6)])
    }
  })

  it.each([
    ['a category that is not listed', { categories: [{ id: 2, name: 'person' }] }, /category 8/],
    ['no images', { images: [] }, /no images/],
    ['pictures outside', { images: [{ id: 5, file_name: '../../../etc/passwd' }] }, /none of the pictures/],
  ])('refuses %s', async (_, change, reason) => {
    await picture('a.png', 100, 40)
    write('all.json', coco(change))
    await expect(openDataset(folder, model)).rejects.toMatchObject({
      data: { code: 'data/unreadable', reason: expect.stringMatching(reason) as string },
    })
  })
})

describe('YOLO', () => {
  const yaml =
    'path: ../datasets/mine\ntrain: images/train\nval: ../images/val\nnames:\n  0: person\n  1: car\n'
  const labels = '1 0.3 0.375 0.4 0.5\n0 0.6 0.25 0.8 0.25 0.8 0.75 0.6 0.75\n'

  it('reads what data.yaml names, boxes and outlines', async () => {
    for (const split of ['train', 'val']) {
      await picture(`images/${split}/a.png`, 100, 40)
      await picture(`images/${split}/b.png`, 20, 40)
      write(`labels/${split}/a.txt`, labels)
    }
    write('data.yaml', yaml)
    const dataset = await opened()
    expect(dataset.classes).toEqual(['person', 'car'])
    expect(await boxesOf(dataset)).toEqual(EXPECTED)
    expect(dataset.summary().notes.join(' ')).toContain('1 pictures have no file of labels')
    expect((await opened(path.join(folder, 'data.yaml'))).splits.validation.origin).toBe('given')
  })

  it.each([
    ['a class that is not named', '7 0.5 0.5 0.1 0.1', 'data/labels-out-of-range'],
    ['lines of something else', 'car 1 2', 'data/unreadable'],
  ])('refuses %s', async (_, text, code) => {
    await picture('images/val/a.png', 100, 40)
    write('labels/val/a.txt', text)
    write('data.yaml', yaml)
    await expect(openDataset(folder, model)).rejects.toMatchObject({ data: { code } })
  })

  it('refuses YAML that multiplies itself', async () => {
    await picture('images/val/a.png', 100, 40)
    write('data.yaml', 'a: &a [x, x, x]\nb: &b [*a, *a, *a]\nnames: [*b, *b]\n')
    await expect(openDataset(folder, model)).rejects.toMatchObject({ data: { code: 'data/unreadable' } })
  })
})

describe('Pascal VOC', () => {
  const xml = (objects: string): string =>
    `<annotation><filename>a.png</filename><size><width>100</width></size>${objects}</annotation>`
  const object = (name: string, [xmin, ymin, xmax, ymax]: number[], difficult = 0): string =>
    `<object><name>${name}</name><difficult>${difficult}</difficult><bndbox><xmin>${xmin}</xmin><ymin>${ymin}</ymin><xmax>${xmax}</xmax><ymax>${ymax}</ymax></bndbox><part><name>wheel</name><bndbox><xmin>1</xmin></bndbox></part></object>`
  const both = object('person', [11, 6, 50, 25]) + object('car', [61, 11, 80, 30])

  it('reads Annotations, with classes by name', async () => {
    await picture('JPEGImages/a.png', 100, 40)
    await picture('JPEGImages/b.png', 20, 40)
    write('Annotations/a.xml', xml(both))
    write('Annotations/b.xml', xml(''))
    const dataset = await opened()
    expect(dataset.classes).toEqual(['car', 'person'])
    expect(await boxesOf(dataset)).toEqual(EXPECTED)
  })

  it('reads splits as ImageSets lists them, and knows what is difficult', async () => {
    for (const name of ['a', 'b']) {
      await picture(`JPEGImages/${name}.png`, 100, 40)
      write(`Annotations/${name}.xml`, xml(object('car', [11, 6, 50, 25], 1)))
    }
    write('ImageSets/Main/train.txt', 'a\n')
    write('ImageSets/Main/val.txt', 'b\n')
    write('ImageSets/Main/car_val.txt', 'b  1\n')
    const dataset = await opened()
    expect(dataset.splits.validation.length).toBe(1)
    expect((await boxesOf(dataset))['b.png']).toEqual([[10, 5, 50, 25, 0, 2]])
  })

  it.each([
    ['entities', '<!DOCTYPE a [<!ENTITY x "xxxx">]><annotation>&x;</annotation>', /document type/],
    ['what is cut off', '<annotation><object>', /not valid XML/],
    ['what is nested too deeply', '<a>'.repeat(40), /nested too deeply/],
  ])('refuses %s', async (_, text, reason) => {
    await picture('a.png', 100, 40)
    write('a.xml', text)
    await expect(openDataset(folder, model)).rejects.toMatchObject({
      data: { code: 'data/unreadable', reason: expect.stringMatching(reason) as string },
    })
  })
})
