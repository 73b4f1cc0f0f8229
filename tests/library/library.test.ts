/** The library with the real engine in this process; from the packed package, see tests/tarball.test.ts. */
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { errorData, PareError } from '../../src/contract/errors'
import { take } from '../../src/engine/jobs/plugins'
import { library, moduleOf, type PareEvent } from '../../src/library/pare'
import { engineHere } from '../engine-here'

const sample = path.resolve(import.meta.dirname, '../../resources/samples/bearing')
const model = path.join(sample, 'cnn1d.onnx')
const data = path.join(sample, 'data')
const work = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-library-'))
afterAll(() => fs.rmSync(work, { recursive: true, force: true }))
const pare = library(() => engineHere())
const FLOAT16 = [{ pass: 'float16', params: { compute: 'float32' } }]

test('compress, compare and export say what they do, and refuse to write over a result', async () => {
  const out = path.join(work, 'small')
  const heard: PareEvent[] = []
  const options = { data, recipe: FLOAT16, out, onEvent: (event: PareEvent) => void heard.push(event) }
  const { original, candidate, steps } = await pare.compress(model, options)
  expect(original.bytes).toBe(fs.statSync(model).size)
  expect(candidate.bytes).toBe(fs.statSync(path.join(out, 'model.onnx')).size)
  expect(candidate.bytes / original.bytes).toBeCloseTo(0.5, 1)
  expect(steps.map(({ pass }) => pass)).toEqual(['float16'])
  const kinds = new Set(heard.map(({ event }) => event))
  expect([...kinds]).toEqual(expect.arrayContaining(['progress', 'step', 'candidate']))

  await expect(pare.compress(model, options)).rejects.toMatchObject({ code: 'export/exists' })

  const bundle = await pare.exportBundle(candidate.path, { out: path.join(work, 'b.zip') })
  expect(fs.statSync(bundle.path).size).toBe(bundle.bytes)
  expect(bundle.files).toContain('manifest.json')

  const verified = await pare.verifyBundle(bundle.path)
  expect(verified.checks.filter(({ ok }) => !ok)).toEqual([])
  expect(verified.checks.map(({ message }) => message)).toEqual([
    expect.stringMatching(/^\d+ files have their hashes/),
    'model.onnx answers 3 golden samples as it did.',
    'model.ort answers 3 golden samples as it did.',
  ])
})

test('what is asked wrongly is told by code, before anything is made', async () => {
  const out = path.join(work, 'never')
  for (const [call, code] of [
    [() => pare.compress(model, { recipe: 'int8', out }), 'recipe/unknown'],
    [() => pare.compress(model, { recipe: [{ pass: 'nonsense', params: {} }], out }), 'pass/unknown'],
    [() => pare.compress(model, { recipe: { name: '' } as never, out }), 'recipe/invalid'],
    [() => pare.search(model, { out, maxBytes: 'small' }), 'bad-request'],
    [() => pare.search(model, { out, minutes: -1 }), 'bad-request'],
    [() => pare.inspect(path.join(work, 'gone.onnx')), 'data/not-found'],
    [() => pare.inspect(model, { target: 'toaster' }), 'target/unknown'],
  ] as const) {
    const error = errorData(
      await call().then(
        (): unknown => 'it worked',
        (thrown: unknown) => thrown,
      ),
    )
    expect(error.code).toBe(code)
  }
  expect(fs.existsSync(path.join(out, 'model.onnx'))).toBe(false)
})

test('a signal ends a call', async () => {
  const controller = new AbortController()
  const call = pare.evaluate(model, { data, signal: controller.signal, onEvent: () => controller.abort() })
  await expect(call).rejects.toMatchObject({ code: 'cancelled' })
  await expect(pare.passes({ signal: AbortSignal.abort() })).rejects.toBeInstanceOf(PareError)
})

test('what a plug-in brings is listed and used like others; what is none is refused, all of it', async () => {
  const { defineEncoding, definePass, defineTarget, defineTask, leveled, Tensor, z } =
    await import('../../src/index')
  const halves = definePass({
    id: 'halve',
    title: 'Halve',
    family: 'sharing',
    role: 'stores',
    summary: 'Halves every weight.',
    sources: ['a test'],
    params: z.object({}),
    run: (given) => {
      const made = given.clone()
      for (const [name, tensor] of made.graph.initializers)
        if (tensor.dtype === 'float32')
          made.graph.initializers.set(
            name,
            Tensor.float32(
              tensor.dims,
              tensor.floats().map((v) => v / 2),
            ),
          )
      return Promise.resolve({ model: made, summary: 'Halved.' })
    },
  })
  const board = defineTarget({
    id: 'test-board',
    title: 'Board',
    detail: 'a board',
    runtime: 'ONNX Runtime',
    int8: { weightBits: 8 },
    keepsPacked: true,
    forms: ['onnx'],
    optimization: 'basic',
    sources: ['a test'],
  })
  const levels = Float32Array.from({ length: 16 }, (_, i) => (i - 7) / (i < 7 ? 7 : 8))
  const even = leveled('even', levels)
  const encoding = defineEncoding({
    id: 'even',
    title: 'Even levels',
    summary: 'Four bits.',
    sources: ['a test'],
    method: { words: 'has even levels', bits: 4, quantize: even.quantize },
    weights: even.plain.map((form) => ({ ...form, storage: 'even-tables' })),
  })
  const task = defineTask({ id: 'test-task', metric: 'testTask', score: () => 1 })
  const brings = take({
    default: { passes: [halves], targets: [board], encodings: [encoding], tasks: [task] },
  })
  expect(brings.map(({ kind, id }) => `${kind} ${id}`)).toEqual([
    'pass halve',
    'target test-board',
    'encoding even',
    'task test-task',
  ])
  expect((await pare.passes()).map(({ id }) => id)).toContain('halve')
  expect((await pare.targets()).map(({ id }) => id)).toContain('test-board')
  const out = path.join(work, 'halved')
  const made = await pare.compress(model, {
    recipe: [
      { pass: 'halve', params: {} },
      { pass: 'quantize-weights', params: { method: 'even', storage: 'even-tables', maxLoss: 100 } },
    ],
    out,
    target: 'test-board',
  })
  expect(made.steps[0]).toMatchObject({ pass: 'halve', summary: 'Halved.' })

  const fields = (await pare.passes()).find(({ id }) => id === 'quantize-weights')!.parameters
  const choices = (name: string) => fields.find((field) => field.name === name)!.choices
  expect(choices('method')).toContain('even')
  expect(choices('storage')).toContain('even-tables')
  const { readModel } = await import('../../src/index')
  const { initializers } = readModel(path.join(out, 'model.onnx')).graph
  const stored = [...initializers].filter(([name]) => name.endsWith('_even'))
  expect(stored.length).toBeGreaterThan(0)
  expect(stored.every(([, { dtype }]) => dtype === 'uint8')).toBe(true)

  expect(() => take({ passes: [halves] })).toThrow('already')
  expect(() => take({ encodings: [{ ...encoding, id: 'gptq' }] })).toThrow('already')
  const dequantize = { op: 'DequantizeLinear', codes: [0], settings: [1] }
  expect(() => take({ encodings: [{ ...encoding, id: 'mine', operators: [dequantize] }] })).toThrow('already')
  // Nothing of a plug-in is taken where something of it cannot be.
  const other = definePass({ ...halves.description, id: 'other', params: z.object({}), run: halves.run })
  expect(() => take({ passes: [other], tasks: [task] })).toThrow('already')
  expect((await pare.passes()).map(({ id }) => id)).not.toContain('other')
  const strange = { ...other, description: { ...other.description, family: 'magic' } }
  expect(() => take({ passes: [strange] })).toThrow()
  expect(() => take({ targets: [{ ...board, id: 'other', aliases: ['onnx'] }] })).toThrow('already')
  expect(() => take({ hello: 1 })).toThrow('no passes, targets, encodings or tasks')
  expect(() => take({ passes: [{ id: 'x' }] })).toThrow()
})

test('a plug-in is a path where it looks like one or is there, else the name of a package', () => {
  expect(moduleOf('./mine.mjs')).toBe(path.resolve('mine.mjs'))
  expect(moduleOf('package.json')).toBe(path.resolve('package.json'))
  expect(moduleOf('@me/pare-passes')).toBe('@me/pare-passes')
})

test('a bundle is held against its hashes and its golden samples', async () => {
  const folder = path.join(work, 'bundle')
  await pare.exportBundle(model, { out: folder, target: 'raspberry-pi' })
  const failing = async (): Promise<string[]> =>
    (await pare.verifyBundle(folder)).checks.filter(({ ok }) => !ok).map(({ message }) => message)
  expect(await failing()).toEqual([])

  const read = (name: string): string => fs.readFileSync(path.join(folder, name), 'utf8')
  const write = (name: string, text: string | Uint8Array): void =>
    fs.writeFileSync(path.join(folder, name), text)
  const readme = read('README.md')
  write('README.md', `${readme}!`)
  write('more.txt', 'more')
  expect(await failing()).toEqual([
    'README.md is not what was exported.',
    'more.txt was added after the export.',
  ])
  write('README.md', readme)
  fs.rmSync(path.join(folder, 'more.txt'))

  // Other outputs, with hashes that fit: only running the model tells.
  const [manifest, sums] = [read('manifest.json'), read('SHA256SUMS')]
  const name = 'golden/0/output-0.npy'
  const bytes = fs.readFileSync(path.join(folder, name))
  const moved = Buffer.from(bytes)
  moved.writeFloatLE(moved.readFloatLE(moved.length - 4) + 0.05, moved.length - 4)
  write(name, moved)
  const rehash = (text: string): string =>
    text.replaceAll(hashOf(bytes), hashOf(moved)).replaceAll(hashOf(manifest), hashOf(read('manifest.json')))
  write('manifest.json', rehash(manifest))
  write('SHA256SUMS', rehash(sums))
  expect(await failing()).toEqual(
    ['model.onnx', 'model.ort'].map((file) =>
      expect.stringMatching(`^${file}: its outputs are off: .* by 0\\.0`),
    ),
  )

  write('manifest.json', manifest.replace('golden/0/output-0.npy', '../out.npy'))
  await expect(pare.verifyBundle(folder)).rejects.toMatchObject({ code: 'bundle/invalid' })
  write('manifest.json', '{')
  await expect(pare.verifyBundle(folder)).rejects.toMatchObject({ code: 'bundle/invalid' })
  await expect(pare.verifyBundle(work)).rejects.toMatchObject({ code: 'bundle/invalid' })
  await expect(pare.verifyBundle(path.join(work, 'none.zip'))).rejects.toMatchObject({
    code: 'data/not-found',
  })
})

const hashOf = (content: string | Uint8Array): string => createHash('sha256').update(content).digest('hex')
