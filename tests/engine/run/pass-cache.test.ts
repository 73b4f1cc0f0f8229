import fs from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { openDataset } from '../../../src/engine/data/open'
import { openRandom } from '../../../src/engine/data/random'
import { readModel, Tensor, writeModel } from '../../../src/engine/onnx'
import { hashFile } from '../../../src/engine/onnx/hash-file'
import { basisOf, hashModel, isTold, type BasisOf } from '../../../src/engine/run/basis'
import { passCache } from '../../../src/engine/run/pass-cache'
import { findTarget } from '../../../src/engine/targets'
import { temporaryFolder, tinyModel } from './support'

const step = (key: string) => ({
  key,
  record: { pass: 'p', params: {}, seconds: 1, summary: key, skipped: [] },
})

function written(folder: string, key: string, bytes: number) {
  const name = `${key}.onnx`
  fs.writeFileSync(path.join(folder, name), Buffer.alloc(bytes, key))
  return [{ name: `checkpoints/${name}`, bytes, sha256: hashFile(path.join(folder, name)) }]
}

test('holds so many bytes, and puts away what was used longest ago', () => {
  const [from, into] = [temporaryFolder(), temporaryFolder()]
  const place = temporaryFolder()
  const cache = passCache(place, 250)
  const keep = (key: string, bytes = 100): void =>
    cache.keep(key, [step(key)], written(from, key, bytes), from)
  const longAgo = (key: string, seconds: number): void =>
    fs.utimesSync(path.join(place, `${key}.json`), seconds, seconds)
  keep('a')
  keep('b')
  longAgo('a', 1000)
  longAgo('b', 2000)
  expect(cache.take(cache.find('a')!.files, into)).toBe(true)
  expect(fs.readFileSync(path.join(into, 'a.onnx')).equals(Buffer.alloc(100, 'a'))).toBe(true)
  keep('c')
  expect(['a', 'b', 'c'].map((key) => cache.find(key) !== undefined)).toEqual([true, false, true])
  expect(fs.readdirSync(place).sort()).toEqual(['a.json', 'a.onnx', 'c.json', 'c.onnx'])
  keep('large', 251)
  expect(cache.find('large')).toBeUndefined()
  // Put away between finding and taking.
  const { files } = cache.find('c')!
  fs.rmSync(path.join(place, 'c.onnx'))
  expect(cache.take(files, into)).toBe(false)
  fs.writeFileSync(path.join(place, 'a.json'), '{"key":')
  expect(cache.find('a')).toBeUndefined()
})

test('what was taken may be taken again, and leaves nothing beside it', () => {
  const [from, into] = [temporaryFolder(), temporaryFolder()]
  const cache = passCache(temporaryFolder())
  cache.keep('a', [step('a')], written(from, 'a', 100), from)
  for (let times = 0; times < 2; times++) expect(cache.take(cache.find('a')!.files, into)).toBe(true)
  expect(fs.readdirSync(into)).toEqual(['a.onnx'])
})

test('the weights beside a model are part of it', () => {
  const file = path.join(temporaryFolder(), 'model.onnx')
  const large = tinyModel()
  large.graph.initializers.set('large', Tensor.float32([4096], new Float32Array(4096)))
  writeModel(large, file, { externalData: 'always' })
  const before = hashModel(file)
  fs.writeFileSync(`${file}.data`, fs.readFileSync(`${file}.data`).fill(1))
  expect(hashModel(file)).not.toBe(before)
})

test('the key changes with the model, the data, how it is split and read, and what for', async () => {
  const folder = temporaryFolder()
  const original = path.join(folder, 'model.onnx')
  writeModel(tinyModel(), original)
  const place = path.join(folder, 'data')
  fs.mkdirSync(place)
  const write = (by: number): void =>
    fs.writeFileSync(
      path.join(place, 'x.csv'),
      ['a,b,c,d', ...Array.from({ length: 40 }, (_, i) => [i, i + by, 3, i % 5].join())].join('\n'),
    )
  write(1)
  const seen: string[] = []
  const add = async (over: Partial<BasisOf> = {}): Promise<void> => {
    const data = over.data ?? (await openDataset(place, readModel(original)))
    const about = { original, session: {}, target: findTarget('any'), seed: 0, ...over, data }
    seen.push(await basisOf(about, [path.join(place, 'out')]))
    if (!over.data) await data.close()
  }
  await add()
  await add()
  fs.mkdirSync(path.join(place, 'out'))
  fs.writeFileSync(path.join(place, 'out', 'report.json'), '{}')
  await add()
  expect(new Set(seen).size).toBe(1)
  await add({ seed: 1 })
  await add({ target: findTarget('ios') })
  await add({ asked: { splits: { calibration: 0.2, validation: 0.2, seed: 1 } } })
  await add({ asked: { tokenizer: original } })
  await add({ session: { providers: ['webgpu'] } })
  write(2)
  await add()
  const changed = tinyModel()
  changed.graph.nodes[0]!.name = 'another'
  writeModel(changed, original)
  await add()
  await add({ data: await openRandom(tinyModel(), 0, 16, ['calibration']) })
  expect(new Set(seen).size).toBe(seen.length - 2)

  const data = await openDataset(place, readModel(original))
  expect(isTold(data)).toBe(true)
  fs.symlinkSync(path.join(place, 'x.csv'), path.join(place, 'y.csv'))
  expect(isTold(data)).toBe(false)
  expect(isTold({ ...data, kind: 'images', path: path.join(place, 'x.csv') })).toBe(false)
  await data.close()
})
