import { createHash } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Report } from '../../../src/contract/report'
import type { Dataset } from '../../../src/engine/data/dataset'
import { openDataset } from '../../../src/engine/data/open'
import { npyArray } from '../../../src/engine/data/npz'
import { openZip } from '../../../src/engine/data/zip'
import { reportOn, type Measurements } from '../../../src/engine/evaluate/report'
import { exportBundle, planBundle, type Exported } from '../../../src/engine/export/bundle'
import { Manifest } from '../../../src/engine/export/manifest'
import { readModel } from '../../../src/engine/onnx'
import { ort, type Tensor } from '../../../src/engine/runtime/ort'
import { toOrt } from '../../../src/engine/runtime/value'
import { hasReference, reference } from '../../reference'
import { findTarget } from '../../../src/engine/targets'

let folder = ''
beforeAll(() => void (folder = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-export-'))))
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }))

/** Unpacks with what every machine has: names and bytes of the zip, nothing of Pare's. */
async function unpack(zip: string, into: string): Promise<void> {
  const archive = await openZip(zip)
  for (const entry of archive.entries) {
    const file = path.join(into, entry.name)
    fs.mkdirSync(path.dirname(file), { recursive: true })
    const chunks: Buffer[] = []
    for await (const chunk of await entry.stream()) chunks.push(chunk as Buffer)
    fs.writeFileSync(file, Buffer.concat(chunks))
  }
  archive.close()
}

async function npy(file: string): Promise<Tensor> {
  const rows = await (await npyArray(file)).open()
  const value = await rows.read(Array.from({ length: rows.length }, (_, i) => i))
  await rows.close()
  return toOrt(value)
}

it('says nothing is being written of a model that is not there', async () => {
  const said: string[] = []
  const request = { model: path.join(folder, 'none.onnx'), name: 'none', target: findTarget('any') }
  const progress = (_: number, doing: string): void => void said.push(doing)
  const missing = expect.objectContaining({ code: 'data/not-found' }) as Error
  await expect(planBundle({ ...request, progress })).rejects.toThrow(missing)
  expect(said).toEqual([])
})

/** Reproduces the golden outputs with ONNX Runtime from the bundle's files alone. */
async function reproduce(bundle: string): Promise<number> {
  const manifest = Manifest.parse(JSON.parse(fs.readFileSync(path.join(bundle, 'manifest.json'), 'utf8')))
  let compared = 0
  for (const { file } of manifest.models) {
    // Golden outputs are those of processors whose products of bytes do not saturate.
    const session = await ort.InferenceSession.create(path.join(bundle, file), {
      extra: {
        session: { x64quantprecision: '1' },
        optimization: { disable_specified_optimizers: 'QDQS8ToU8Transformer' },
      },
    })
    for (const { inputs, outputs } of manifest.golden) {
      const feeds: Record<string, Tensor> = {}
      for (const [name, input] of Object.entries(inputs)) feeds[name] = await npy(path.join(bundle, input))
      const got = await session.run(feeds)
      for (const [name, output] of Object.entries(outputs)) {
        const expected = await npy(path.join(bundle, output))
        expect(got[name]!.dims).toEqual(expected.dims)
        const [a, b] = [got[name]!.data as Float32Array, expected.data as Float32Array]
        const worst = Math.max(...Array.from(a, (v, i) => Math.abs(v - b[i]!)))
        expect(worst).toBeLessThanOrEqual(manifest.tolerance[name]!)
        compared += a.length
      }
    }
    await session.release()
  }
  return compared
}

describe.runIf(hasReference)('exportBundle', () => {
  let dataset: Dataset
  let measured: Measurements
  let zipped: Exported
  let bundle = ''
  const model = hasReference ? reference('peer', 'lenet5.static_minmax_pc.onnx') : ''
  const request = (): Parameters<typeof exportBundle>[0] => ({
    model,
    name: 'digits <script>',
    target: findTarget('android-cpu'),
    dataset,
    report: measured.candidates[0]!.report,
    original: measured.original.report,
    recipe: { pare: 1, name: 'Static int8', description: '', steps: [] },
  })

  beforeAll(async () => {
    const original = reference('models', 'lenet5.onnx')
    dataset = await openDataset(reference('data', 'digits', 'npz'), readModel(original))
    measured = await reportOn({ original, candidates: [{ path: model }], dataset, rounds: 5, seconds: 1 })
    zipped = await exportBundle(request(), { form: 'zip', out: path.join(folder, 'digits.zip') })
    bundle = path.join(folder, 'unpacked')
    await unpack(zipped.path, bundle)
  })
  afterAll(() => dataset.close())

  it('gives golden outputs that both model files reproduce', async () => {
    expect(await reproduce(bundle)).toBe(2 * 3 * 10)
  })

  it('holds what it says, whole', () => {
    const names = zipped.files.map(({ name }) => name)
    for (const name of [
      'model.onnx',
      'model.ort',
      'required_operators.config',
      'manifest.json',
      'preprocessing.json',
    ])
      expect(names).toContain(name)
    for (const name of [
      'labels.txt',
      'golden/0/input-0.npy',
      'report.html',
      'report.json',
      'README.md',
      'SHA256SUMS',
    ])
      expect(names).toContain(name)
    const sums = fs.readFileSync(path.join(bundle, 'SHA256SUMS'), 'utf8').trim().split('\n')
    expect(sums).toHaveLength(names.length - 1)
    for (const line of sums) {
      const [sum, name] = line.split('  ')
      expect(
        createHash('sha256')
          .update(fs.readFileSync(path.join(bundle, name!)))
          .digest('hex'),
      ).toBe(sum)
    }
    for (const { name, bytes } of zipped.files) expect(fs.statSync(path.join(bundle, name)).size).toBe(bytes)
  })

  it('tells the download size the zip really has', () => {
    const entry = zipped.files.find(({ name }) => name === 'model.onnx')!
    expect(zipped.downloadBytes).toBe(entry.compressedBytes)
    const entries = zipped.files.reduce((sum, { compressedBytes }) => sum + compressedBytes, 0)
    // What is left are the zip's headers: two a file, 30 + 46 bytes and the names twice, data descriptors, the end.
    expect(zipped.bytes - entries).toBeGreaterThan(0)
    expect(zipped.bytes - entries).toBeLessThan(zipped.files.length * 220 + 22)
  })

  it('keeps reports true of its own files and free of this machine', () => {
    const { candidate, original } = JSON.parse(fs.readFileSync(path.join(bundle, 'report.json'), 'utf8')) as {
      candidate: Report
      original: Report
    }
    expect(candidate.path).toBe('model.onnx')
    expect(original.path).toBe('lenet5.onnx')
    expect(candidate.bytes).toBe(fs.statSync(path.join(bundle, 'model.onnx')).size)
    expect(candidate.quality.value).toBe(measured.candidates[0]!.report.quality.value)
    const here = [os.homedir(), reference(), folder, os.tmpdir()].filter((place) => place.length > 1)
    for (const { name } of zipped.files) {
      const text = fs.readFileSync(path.join(bundle, name)).toString('latin1')
      for (const place of here) expect(text.includes(place), `${place} in ${name}`).toBe(false)
    }
  })

  it('writes code with the model’s own names and shapes', () => {
    const text = fs.readFileSync(path.join(bundle, 'README.md'), 'utf8')
    const manifest = Manifest.parse(JSON.parse(fs.readFileSync(path.join(bundle, 'manifest.json'), 'utf8')))
    const [input] = manifest.inputs
    expect(input!.exampleDims).toEqual([1, 1, 28, 28])
    for (const heading of ['Kotlin', 'Swift', 'React Native', 'Python', 'C++'])
      expect(text).toContain(`### ${heading}`)
    expect(text.split(`"${input!.name}"`).length).toBeGreaterThan(5)
    expect(text).toContain('longArrayOf(1, 1, 28, 28)')
    expect(manifest.answer).toEqual({ output: manifest.outputs[0]!.name, classes: 10 })
    expect(fs.readFileSync(path.join(bundle, 'required_operators.config'), 'utf8')).toMatch(
      /^ai\.onnx;\d+;.*Conv/m,
    )
  })

  it('escapes what people wrote', () => {
    const html = fs.readFileSync(path.join(bundle, 'report.html'), 'utf8')
    expect(html).not.toContain('<script>')
    expect(html).toContain('digits &lt;script&gt;')
    expect(html).not.toMatch(/https?:\/\//)
  })

  it('never overwrites unasked, and only ever a bundle', async () => {
    const exists = { data: { code: 'export/exists' } }
    await expect(exportBundle(request(), { form: 'zip', out: zipped.path })).rejects.toMatchObject(exists)
    const precious = path.join(folder, 'precious')
    fs.mkdirSync(precious)
    fs.writeFileSync(path.join(precious, 'thesis.txt'), 'years')
    await expect(
      exportBundle(request(), { form: 'folder', out: precious, overwrite: true }),
    ).rejects.toMatchObject(exists)
    expect(fs.readFileSync(path.join(precious, 'thesis.txt'), 'utf8')).toBe('years')
  })

  it('makes the same of the same, as a folder that may be replaced too', async () => {
    const again = await exportBundle(request(), { form: 'zip', out: path.join(folder, 'again.zip') })
    const second = path.join(folder, 'again')
    await unpack(again.path, second)
    // ONNX Runtime writes its own format in another order each time; two files hold its hash.
    const varying = ['model.ort', 'manifest.json', 'SHA256SUMS']
    for (const { name } of again.files.filter(({ name }) => !varying.includes(name)))
      expect(
        fs.readFileSync(path.join(second, name)).equals(fs.readFileSync(path.join(bundle, name))),
        name,
      ).toBe(true)
    const out = path.join(folder, 'as-folder')
    await exportBundle(request(), { form: 'folder', out })
    const plain = await exportBundle(
      { ...request(), target: findTarget('ios') },
      { form: 'folder', out, overwrite: true },
    )
    expect(plain.bytes).toBeGreaterThan(0)
    expect(await reproduce(out)).toBe(60)
    expect(fs.readdirSync(folder).filter((name) => name.startsWith('.'))).toEqual([])
  })

  it('plans with the sizes it will have, and checks the target', async () => {
    const plan = await planBundle(request())
    expect(plan.downloadBytes).toBe(zipped.downloadBytes)
    expect(plan.entries.map(({ name, bytes }) => [name, bytes])).toEqual(
      zipped.files.map(({ name, bytes }) => [name, bytes]),
    )
    expect(plan.checks.some(({ message }) => message.includes('XNNPACK takes'))).toBe(true)
    expect(plan.snippets.map(({ language }) => language)).toEqual([
      'kotlin',
      'swift',
      'javascript',
      'python',
      'cpp',
    ])
    const ios = await planBundle({ ...request(), target: findTarget('ios'), goldenSamples: 1 })
    expect(ios.checks.find(({ message }) => message.includes('CoreML has no integer operators'))?.ok).toBe(
      false,
    )
  })

  it('leaves nothing behind when cancelled', async () => {
    const before = fs.readdirSync(folder)
    const signal = AbortSignal.abort()
    await expect(
      exportBundle({ ...request(), signal }, { form: 'zip', out: path.join(folder, 'no.zip') }),
    ).rejects.toMatchObject({ data: { code: 'cancelled' } })
    expect(fs.readdirSync(folder)).toEqual(before)
  })
})

describe.runIf(hasReference)('exportBundle of a model alone', () => {
  it.each(['lenet5', 'bert', 'cnn1d_bn_legacy', 'mlp'])(
    'strips %s of its exporter’s notes and checks itself',
    async (name) => {
      const out = path.join(folder, name)
      await exportBundle(
        { model: reference('models', `${name}.onnx`), name, target: findTarget('any') },
        { form: 'folder', out },
      )
      expect(await reproduce(out)).toBeGreaterThan(0)
      const model = fs.readFileSync(path.join(out, 'model.onnx')).toString('latin1')
      expect(model).not.toMatch(/stack_trace|File "|site-packages/)
      expect(fs.readFileSync(path.join(out, 'model.ort')).toString('latin1')).not.toMatch(
        /File "|site-packages/,
      )
    },
  )
})
