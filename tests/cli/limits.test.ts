/** Limits of the commands that do not search: what is asked of the engine, what is said, what is thrown for exit 3. */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { addCompare } from '../../src/cli/commands/compare'
import { addCompress } from '../../src/cli/commands/compress'
import { addEvaluate } from '../../src/cli/commands/evaluate'
import { addExport } from '../../src/cli/commands/export'
import type { Miss } from '../../src/contract/limits'
import type { JobOutput } from '../../src/service'
import { inspection, loadedData, original, passes, report } from '../renderer/fake/fixtures'
import { run, type Script } from './support'

const small = report({
  bytes: Math.floor(original.bytes / 5),
  accuracy: original.quality.value - 0.02,
  p50: original.latencyMs.p50 / 2,
})
const record: NonNullable<JobOutput<'record'>['record']> = {
  original: { ...original, path: '/models/big.onnx' },
  report: small,
  steps: [],
  originalThere: true,
}
const data = ['--data', 'd']
const answers: Script = {
  openData: () => loadedData(),
  findPreprocessing: () => [],
  passes: () => passes,
  inspect: () => ({ ...inspection, bytes: small.bytes }),
  record: () => ({ record }),
  evaluate: () => small,
  compare: () => ({ original, candidates: [small] }),
  compress: ({ recipes, into }) => {
    fs.mkdirSync(into!, { recursive: true })
    return {
      original,
      candidates: [{ n: 1, folder: into!, recipe: recipes[0]!, report: small, steps: [], files: [] }],
      failed: [],
    }
  },
  htmlReport: () => '<!doctype html>',
  exportPlan: () => ({ entries: [], bytes: 1, downloadBytes: 1, checks: [], snippets: [] }),
  exportBundle: ({ out }) => ({ path: out, target: 'any', bytes: 1, downloadBytes: 1, files: [] }),
}
const out = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-limits-'))
afterAll(() => fs.rmSync(out, { recursive: true, force: true }))

const COMMANDS = [
  ['compare', addCompare, ['compare', 'big.onnx', 'small.onnx']],
  ['compress', addCompress, ['compress', 'big.onnx', '--pass', passes[0]!.id, '--out', path.join(out, 'c')]],
  ['evaluate', addEvaluate, ['evaluate', 'small.onnx']],
  ['export', addExport, ['export', 'small.onnx', '--out', path.join(out, 'b.zip')]],
] as const

test.each(COMMANDS)(
  '%s keeps its limits or throws what it misses, once all is printed',
  async (_, add, args) => {
    const inside = ['--max-drop', '2', '--max-bytes', '5x', '--max-latency', '50%']
    const kept = await run(add, [...args, ...data, ...inside, '--json'], answers)
    expect((JSON.parse(kept.out) as { limits: unknown }).limits).toEqual({
      maxDrop: 2,
      maxBytes: Math.floor(original.bytes / 5),
      maxLatency: 0.5,
      missed: [],
    })
    const said = { out: '', err: '' }
    const over = ['--max-drop', '1.5', '--max-bytes', '10%', '--max-latency', '0.25x']
    await expect(run(add, [...args, ...data, ...over, '--json'], answers, said)).rejects.toMatchObject({
      data: {
        code: 'limits/missed',
        missed: [
          expect.stringContaining('2 points where 1.5'),
          expect.stringContaining('more than'),
          expect.stringContaining('0.5×'),
        ],
      },
    })
    const { limits } = JSON.parse(said.out) as { limits: { missed: Miss[] } }
    expect(limits.missed.map(({ limit }) => limit)).toEqual(['quality', 'size', 'latency'])
  },
)

test.each(COMMANDS.filter(([name]) => name !== 'export'))(
  '%s refuses a limit of quality on random inputs before it does anything',
  async (_, add, args) => {
    await expect(run(add, [...args, '--max-drop', '1'], {})).rejects.toMatchObject({
      code: 'commander.invalidArgument',
      message: expect.stringContaining('--data') as unknown,
    })
  },
)

test('evaluating against limits measures both models in one run, on the samples asked for', async () => {
  const args = ['evaluate', 'small.onnx', ...data, '--max-drop', '5', '--split', 'training']
  const recorded = await run(addEvaluate, args, answers)
  expect(recorded.input('compare')).toMatchObject({ model: '/models/big.onnx', split: 'training' })
  const said = await run(addEvaluate, [...args, '--original', 'other.onnx'], answers)
  expect(said.input('compare').model).toBe(path.resolve('other.onnx'))
  expect(said.jobs).not.toContain('record')
  await expect(run(addEvaluate, args, { ...answers, record: () => ({}) })).rejects.toThrow('--original')
  // A size in bytes needs no original.
  const plain = await run(addEvaluate, ['evaluate', 'small.onnx', '--max-bytes', '1GB'], answers)
  expect(plain.jobs).toEqual(['evaluate'])
})

test('a folder that compressing wrote stands for the model in it', async () => {
  const folder = path.join(out, 'small')
  fs.mkdirSync(folder, { recursive: true })
  fs.writeFileSync(path.join(folder, 'model.onnx'), '')
  const exported = await run(addExport, ['export', folder, '--out', path.join(out, 'f.zip')], answers)
  expect(exported.input('exportBundle')).toMatchObject({ model: path.join(folder, 'model.onnx') })
})

test('nothing is exported of a model that is over the limits; what is recorded of it is its proof', async () => {
  const args = ['export', 'small.onnx', '--out', path.join(out, 'e.zip')]
  const over = run(addExport, [...args, '--max-bytes', '1KB'], { record: () => ({ record }) })
  await expect(over).rejects.toMatchObject({ data: { code: 'limits/missed' } })
  const kept = await run(addExport, [...args, '--max-drop', '2'], answers)
  expect(kept.jobs).not.toContain('compare')
  expect(kept.input('exportBundle')).toMatchObject({ report: small, original: record.original, steps: [] })
  // Nothing is known of it: only its file can be judged, or it is measured against the original that is named.
  const unknown = { ...answers, record: () => ({}) }
  const sized = await run(addExport, [...args, '--max-bytes', '1GB'], unknown)
  expect(sized.jobs).toContain('inspect')
  await expect(run(addExport, [...args, '--max-bytes', '4x'], unknown)).rejects.toThrow('--original')
  const measured = await run(
    addExport,
    [...args, ...data, '--max-drop', '2', '--original', 'big.onnx'],
    unknown,
  )
  expect(measured.input('compare').model).toBe(path.resolve('big.onnx'))
  expect(fs.existsSync(path.join(out, 'e.zip'))).toBe(false)
})

const onChip = {
  target: 'cortex-m4f',
  flashBytes: 90_000,
  ramBytes: 30_000,
  constantBytes: 88_000,
  arenaBytes: 28_000,
  source: 'x',
}
const chip = (id: string, board?: object): JobOutput<'targets'>[number] => ({
  id,
  aliases: [],
  title: id,
  detail: '',
  does: '',
  runtime: '',
  estimated: false,
  sources: [],
  ...(board && { board }),
})
const boards: Script = {
  ...answers,
  targets: () => [chip('any'), chip('cortex-m4f', { flashBytes: 1e6, ramBytes: 2e5 })],
  evaluate: ({ target }) => ({ ...small, ...(target && { footprint: onChip }) }),
  compare: () => ({ original, candidates: [{ ...small, footprint: onChip }] }),
  compress: (input, ...rest) => {
    const made = answers.compress!(input, ...rest) as JobOutput<'compress'>
    made.candidates[0]!.report = { ...small, footprint: onChip }
    return made
  },
  footprint: () => ({ footprint: onChip }),
}

test.each(COMMANDS)('%s keeps limits of flash and RAM on a microcontroller', async (_, add, args) => {
  const asked = [...args, '--target', 'cortex-m4f', '--overwrite'].filter(
    (word) => word !== '--overwrite' || ['compress', 'export'].includes(args[0]!),
  )
  await run(add, [...asked, ...data, '--max-flash', '90KB', '--max-ram', '30kB'], boards)
  await expect(
    run(add, [...asked, ...data, '--max-flash', '64KiB', '--max-ram', '16KB'], boards),
  ).rejects.toMatchObject({
    data: {
      code: 'limits/missed',
      missed: [expect.stringContaining('flash'), expect.stringContaining('RAM')],
    },
  })
})

test.each(COMMANDS)(
  '%s refuses them for a target that is none, before anything is measured',
  async (_, add, args) => {
    await expect(run(add, [...args, ...data, '--max-flash', '1MB'], boards)).rejects.toMatchObject({
      data: { code: 'limits/no-board', target: 'any', known: ['cortex-m4f'] },
    })
    await expect(run(add, [...args, ...data, '--max-ram', '25%'], boards)).rejects.toThrow('size')
  },
)
