import { expect, test } from 'vitest'
import { isGrey } from '../../../src/engine/data/grey'
import { openDataset } from '../../../src/engine/data/open'
import { declares, npy, npz, png, temporaryFolder, write } from './support'

const colour = declares([['x', ['N', 3, 4, 4]]], [['y', ['N', 2]]])

async function grey(files: Record<string, Uint8Array>, model = colour): Promise<boolean> {
  const dataset = await openDataset(write(temporaryFolder(), files), model)
  const found = await isGrey(dataset)
  await dataset.close()
  return found
}

const pixels = (channels: number, of: (i: number) => number): Promise<Buffer> =>
  png(
    4,
    4,
    Uint8Array.from({ length: 16 * channels }, (_, i) => of(i)),
  )

test('pictures without colour are told for a model of colours, also in arrays', async () => {
  const plain = await pixels(1, (i) => 9 * i)
  expect(await grey({ 'a/1.png': plain, 'b/1.png': plain })).toBe(true)
  const same = Uint8Array.from({ length: 6 * 48 }, (_, i) => (i % 16) * 5)
  expect(await grey({ 'a.npz': npz({ x: npy('|u1', [6, 3, 4, 4], same) }) })).toBe(true)
})

test('one coloured picture is enough, and a model of grey ones asks for none', async () => {
  const [plain, bright] = [await pixels(1, (i) => 9 * i), await pixels(3, (i) => 5 * i)]
  expect(await grey({ 'a/1.png': plain, 'b/1.png': bright })).toBe(false)
  const one = declares([['x', ['N', 1, 4, 4]]], [['y', ['N', 2]]])
  expect(await grey({ 'a/1.png': plain, 'b/1.png': plain }, one)).toBe(false)
})
