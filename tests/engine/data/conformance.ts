/** What every reader must do, run against each of them with the same 40 samples in 4 classes. */
import fs from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import type { DatasetKind } from '../../../src/contract/dataset'
import type { Dataset, Split } from '../../../src/engine/data/dataset'
import { openDataset, type OpenOptions } from '../../../src/engine/data/open'
import { openBundle } from '../../../src/engine/export/read-back'
import type { Model } from '../../../src/engine/onnx'
import { temporaryFolder } from './support'

export const SAMPLES = 40
const CLASSES = 4

interface Subject {
  kind: DatasetKind
  model: Model
  options?: OpenOptions
  /** Writes all samples, in the order of `classOf`, and gives the path to open. */
  whole(folder: string): Promise<string>
  /** Writes 20 for training, 8 for calibration, 12 for validation. */
  split?(folder: string): Promise<string>
}

/** Class of sample i, in order of writing. */
export const classOf = (i: number): number => (i * 7) % CLASSES

const names = ['training', 'calibration', 'validation'] as const

async function gather(
  split: Split,
  size: number,
  options = {},
): Promise<{ indices: number[]; labels: number[]; inputs: string[] }> {
  const all = { indices: [] as number[], labels: [] as number[], inputs: [] as string[] }
  for await (const batch of split.batches(size, options)) {
    expect(batch.indices.length).toBeLessThanOrEqual(size)
    all.indices.push(...batch.indices)
    all.labels.push(...Array.from(batch.labels!.data as BigInt64Array, Number))
    expect(batch.labels!.dims).toEqual([batch.indices.length])
    for (const value of Object.values(batch.inputs)) {
      expect(value.dims[0]).toBe(batch.indices.length)
      const row = value.data.length / batch.indices.length
      for (let i = 0; i < batch.indices.length; i++)
        all.inputs.push(Array.from((value.data as Float32Array).slice(i * row, (i + 1) * row), String).join())
    }
  }
  return all
}

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i)

export function conforms(name: string, subject: Subject): void {
  const use = async (
    check: (dataset: Dataset) => Promise<void>,
    write: keyof Subject = 'whole',
  ): Promise<void> => {
    const folder = temporaryFolder()
    const root = await (subject[write] as Subject['whole'])(folder)
    const dataset = await openDataset(root, subject.model, { temporaryFolder: folder, ...subject.options })
    try {
      await check(dataset)
    } finally {
      await dataset.close()
    }
  }

  test(`${name}: raw samples and the form alone give the inputs that Pare reads`, () =>
    use(async (dataset) => {
      const bundle = temporaryFolder()
      fs.writeFileSync(path.join(bundle, 'preprocessing.json'), JSON.stringify(dataset.form!.inputs))
      const { tokenizer } = dataset.form!
      if (tokenizer !== undefined) fs.copyFileSync(tokenizer, path.join(bundle, 'tokenizer.json'))
      const reader = await openBundle(bundle)
      const split = dataset.splits.validation
      for (const index of range(split.length)) {
        const { files, label } = await split.raw!(index)
        const raw = files.map(({ name, ending, bytes }, i): [string, string] => {
          const file = path.join(bundle, `${i}${ending}`)
          fs.writeFileSync(file, bytes)
          return [name, file]
        })
        for await (const { inputs, labels } of split.batches(1, { indices: [index] })) {
          expect(await reader.read(Object.fromEntries(raw))).toEqual(inputs)
          expect(label).toBe(dataset.classes![Number(labels!.data[0])])
        }
      }
    }))

  test(`${name}: kind, task, sizes and summary agree`, () =>
    use(async (dataset) => {
      expect(dataset.kind).toBe(subject.kind)
      expect(dataset.task).toBe('classification')
      expect(names.map((split) => dataset.splits[split].length)).toEqual([24, 8, 8])
      const summary = dataset.summary()
      expect(summary.samples).toBe(SAMPLES)
      expect(summary.classCounts).toEqual([10, 10, 10, 10])
      expect(summary.classes).toEqual([...dataset.classes!])
      expect(summary.description).toContain('40 ')
      for (const split of names)
        expect(summary.splits[split]).toEqual({ samples: dataset.splits[split].length, origin: 'made' })
    }))

  test(`${name}: batches hold each sample once, and every read is the same`, () =>
    use(async ({ splits }) => {
      for (const split of names) {
        const once = await gather(splits[split], 5)
        expect(once.indices).toEqual(range(splits[split].length))
        expect(await gather(splits[split], 3)).toEqual(once)
      }
    }))

  test(`${name}: made splits are disjoint, stratified and the same for a seed`, () =>
    use(async ({ splits }) => {
      const seen: string[] = []
      for (const split of names) {
        const { inputs, labels } = await gather(splits[split], 16)
        seen.push(...inputs)
        const counts = range(CLASSES).map((id) => labels.filter((label) => label === id).length)
        expect(Math.max(...counts) - Math.min(...counts)).toBe(0)
      }
      expect(new Set(seen).size).toBe(seen.length)
      expect(seen.length % SAMPLES).toBe(0)
    }))

  test(`${name}: shuffle is seeded, limit and indices are obeyed`, () =>
    use(async ({ splits: { training } }) => {
      const one = await gather(training, 7, { shuffle: 1 })
      expect(one).toEqual(await gather(training, 7, { shuffle: 1 }))
      expect(one.indices).not.toEqual((await gather(training, 7, { shuffle: 2 })).indices)
      expect(one.indices.toSorted((a, b) => a - b)).toEqual(range(24))
      expect((await gather(training, 4, { limit: 6 })).indices).toEqual(range(6))
      expect((await gather(training, 4, { shuffle: 1, limit: 6 })).indices).toEqual(one.indices.slice(0, 6))
      const chosen = await gather(training, 2, { indices: [9, 3, 4, 5, 23] })
      expect(chosen.indices).toEqual([9, 3, 4, 5, 23])
      const all = await gather(training, 24)
      expect(chosen.labels).toEqual([9, 3, 4, 5, 23].map((i) => all.labels[i]))
      await expect(gather(training, 2, { indices: [24] })).rejects.toThrow(RangeError)
    }))

  test(`${name}: stops when told to`, () =>
    use(async ({ splits: { training } }) => {
      const controller = new AbortController()
      const read = async (): Promise<void> => {
        for await (const batch of training.batches(2, { signal: controller.signal }))
          if (batch.indices.includes(5)) controller.abort()
      }
      await expect(read()).rejects.toMatchObject({ name: 'AbortError' })
    }))

  test(`${name}: a sample can be looked at`, () =>
    use(async (dataset) => {
      const { validation } = dataset.splits
      const { labels } = await gather(validation, 8)
      for (const index of [0, 7]) {
        const preview = await validation.preview(index)
        expect(preview.index).toBe(index)
        expect(preview.title).not.toBe('')
        expect(preview.label).toBe(dataset.classes![labels[index]!])
        const shown = [preview.thumbnail, preview.text, preview.series, preview.values].filter(
          (part) => part !== undefined,
        )
        expect(shown).toHaveLength(1)
        if (preview.thumbnail) expect(preview.thumbnail).toMatch(/^data:image\/png;base64,iVBOR/)
        for (const line of preview.series ?? []) expect(line.length).toBeLessThanOrEqual(256)
      }
      await expect(validation.preview(8)).rejects.toMatchObject({ code: 'not-found' })
    }))

  test(`${name}: classes in another order move the labels with their names`, () =>
    use(async (dataset) => {
      const turned = dataset.variant({ classes: dataset.classes!.toReversed() })
      const before = await gather(dataset.splits.training, 24)
      const after = await gather(turned.splits.training, 24)
      expect(after.labels).toEqual(before.labels.map((label) => CLASSES - 1 - label))
      expect(after.inputs).toEqual(before.inputs)
      expect((await turned.splits.validation.preview(0)).label).toBe(
        (await dataset.splits.validation.preview(0)).label,
      )
    }))

  if (subject.split)
    test(`${name}: given splits are used as given`, () =>
      use(async ({ splits }) => {
        expect(names.map((split) => [splits[split].length, splits[split].origin])).toEqual([
          [20, 'given'],
          [8, 'given'],
          [12, 'given'],
        ])
      }, 'split'))
}
