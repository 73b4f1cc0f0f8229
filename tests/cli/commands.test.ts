/** What each command asks of the engine and prints of its answers. */
import fs from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { addCombine } from '../../src/cli/commands/combine'
import { addCompare } from '../../src/cli/commands/compare'
import { addCompress } from '../../src/cli/commands/compress'
import { addEvaluate } from '../../src/cli/commands/evaluate'
import { addInspect } from '../../src/cli/commands/inspect'
import { addPasses } from '../../src/cli/commands/passes'
import { addPresets } from '../../src/cli/commands/presets'
import { addSensitivity } from '../../src/cli/commands/sensitivity'
import { addTargets } from '../../src/cli/commands/targets'
import { addVerify } from '../../src/cli/commands/verify'
import type { Recipe } from '../../src/contract/recipe'
import type { FinishedRun } from '../../src/engine/run/compress'
import { temporaryFolder } from '../engine/run/support'
import { inspection, loadedData, original, passes, presets, report } from '../renderer/fake/fixtures'
import { targets } from '../renderer/fake/targets'
import { run, type Script } from './support'

const sharp = loadedData()
const guessing = { ...sharp, looksLikeChance: true, baseline: { ...sharp.baseline, value: 0.1 } }
const way = {
  preprocessing: { ...sharp.summary.preprocessing, scale: 1 } as typeof sharp.summary.preprocessing,
  classes: ['b', 'a'],
  score: 0.9,
  better: true,
  explanation: 'pixels from 0 to 255',
}

test('data and settings are handed on whole: paths absolute, the CPU behind every other device', async () => {
  const args = [
    'evaluate',
    'm.onnx',
    '--data',
    'd',
    '--tokenizer',
    't.json',
    '--provider',
    'dml',
    '--threads',
    '3',
  ]
  const { input, jobs } = await run(addEvaluate, [...args, '--split', 'training'], {
    openData: () => sharp,
    findPreprocessing: () => [],
    evaluate: () => original,
  })
  expect(jobs).toEqual(['openData', 'findPreprocessing', 'evaluate'])
  expect(input('evaluate')).toEqual({
    model: path.resolve('m.onnx'),
    data: { path: path.resolve('d'), tokenizer: path.resolve('t.json') },
    settings: { providers: ['dml', 'cpu'], threads: 3 },
    split: 'training',
  })
})

test.each([
  ['--threads', '-1'],
  ['--threads', '1.5'],
  ['--threads', 'many'],
  ['--split', 'most'],
])('%s %s is refused before anything is asked', async (option, value) => {
  await expect(run(addEvaluate, ['evaluate', 'm.onnx', option, value], {})).rejects.toMatchObject({
    code: 'commander.invalidArgument',
  })
})

test('without data nothing is opened, and it is said', async () => {
  const { err, jobs, input } = await run(addEvaluate, ['evaluate', 'm.onnx'], { evaluate: () => original })
  expect(jobs).toEqual(['evaluate'])
  expect(input('evaluate').data).toEqual({})
  expect(err).toContain('No data was given')
})

test('where the original only guesses, the way to read the data that scores better is taken', async () => {
  const evaluate = () => original
  const at = ['evaluate', 'm.onnx', '--data', 'd']
  const found = await run(addEvaluate, at, {
    openData: () => guessing,
    findPreprocessing: () => [way, { ...way, score: 0.2 }],
    evaluate,
  })
  expect(found.input('evaluate').data).toEqual({
    path: path.resolve('d'),
    preprocessing: way.preprocessing,
    classes: way.classes,
    notes: [
      `Read another way than it would be: pixels from 0 to 255; the original then scores 90% instead of 10% on ${sharp.baseline.samples} samples.`,
    ],
  })
  expect(found.err).toContain(found.input('evaluate').data.notes![0])
  // Better, but not by more than chance explains.
  for (const ways of [[], [{ ...way, better: false }]]) {
    const not = await run(addEvaluate, at, {
      openData: () => guessing,
      findPreprocessing: () => ways,
      evaluate,
    })
    const { notes, ...data } = not.input('evaluate').data
    expect(data).toEqual({ path: path.resolve('d') })
    expect(notes!.join()).toContain('No other way to read the data scores better by more than chance')
    expect(not.err).toContain(notes![0])
  }
})

test('a report is a table with units, its notes below, each once', async () => {
  const noted = report({
    notes: ['A word.', 'A word.', 'Another.'],
    fidelity: { cosine: 0.99951, sqnr: 31.27, maxAbsoluteError: 1, agreement: 1 } as never,
  })
  const { out } = await run(addEvaluate, ['evaluate', 'm.onnx'], { evaluate: () => noted })
  expect(out).toMatch(/^accuracy \(validation\)\s+97\.78% \[96\.6%, 98\.7%\]$/m)
  expect(out).toMatch(/^file\s+249 kB$/m)
  expect(out).toMatch(/^multiply-adds\s+417 k$/m)
  expect(out).toMatch(/^latency p50\s+400 µs$/m)
  expect(out).toMatch(/^peak memory\s+9\.4 MB$/m)
  expect(out).toMatch(/^energy \(estimate\)\s+1\.92 µJ$/m)
  expect(out).toMatch(/^likeness: cosine\s+0\.9995$/m)
  expect(out).toMatch(/^likeness: SQNR\s+31\.3 dB$/m)
  expect(out.trimEnd().endsWith('- A word.\n- Another.')).toBe(true)
  const json = await run(addEvaluate, ['evaluate', 'm.onnx', '--json'], { evaluate: () => noted })
  expect(JSON.parse(json.out)).toMatchObject(noted)
})

test('models are compared in one run, and the page goes where it was asked to', async () => {
  const small = report({
    bytes: 62_183,
    downloadBytes: 57_250,
    p50: 0.2,
    accuracy: 0.9778 - 0.004,
    latencyRatio: { value: 0.5, interval: [0.48, 0.53] },
  })
  const html = path.join(temporaryFolder(), 'pages', 'r.html')
  const answers: Script = {
    compare: () => ({ original, candidates: [small] }),
    htmlReport: ({ title, candidates }) =>
      `<title>${title} ${candidates.map(({ name }) => name).join()}</title>`,
  }
  const args = ['compare', 'a/big.onnx', 'b/small.onnx', '--html', html]
  const { out, input } = await run(addCompare, [...args, '--target', 'ios'], answers)
  expect(input('compare').target).toBe('ios')
  expect(input('compare').candidates).toEqual([{ name: 'small.onnx', model: path.resolve('b/small.onnx') }])
  expect(fs.readFileSync(html, 'utf8')).toBe('<title>big.onnx small.onnx</title>')
  expect(out).toMatch(/^\s+original\s+small\.onnx$/m)
  expect(out).toContain('4× smaller download, 2× faster, −0.4 points')
  expect(out).toMatch(/^time, in turn with it\s+2× faster \(95%: 1\.89× to 2\.08×\)$/m)
  const json = await run(addCompare, [...args, '--json'], answers)
  expect(JSON.parse(json.out)).toMatchObject({ original, candidate: small, files: [html] })
})

test('several candidates are measured together and judged each by its name', async () => {
  const small = report({ bytes: 62_183, p50: 0.2, latencyRatio: { value: 0.5, interval: [0.48, 0.53] } })
  const large = report({ bytes: 124_366, downloadBytes: 114_500, notes: ['No faster here.'] })
  const summary = path.join(temporaryFolder(), 'summary.md')
  const answers: Script = { compare: () => ({ original, candidates: [small, large] }) }
  const args = ['compare', 'big.onnx', 'a/model.onnx', 'b/model.onnx']
  const { out, input, jobs } = await run(addCompare, [...args, '--markdown', summary], answers)
  expect(jobs).toEqual(['openData', 'compare'].filter((job) => jobs.includes(job as never)))
  expect(input('compare').candidates).toEqual([
    { name: 'a/model.onnx', model: path.resolve('a/model.onnx') },
    { name: 'b/model.onnx', model: path.resolve('b/model.onnx') },
  ])
  expect(out).toMatch(/^\s+original\s+a\/model\.onnx\s+b\/model\.onnx$/m)
  expect(out).toMatch(/^a\/model\.onnx: 4× smaller file/m)
  expect(out).toMatch(/^b\/model\.onnx: 2× smaller download/m)
  expect(out).toContain('\n- b/model.onnx: No faster here.')
  expect(fs.readFileSync(summary, 'utf8')).toContain('|  | original | a/model.onnx | b/model.onnx |')
  expect(fs.readFileSync(summary, 'utf8')).toContain('\n- b/model.onnx: No faster here.')
  const said = { out: '', err: '' }
  const over = run(addCompare, [...args, '--json', '--max-bytes', '100kB'], answers, said)
  await expect(over).rejects.toMatchObject({
    code: 'limits/missed',
    data: { missed: [expect.stringMatching(/^b\/model\.onnx: its file takes 124 kB/)] },
  })
  const document = JSON.parse(said.out) as { candidates: { name: string; bytes: number }[] }
  expect(document.candidates.map(({ name, bytes }) => [name, bytes])).toEqual([
    ['a/model.onnx', 62_183],
    ['b/model.onnx', 124_366],
  ])
})

test('a comparison is written as a table for job summaries, with what is over a limit', async () => {
  const small = report({ bytes: 62_183, notes: ['One a|b.'] })
  const file = path.join(temporaryFolder(), 'summary.md')
  const answers: Script = { compare: () => ({ original, candidates: [small] }) }
  const args = ['compare', 'big.onnx', 'a|b.onnx', '--markdown', file]
  await run(addCompare, [...args, '--max-bytes', '50%'], answers)
  const within = fs.readFileSync(file, 'utf8').split('\n')
  expect(within).toContain('|  | original | a\\|b.onnx |')
  expect(within).toContain('| --- | ---: | ---: |')
  expect(within).toContain('Within all limits.')
  expect(within).toContain('- One a|b.')
  await expect(run(addCompare, [...args, '--max-bytes', '10kB'], answers)).rejects.toMatchObject({
    code: 'limits/missed',
  })
  const over = fs.readFileSync(file, 'utf8')
  expect(over).toMatch(/^- ❌ .*62\.2 kB/m)
  expect(over).not.toContain('Within')
})

const finished = (folder: string, recipe: Recipe): FinishedRun => ({
  n: 1,
  folder,
  recipe,
  report: report({ bytes: 62_183 }),
  steps: [],
  files: [path.join(folder, 'model.onnx')],
})

test('compress makes a recipe of passes or presets and tells each step', async () => {
  const out = temporaryFolder()
  const steps: Script = {
    passes: () => passes,
    presets: () => presets,
    compress: ({ recipes }, { emit }) => {
      const record = { pass: 'simplify', params: {}, seconds: 0.5, summary: 'Two nodes less.', skipped: [] }
      emit('step', { candidate: 1, step: 0, record })
      const left = [
        { layer: 'fc1', reason: 'too small' },
        { layer: 'fc2', reason: 'too small' },
      ]
      emit('step', { candidate: 1, step: 1, record: { ...record, failed: true, skipped: left } })
      return { original, candidates: [finished(out, recipes[0]!)], failed: [] }
    },
    htmlReport: () => '<!doctype html>',
  }
  const made = await run(
    addCompress,
    ['compress', 'm.onnx', '--pass', passes[0]!.id, '--pass', passes[1]!.id, '--out', out, '--resume'],
    steps,
  )
  const asked = made.input('compress')
  expect(asked).toMatchObject({
    folder: path.join(out, '.pare'),
    into: out,
    resume: true,
    recipes: [{ name: `${passes[0]!.id} + ${passes[1]!.id}` }],
  })
  expect(asked.recipes[0]!.steps.map(({ pass }) => pass)).toEqual([passes[0]!.id, passes[1]!.id])
  expect(made.err).toContain('✓ simplify (0.5 s): Two nodes less.')
  expect(made.err).toContain('✗ simplify (0.5 s): Two nodes less.\n  left alone: fc1 (too small) and 1 more')
  expect(fs.readFileSync(path.join(out, 'report.html'), 'utf8')).toBe('<!doctype html>')
  expect(made.out).toContain(
    `Written:\n  ${path.join(out, 'model.onnx')}\n  ${path.join(out, 'report.html')}`,
  )

  const preset = await run(
    addCompress,
    ['compress', 'm.onnx', '--recipe', presets[1]!.id, '--target', 'pc-no-vnni', '--out', out],
    steps,
  )
  // Left open, it is the engine that knows what an earlier run in the folder was for.
  expect(asked.target).toBeUndefined()
  expect(preset.input('compress')).toMatchObject({
    resume: false,
    target: 'pc-no-vnni',
    recipes: [{ name: presets[1]!.name, steps: presets[1]!.steps }],
  })
  await expect(
    run(addCompress, ['compress', 'm.onnx', '--recipe', 'gone.json', '--out', out], steps),
  ).rejects.toMatchObject({ name: 'PareError' })
  for (const both of [[], ['--recipe', 'safe', '--pass', 'simplify']])
    await expect(
      run(addCompress, ['compress', 'm.onnx', '--out', out, ...both], steps),
    ).rejects.toMatchObject({
      message: 'Give either --recipe or --pass.',
    })
})

test('what Pare did not make is not written over, nor the model itself', async () => {
  const out = temporaryFolder()
  const model = path.join(out, 'model.onnx')
  const args = (of: string) => ['compress', of, '--recipe', presets[0]!.id, '--out', out]
  fs.writeFileSync(model, 'precious')
  const refused = { code: 'export/exists', data: { path: model } }
  const answers = { presets: () => presets }
  await expect(run(addCompress, args('m.onnx'), answers)).rejects.toMatchObject(refused)
  fs.mkdirSync(path.join(out, '.pare'))
  fs.writeFileSync(path.join(out, '.pare', 'run.json'), '{}')
  await expect(run(addCompress, args(model), answers)).rejects.toMatchObject(refused)
  // An earlier result of Pare's is replaced where that is said: the engine is asked.
  await expect(run(addCompress, args('m.onnx'), answers)).rejects.toMatchObject(refused)
  for (const said of ['--overwrite', '--resume'])
    await expect(run(addCompress, [...args('m.onnx'), said], answers)).rejects.toThrow(
      'no answer to compress',
    )
})

test('inspect shows the heaviest layers first, how many are left, and what to know', async () => {
  const many = Array.from({ length: 14 }, (_, i) => ({
    ...inspection.layers[0]!,
    layer: `layer${i}`,
    bytes: 1000 * (i + 1),
  }))
  const { out } = await run(addInspect, ['inspect', 'm.onnx'], {
    inspect: () => ({ ...inspection, opsets: { '': 18, 'com.microsoft': 1 }, layers: many }),
  })
  const rows = [...out.matchAll(/^layer(\d+) /gm)].map(([, n]) => Number(n))
  expect(rows).toEqual([13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2])
  expect(out).toContain('… and 2 more layers')
  expect(out).toMatch(/^opset\s+ai\.onnx 18, com\.microsoft 1$/m)
  expect(out).toMatch(/^inputs\s+image: float32 \[batch, 1, 28, 28\]$/m)
  expect(out).toContain(`- info: ${inspection.issues[0]!.message}`)
  const few = await run(addInspect, ['inspect', 'm.onnx'], {
    inspect: () => ({ ...inspection, issues: [] }),
  })
  expect(few.out).not.toContain('more layers')
  expect(few.out).not.toContain('What to know')
})

test('a pass is told in full by its id, with its ranges', async () => {
  const described = passes.find(({ parameters }) => parameters.some(({ choices }) => choices))!
  const field = described.parameters.find(({ choices }) => choices)!
  const { out } = await run(addPasses, ['passes', described.id], { passes: () => passes })
  expect(out).toContain(`${described.id}: ${described.title} (${described.family})`)
  expect(out).toContain(field.choices!.join(' | '))
  expect(out).toContain(`Sources: ${described.sources.join('; ')}`)
  const all = await run(addPasses, ['passes'], { passes: () => passes })
  expect(all.out.trimEnd().split('\n')).toHaveLength(passes.length)
  const one = await run(addPasses, ['passes', described.id, '--json'], { passes: () => passes })
  expect(JSON.parse(one.out)).toMatchObject({ passes: [described] })
  await expect(run(addPasses, ['passes', 'nonsense'], { passes: () => passes })).rejects.toMatchObject({
    data: { code: 'pass/unknown', pass: 'nonsense', known: passes.map(({ id }) => id) },
  })
})

test('combine joins scores of models into a file that is not there yet', async () => {
  const args = ['combine', 'a.onnx', 'b.onnx', '--by', 'sum', '--weights', '1/2,2', '--out', 'one.onnx']
  const { out, input } = await run(addCombine, args, {
    combine: () => ({ out: path.resolve('one.onnx') }),
    inspect: () => ({ outputs: [{ name: 'condition' }] }) as never,
  })
  expect(input('combine')).toMatchObject({
    models: [path.resolve('a.onnx'), path.resolve('b.onnx')],
    by: 'sum',
    weights: [0.5, 2],
    name: 'condition',
  })
  expect(out).toContain('one.onnx: condition')
  const onto = [...args.slice(0, -1), 'package.json']
  await expect(run(addCombine, onto, {})).rejects.toMatchObject({ data: { code: 'export/exists' } })
})

test('sensitivity is one row a layer and one column a technique and strength', async () => {
  const entry = (layer: string, technique: 'bits' | 'sparsity', strength: number, sqnr: number) => ({
    layer,
    op: 'Conv',
    parameters: 2416,
    technique,
    strength,
    points: 0,
    sqnr,
    weightSqnr: 0,
  })
  const entries = [
    entry('a', 'bits', 4, 21.04),
    entry('a', 'sparsity', 0.5, 9.96),
    entry('b', 'sparsity', 0.5, 12),
  ]
  const args = [
    'sensitivity',
    'm.onnx',
    '--out',
    'found',
    '--samples',
    '32',
    '--technique',
    'bits',
    'sparsity',
    '--target',
    'pc-no-vnni',
  ]
  const { out, input } = await run(addSensitivity, args, {
    sensitivity: () => ({ samples: 32, entries, measured: 3 }),
  })
  expect(input('sensitivity')).toMatchObject({
    samples: 32,
    techniques: ['bits', 'sparsity'],
    target: 'pc-no-vnni',
    sensitivities: path.resolve('found', '.pare', 'sensitivity'),
  })
  expect(
    out
      .split('\n')
      .slice(0, 3)
      .map((row) => row.trim().split(/\s{2,}/)),
  ).toEqual([
    ['layer', 'operator', 'weights', '4 bits', 'sparsity 50%'],
    ['a', 'Conv', '2.42 k', '21.0', '10.0'],
    ['b', 'Conv', '2.42 k', '12.0'],
  ])
  expect(out).toContain('on 32 calibration samples')
})

test('targets are listed with the names that --target takes', async () => {
  const { out } = await run(addTargets, ['targets'], { targets: () => targets })
  expect(out).toMatch(/^android-cpu\s+Android, CPU: XNNPACK/m)
  const json = await run(addTargets, ['targets', '--json'], { targets: () => targets })
  expect(JSON.parse(json.out)).toMatchObject({ targets })
})

test('presets are listed, one is shown with its steps, and a name that is none is answered with those there are', async () => {
  const answers: Script = { presets: () => presets }
  const list = await run(addPresets, ['presets'], answers)
  for (const { id, description } of presets)
    expect(list.out).toMatch(new RegExp(`^${id} +${description.slice(0, 20)}`, 'm'))
  const one = await run(addPresets, ['presets', presets[0]!.id], answers)
  for (const { pass } of presets[0]!.steps) expect(one.out).toContain(`  ${pass}`)
  await expect(run(addPresets, ['presets', 'int8'], answers)).rejects.toMatchObject({
    code: 'recipe/unknown',
  })
  await expect(
    run(addCompress, ['compress', 'm.onnx', '--recipe', 'int8', '--out', 'x'], answers),
  ).rejects.toMatchObject({ data: { recipe: 'int8', known: presets.map(({ id }) => id) } })
  await expect(
    run(addCompress, ['compress', 'm.onnx', '--recipe', 'int8.json', '--out', 'x'], answers),
  ).rejects.toMatchObject({ code: 'data/not-found' })
})

test('a dry run says what would be done and about how long and small, and writes nothing', async () => {
  const out = path.join(temporaryFolder(), 'never')
  const { id, steps } = presets[1]!
  const answers: Script = {
    presets: () => presets,
    passes: () => passes,
    checkRecipe: () => [{ step: 0, message: 'It comes too late.' }],
    expect: () => ({
      seconds: 75,
      steps: steps.map((_, i) => 10 + i),
      originalBytes: 248_000,
      bytes: 62_000,
    }),
  }
  const args = ['compress', 'm.onnx', '--recipe', id, '--out', out, '--dry-run']
  const told = await run(addCompress, args, answers)
  expect(told.out).toMatch(new RegExp(`^1\\. ${steps[0]!.pass} .* about 10 s$`, 'm'))
  expect(told.out).toContain(`warning: ${steps[0]!.pass}: It comes too late.`)
  expect(told.out).toContain('About 1 min 15 s with measuring')
  expect(told.out).toContain('248 kB become about 62 kB')
  expect(fs.existsSync(out)).toBe(false)
  // What it says hangs neither on a score nor on another way to read the data.
  const read = await run(addCompress, [...args, '--data', 'd'], answers)
  expect(read.jobs).toEqual(['presets', 'passes', 'checkRecipe', 'expect'])
  const json = await run(addCompress, [...args, '--json'], answers)
  expect(JSON.parse(json.out)).toMatchObject({ seconds: 75, bytes: 62_000, recipe: presets[1]!.name })
})

test('a bundle that is not what it was is told whole, and can be held against its making', async () => {
  const { steps: _, ...about } = presets[0]!
  const recipe: Recipe = { pare: 1, name: about.name, description: '', steps: [] }
  const models = [
    { file: 'model.onnx', sha256: 'a'.repeat(64) },
    { file: 'model.ort', sha256: 'b'.repeat(64), orderedBy: 'ONNX Runtime' },
  ]
  const bundle = { name: 'small', target: 'any', recipe, embedded: false, checks: [] }
  const fine = { ok: true, severity: 'info' as const, message: '9 files have their hashes.' }
  const made = (sha256: string): Script => ({
    verifyBundle: ({ bundle: file }) =>
      file.endsWith('b.zip')
        ? { ...bundle, models, checks: [fine] }
        : { ...bundle, models: [{ file: 'model.onnx', sha256 }] },
    compress: ({ into }) => ({
      original,
      candidates: [{ n: 1, folder: into!, recipe, report: report({}), steps: [], files: [] }],
      failed: [],
    }),
    htmlReport: () => '',
    record: () => ({}),
    exportPlan: () => ({ entries: [], bytes: 0, downloadBytes: 0, checks: [], snippets: [] }),
    exportBundle: ({ out, target }) => ({ path: out, target, bytes: 0, downloadBytes: 0, files: [] }),
  })
  const args = ['verify', 'b.zip', '--rebuild', '--original', 'm.onnx', '--seed', '5', '--target', 'ios']
  const same = await run(addVerify, args, made('a'.repeat(64)))
  expect(same.out).toContain('ok: model.onnx comes out the same, byte by byte.')
  expect(same.out).toContain('ok: model.ort is written in another order each time by ONNX Runtime')
  expect(same.input('compress')).toMatchObject({ seed: 5, target: 'ios', recipes: [recipe] })
  expect(same.input('exportBundle')).toMatchObject({ target: 'any', form: 'folder' })

  const said = { out: '', err: '' }
  const other = run(addVerify, [...args, '--json'], made('c'.repeat(64)), said)
  await expect(other).rejects.toMatchObject({ code: 'bundle/differs' })
  expect(JSON.parse(said.out)).toMatchObject({
    checks: [fine, { ok: false, message: expect.stringContaining('otherwise') as string }, { ok: true }],
  })
  await expect(run(addVerify, ['verify', 'b.zip', '--rebuild'], {})).rejects.toThrow('needs --original')
})
