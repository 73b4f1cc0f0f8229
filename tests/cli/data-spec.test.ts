import fs from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { channelsOption, columnsOption, ratioOption, sizeOption, specOf } from '../../src/cli/data-spec'
import { addData } from '../../src/cli/commands/data'
import { addEvaluate } from '../../src/cli/commands/evaluate'
import { addExport } from '../../src/cli/commands/export'
import { PareError } from '../../src/contract/errors'
import { temporaryFolder, write } from '../engine/data/support'
import { report } from '../renderer/fake/fixtures'
import { loadedData } from '../renderer/fake/fixtures'
import { run } from './support'

test('what options say goes before what the file says, field by field', () => {
  const root = write(temporaryFolder(), {
    'spec.json': JSON.stringify({ label: 'y', task: 'regression', preprocessing: { scale: 2, mean: [1] } }),
    'broken.json': '{',
    'other.json': '{"lable": "y"}',
  })
  const dataSpec = path.join(root, 'spec.json')
  expect(specOf({ dataSpec, label: 'force', scale: 1 / 255, channels: { order: 'bgr' } })).toEqual({
    label: 'force',
    task: 'regression',
    preprocessing: { scale: 1 / 255, mean: [1], order: 'bgr' },
  })
  expect(specOf({})).toBeUndefined()
  for (const [name, code] of [
    ['broken.json', 'data/spec'],
    ['other.json', 'data/spec'],
    ['none.json', 'data/not-found'],
  ])
    expect(() => specOf({ dataSpec: path.join(root, name!) })).toThrow(
      expect.objectContaining({ code }) as Error,
    )
})

test('numbers, sizes, channels and columns as they are written', () => {
  expect(ratioOption('1/255')).toBe(1 / 255)
  expect(sizeOption('320x240')).toEqual({ width: 320, height: 240 })
  expect([channelsOption('bgr'), channelsOption('1')]).toEqual([{ order: 'bgr' }, { channels: 1 }])
  expect(columnsOption('a=x, b=y')).toEqual({ a: 'x', b: 'y' })
  for (const wrong of [
    () => ratioOption('half'),
    () => ratioOption('1/0'),
    () => sizeOption('320'),
    () => channelsOption('2'),
    () => columnsOption('a'),
  ])
    expect(wrong).toThrow('It must be')
})

const spec = { label: 'force', classes: ['b', 'a'] }
const loaded = { ...loadedData(), spec: { label: 'force', task: 'classification' as const } }
const guessing = { ...loaded, looksLikeChance: true }
const way = {
  preprocessing: { ...loaded.summary.preprocessing, scale: 1 } as typeof loaded.summary.preprocessing,
  score: 0.99,
  better: true,
  explanation: 'left at 0…255',
}

/** A folder as compressing leaves it. */
const made = (): string =>
  path.join(
    write(temporaryFolder(), { 'model.onnx': '', 'data-spec.json': JSON.stringify(spec) }),
    'model.onnx',
  )

test('every command reads the data as what lies beside the model says, export too', async () => {
  const model = made()
  const data = { path: path.resolve('d'), ...spec }
  const evaluated = await run(addEvaluate, ['evaluate', model, '--data', 'd'], {
    openData: () => guessing,
    evaluate: () => report({}),
  })
  expect(evaluated.input('evaluate').data).toEqual(data)
  const exported = await run(addExport, ['export', model, '--data', 'd', '--out', 'b.zip'], {
    openData: () => loaded,
    record: () => ({}),
    exportPlan: () => ({ checks: [] }) as never,
    exportBundle: () => ({ path: 'b.zip', target: 'any', bytes: 1, downloadBytes: 1, files: [] }),
  })
  expect(exported.input('exportPlan').data).toEqual(data)
  expect(exported.input('exportBundle').data).toEqual(data)
})

test('or as what lies in the folder of the data says, where nothing lies beside the model', async () => {
  const data = write(temporaryFolder(), { 'data-spec.json': JSON.stringify(spec), 'a.csv': 'a,force\n' })
  for (const given of [data, path.join(data, 'a.csv')]) {
    const { input, err } = await run(addEvaluate, ['evaluate', 'm.onnx', '--data', given], {
      openData: () => loaded,
      evaluate: () => report({}),
    })
    expect(input('evaluate').data).toEqual({ path: given, ...spec })
    expect(err).toContain(`The data is read as ${path.join(data, 'data-spec.json')} says.`)
  }
})

test('what is said on the command line goes before that, and is not put in doubt', async () => {
  const args = ['evaluate', made(), '--data', 'd', '--label', 'y']
  const { input, jobs } = await run(addEvaluate, [...args, '--scale', '2'], { evaluate: () => report({}) })
  expect(jobs).toEqual(['evaluate'])
  expect(input('evaluate').data).toEqual({
    path: path.resolve('d'),
    label: 'y',
    preprocessing: { scale: 2 },
  })
  const { preprocessing } = way
  const label = await run(addEvaluate, args, {
    openData: () => loaded,
    findPreprocessing: () => [way],
    evaluate: () => report({}),
  })
  expect(label.input('evaluate').data, 'a label says nothing of preprocessing').toMatchObject({
    label: 'y',
    preprocessing,
  })
})

test('a spec for data of another form is left alone, and it is said', async () => {
  const { input, err } = await run(addEvaluate, ['evaluate', made(), '--data', 'd'], {
    openData: ({ data }) => {
      if (data.label !== undefined) throw new PareError('data/spec', { reason: 'it is for pictures' })
      return loaded
    },
    findPreprocessing: () => [],
    evaluate: () => report({}),
  })
  expect(input('evaluate').data).toEqual({ path: path.resolve('d') })
  expect(err).toContain('is for data of another form')
})

test('data says what is recognised, tries the other ways and writes the best down', async () => {
  const file = path.join(temporaryFolder(), 'specs', 'spec.json')
  const { out } = await run(addData, ['data', 'm.onnx', '--data', 'd', '--out', file], {
    openData: () => guessing,
    findPreprocessing: () => [way, { ...way, score: 0.5, better: false, explanation: 'inverted' }],
  })
  const written: unknown = JSON.parse(fs.readFileSync(file, 'utf8'))
  expect(written).toEqual({
    label: 'force',
    task: 'classification',
    preprocessing: way.preprocessing,
    notes: [expect.stringContaining('left at 0…255') as string],
  })
  expect(out).toMatch(/accuracy 99% on \d+ validation samples, \S+% before another way to read it was taken/)
  expect(out).toMatch(/99% +taken +left at 0…255/)
  expect(out).toMatch(/50% +inverted/)
  const json = await run(addData, ['data', 'm.onnx', '--data', 'd', '--label', 'force', '--json'], {
    openData: () => loaded,
  })
  expect(JSON.parse(json.out)).toMatchObject({ trials: [], spec: { label: 'force' } })
})

test.each(['guessing', 'few-samples'] as const)(
  'doubts are said, and counted for --strict; %s goes with a better reading',
  async (kind) => {
    const doubts = [
      { kind, message: 'It only guesses.' },
      { kind: 'overlap' as const, message: 'Some are in two splits.' },
    ]
    const answers = { openData: () => ({ ...guessing, doubts }), evaluate: () => report({}) }
    const args = ['evaluate', path.join(temporaryFolder(), 'm.onnx'), '--data', 'd']
    const better = await run(addEvaluate, args, { ...answers, findPreprocessing: () => [way] })
    expect(better.err).toContain('Warning: Some are in two splits.')
    expect(better.err).not.toContain('It only guesses.')
    const none = await run(addEvaluate, args, { ...answers, findPreprocessing: () => [] })
    expect(none.err).toContain('Warning: It only guesses.')
    const said = await run(addEvaluate, [...args, '--scale', '2', '--strict'], answers)
    expect(said.jobs).toEqual(['openData', 'evaluate'])
    expect(said.err).toContain('Warning: It only guesses.')
    const described = { findPreprocessing: () => [], describeData: () => ({ fingerprint: 'f', spec: {} }) }
    const json = await run(addEvaluate, [...args, '--json'], { ...answers, ...described })
    expect(JSON.parse(json.out)).toMatchObject({ doubts, data: { fingerprint: 'f' } })
  },
)

test('export takes the data a model was made with while it is what it was, and says so', async () => {
  const data = { path: '/data/d.npz', stamp: '1', spec: { label: 'y' }, same: true }
  const record = { original: report({}), report: report({}), steps: [], originalThere: true }
  const answers = {
    openData: () => loaded,
    exportPlan: () => ({ checks: [] }) as never,
    exportBundle: () => ({ path: 'b.zip', target: 'any', bytes: 1, downloadBytes: 1, files: [] }),
  }
  const args = ['export', made(), '--out', 'b.zip']
  const kept = await run(addExport, args, { ...answers, record: () => ({ record: { ...record, data } }) })
  expect(kept.input('exportBundle').data).toEqual({ label: 'y', path: '/data/d.npz' })
  expect(kept.err).toContain('/data/d.npz')
  const json = await run(addExport, [...args, '--json'], {
    ...answers,
    record: () => ({ record: { ...record, data } }),
    describeData: () => ({ fingerprint: 'f', spec: data.spec }),
  })
  expect(json.input('describeData').data).toEqual({ label: 'y', path: '/data/d.npz' })
  expect(JSON.parse(json.out)).toMatchObject({ data: { fingerprint: 'f', spec: { label: 'y' } } })
  const changed = { ...record, data: { ...data, same: false } }
  const gone = await run(addExport, args, { ...answers, record: () => ({ record: changed }) })
  expect(gone.input('exportBundle').data).toEqual({})
  expect(gone.err).toContain('gone or has changed')
  const unreadable = await run(addExport, args, {
    ...answers,
    record: () => ({ record: { ...record, data } }),
    openData: () => {
      throw new PareError('data/spec', { reason: 'it is for pictures' })
    },
  })
  expect(unreadable.input('exportBundle').data).toEqual({})
  expect(unreadable.err).toContain('it is for pictures')
})
