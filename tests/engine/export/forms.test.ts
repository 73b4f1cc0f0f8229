import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import { seeded } from '../../../src/engine/math/random'
import { Graph, Model, Tensor, writeModel } from '../../../src/engine/onnx'
import { c } from '../../../src/engine/export/forms/c'
import { defineForm, type ExportForm } from '../../../src/engine/export/forms/form'
import { verifyBy, widened } from '../../../src/engine/export/forms/verification'
import { formsFor } from '../../../src/engine/export/forms'
import type { Golden } from '../../../src/engine/export/golden'
import { stage, type Staged } from '../../../src/engine/export/stage'
import { TARGETS, findTarget } from '../../../src/engine/targets'
import { floats, wires } from '../evaluate/support'

let folder = ''
beforeAll(() => void (folder = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-forms-'))))
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }))

/** ONNX and ONNX Runtime's own. */
const OTHERS = formsFor(findTarget('any'))

const rectifier = (): Model => wires({ x: { dims: [1, 4], op: 'Relu' } })

/** A product whose weights lie as halves and are cast when they are read. */
function float16Weights(): Model {
  const model = new Model()
  model.opsets.set('', 18)
  model.irVersion = 8
  const graph = new Graph()
  const random = seeded(3)
  const weights = Array.from({ length: 64 * 64 }, () => random.normal())
  graph.initializers.set('w', Tensor.of('float16', [64, 64], weights))
  graph.inputs.push({ name: 'x', dtype: 'float32', dims: [1, 64] })
  graph.outputs.push({ name: 'y', dtype: 'float32', dims: [1, 64] })
  graph.addNode({ opType: 'Cast', inputs: ['w'], outputs: ['whole'], attributes: { to: { int: 1 } } })
  graph.addNode({ opType: 'MatMul', inputs: ['x', 'whole'], outputs: ['y'] })
  model.graph = graph
  return model
}

/** A language-free form of two text files, run by its own few lines: no ONNX Runtime. */
const listing = (bias: number): ExportForm =>
  defineForm({
    id: 'listing',
    title: 'listing.json',
    purpose: 'operators and inputs as text',
    async write(model, files) {
      const { nodes, inputs } = model.graph
      if (nodes.some(({ opType }) => opType !== 'Relu'))
        return { reason: 'it has operators other than Relu.' }
      files.write('listing/graph.json', JSON.stringify(nodes.map(({ opType }) => opType)), this.purpose)
      files.write('listing/names.txt', inputs.map(({ name }) => `${name}\n`).join(''), 'names of the inputs')
      return {
        model: { file: 'listing/graph.json', optimization: 'none' },
        download: ['listing/graph.json', 'listing/names.txt'],
      }
    },
    verify: (written, files, golden) =>
      verifyBy(golden, async (inputs) => {
        const steps = JSON.parse(fs.readFileSync(files.path(written.model.file), 'utf8')) as string[]
        const [input] = Object.values(inputs)
        const values = steps.reduce(
          (data) => data.map((v) => Math.max(v, 0) + bias),
          Float32Array.from(input!.data as Float32Array),
        )
        return Object.fromEntries(
          Object.keys(golden.tolerance).map((name) => [name, floats([1, 4], [...values])]),
        )
      }),
    snippets: ({ file }) => [{ language: 'text', title: 'Text', fence: 'text', code: `read ${file}` }],
    sections: () => ['## The listing', 'Operators in their order.'],
  })

async function staged(
  name: string,
  forms: readonly ExportForm[],
  goldenSamples = 2,
  source = rectifier(),
): Promise<[Staged, string]> {
  const out = path.join(folder, name)
  fs.mkdirSync(out)
  const model = path.join(folder, `${name}-source.onnx`)
  writeModel(source, model)
  return [await stage({ model, name, target: findTarget('any'), forms, goldenSamples }, out), out]
}

/** A product of so many random weights that no two codes of them are alike. */
function wide(rows: number, cols: number): Model {
  const model = new Model()
  model.opsets.set('', 18)
  model.irVersion = 8
  const random = seeded(3)
  const weights = Float32Array.from({ length: rows * cols }, () => random.normal())
  model.graph.initializers.set('w', Tensor.float32([rows, cols], weights))
  model.graph.inputs.push({ name: 'x', dtype: 'float32', dims: [1, rows] })
  model.graph.outputs.push({ name: 'y', dtype: 'float32', dims: [1, cols] })
  model.graph.addNode({ opType: 'MatMul', inputs: ['x', 'w'], outputs: ['y'] })
  return model
}

test('C of more weights than a compiler takes in passing is written, and said not to be compiled', async () => {
  const [{ plan }, out] = await staged('large', [c], 2, wide(1600, 1700))
  expect(fs.statSync(path.join(out, 'c/model_weights.c')).size).toBeGreaterThan(2 ** 25)
  expect(plan.checks.filter(({ ok }) => !ok).map(({ message }) => message)).toEqual([
    expect.stringMatching(
      /c\/model\.c is not proven: .*some 7\d\d MB of memory for 10\.9 MB of weights as text; compile/,
    ),
  ])
}, 120_000)

describe('a form of one’s own', () => {
  it('stands beside the others, with its files, code and section', async () => {
    const [{ plan, manifest }, out] = await staged('beside', [...OTHERS, listing(0)])
    expect(manifest.models.map(({ format, file }) => [format, file])).toEqual([
      ['onnx', 'model.onnx'],
      ['ort', 'model.ort'],
      ['listing', 'listing/graph.json'],
    ])
    expect(plan.entries.map(({ name }) => name)).toContain('listing/names.txt')
    expect(plan.snippets.map(({ language }) => language)).toContain('text')
    expect(plan.checks.every(({ ok }) => ok)).toBe(true)
    const text = fs.readFileSync(path.join(out, 'README.md'), 'utf8')
    expect(text).toContain('### Text\n\n```text\nread listing/graph.json\n```')
    expect(text).toContain('## The listing')
  })

  it('stands alone: no file of ONNX Runtime’s, and its own files are the download', async () => {
    const [{ plan, manifest }, out] = await staged('alone', [listing(0)])
    expect(fs.readdirSync(out)).not.toContain('model.onnx')
    expect(manifest.models).toHaveLength(1)
    expect(plan.entries.filter(({ name }) => /onnx|ort$/.test(name))).toEqual([])
    expect(plan.downloadBytes).toBeGreaterThan(0)
    expect(fs.readFileSync(path.join(out, 'README.md'), 'utf8')).not.toContain('What ONNX Runtime tells')
  })

  it('never passes silently: what differs, and what could not be compared, is said', async () => {
    const [wrong] = await staged('wrong', [...OTHERS, listing(100)])
    expect(wrong.plan.checks).toContainEqual(
      expect.objectContaining({
        severity: 'error',
        message: expect.stringMatching(/listing\.json.*differ.*by 100/),
      }),
    )
    // And no device may differ as much because of it.
    expect(Object.values(wrong.manifest.tolerance).every((most) => most < 0.1)).toBe(true)
    const [none] = await staged('none', OTHERS, 0)
    expect(none.plan.checks.filter(({ ok }) => !ok).map(({ message }) => message)).toEqual([
      'model.onnx is not proven: there are no golden samples.',
      'model.ort is not proven: there are no golden samples.',
    ])
  })

  it('is left out with its reason, and the export ends where no form is left', async () => {
    const refusing: ExportForm = { ...listing(0), write: async () => ({ reason: 'it has no Abs here.' }) }
    const [{ plan, manifest }] = await staged('refused', [...OTHERS, refusing])
    expect(manifest.models).toHaveLength(2)
    expect(plan.checks.map(({ message }) => message)).toContain('No listing.json: it has no Abs here.')
    await expect(staged('nothing', [refusing])).rejects.toMatchObject({ data: { code: 'export/no-form' } })
  })

  it('is not what the code loads where it is larger than what the bundle promises', async () => {
    // Two bytes a weight in the file, which constant folding makes four.
    const half = float16Weights()
    const model = path.join(folder, 'half.onnx')
    writeModel(half, model)
    const out = path.join(folder, 'half')
    fs.mkdirSync(out)
    const { plan } = await stage(
      { model, name: 'half', target: findTarget('android-cpu'), goldenSamples: 1 },
      out,
    )
    const size = (name: string): number => plan.entries.find((entry) => entry.name === name)!.bytes
    expect(size('model.ort')).toBeGreaterThan(1.5 * size('model.onnx'))
    for (const { language, code } of plan.snippets) expect(code, language).not.toContain('model.ort')
    expect(plan.checks.map(({ message }) => message)).toContainEqual(
      expect.stringMatching(/^model\.ort takes .* to download, model\.onnx .*The code loads model\.onnx\.$/),
    )
  })

  it('has an id for files and commands', () => {
    expect(() => defineForm({ ...listing(0), id: 'C sources' })).toThrow('C sources')
  })
})

it('every form that a target names is there', () => {
  for (const target of TARGETS) expect(formsFor(target)).toHaveLength(target.forms.length)
})

describe('verification', () => {
  const golden: Golden = {
    samples: [{ inputs: {}, outputs: { y: floats([2], [1, -2]) } }],
    tolerance: { y: 0.002 },
  }

  it.each([
    ['equal', floats([2], [1, -2]), 'proven', 0],
    ['near', floats([2], [1, -1.5]), 'proven', 0.5],
    ['far', floats([2], [1, 2]), 'differs', 4],
    ['of another length', floats([3], [1, -2, 0]), 'differs', Infinity],
    ['not a number', floats([2], [NaN, -2]), 'differs', NaN],
  ])('tells outputs that are %s', async (_, y, verdict, difference) => {
    const found = await verifyBy(golden, async () => ({ y }))
    expect(found.verdict).toBe(verdict)
    expect(found.differences.y).toBe(difference)
  })

  it('does not take a missing output for an equal one', async () => {
    expect((await verifyBy(golden, async () => ({}))).verdict).toBe('differs')
    expect((await verifyBy({ samples: golden.samples, tolerance: {} }, async () => ({}))).verdict).toBe(
      'unproven',
    )
  })

  it('widens tolerances fourfold by what is proven alone', () => {
    const tolerance = { y: 0.01 }
    expect(widened(tolerance, [{ verdict: 'proven', differences: { y: 0.005 } }])).toEqual({ y: 0.02 })
    expect(widened(tolerance, [{ verdict: 'proven', differences: { y: 0.001 } }])).toEqual(tolerance)
    expect(widened(tolerance, [{ verdict: 'differs', reason: '', differences: { y: 9 } }])).toEqual(tolerance)
  })
})
