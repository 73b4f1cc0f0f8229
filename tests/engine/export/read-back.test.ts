/** Pictures in arrays, in every order they may lie in, read back by preprocessing.json alone. */
import fs from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { openDataset } from '../../../src/engine/data/open'
import { openBundle } from '../../../src/engine/export/read-back'
import { declares, npy, npz, temporaryFolder, write } from '../data/support'

const COUNT = 6
const bytes = Uint8Array.from({ length: COUNT * 2 * 5 * 3 }, (_, i) => (i * 37) % 256)
const first = [['x', ['N', 3, 2, 5]]] as const
const last = [['x', ['N', 2, 5, 3]]] as const

test.each([
  ['as the model takes them', first, [3, 2, 5], {}],
  ['channels last for a model that takes them first', first, [2, 5, 3], {}],
  ['channels first for a model that takes them last', last, [3, 2, 5], { reversed: true }],
  ['blue first', first, [3, 2, 5], { reversed: true, mean: [1, 2, 3], std: [4, 5, 6] }],
  ['flat, pixel after pixel', first, [30], { stored: 'hwc', reversed: true }],
  ['flat, channel after channel', last, [30], { stored: 'chw' }],
] as const)('%s', async (_, inputs, dims, preprocessing) => {
  const x = npy('|u1', [COUNT, ...dims], bytes)
  const y = npy(
    '<i8',
    [COUNT],
    BigInt64Array.from({ length: COUNT }, (__, i) => BigInt(i % 2)),
  )
  const root = write(temporaryFolder(), { 'data/set.npz': npz({ x, y }) })
  const model = declares([...inputs], [['scores', ['N', 2]]])
  const dataset = await openDataset(path.join(root, 'data'), model, { preprocessing })
  try {
    fs.writeFileSync(path.join(root, 'preprocessing.json'), JSON.stringify(dataset.form!.inputs))
    const reader = await openBundle(root)
    const file = path.join(root, 'raw.npy')
    for (let index = 0; index < dataset.splits.validation.length; index++) {
      const { files } = await dataset.splits.validation.raw!(index)
      fs.writeFileSync(file, files[0]!.bytes)
      for await (const batch of dataset.splits.validation.batches(1, { indices: [index] }))
        expect(await reader.read({ x: file })).toEqual(batch.inputs)
    }
  } finally {
    await dataset.close()
  }
})
