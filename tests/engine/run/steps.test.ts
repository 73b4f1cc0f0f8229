import fs from 'node:fs'
import path from 'node:path'
import { beforeEach, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { PareError } from '../../../src/contract/errors'
import { definePass, type Pass } from '../../../src/engine/passes/pass'
import { readModel, writeModel } from '../../../src/engine/onnx'
import { passCache, type PassCache } from '../../../src/engine/run/pass-cache'
import { RunFolder } from '../../../src/engine/run/checkpoints'
import { hashFile } from '../../../src/engine/onnx/hash-file'
import { failureOf } from '../../../src/engine/runtime/failure'
import { applyRecipe, chainKeys, type RecipeOutcome } from '../../../src/engine/run/steps'
import { outputCheck } from '../../../src/engine/run/verify'
import { place, scaled, type Place } from './support'
import { findTarget } from '../../../src/engine/targets'

/** Which passes ran, in order, in this process. */
const ran: string[] = []
let failing: (() => Error) | undefined

vi.mock('../../../src/engine/passes', () => {
  const factor = z.number().default(2).meta({ label: 'Factor', help: 'What the weights are multiplied by.' })
  const simple = (id: string, act: (factor: number) => number, needs: 'labels'[] = []): Pass =>
    definePass({
      id,
      title: `The ${id} pass`,
      family: 'clean-up',
      role: 'normalizes',
      after: id === 'scale' ? ['fail'] : [],
      summary: 'Scales.',
      sources: [],
      needs,
      params: z.object({
        factor,
        student: z.string().default('').meta({ label: 'Student', help: 'Another model.' }),
      }),
      async run(model, params, context) {
        ran.push(id)
        fs.writeFileSync(path.join(context.scratch, 'note'), 'kept while the pass is not finished')
        if (id === 'fail' && failing) throw failing()
        context.progress(1)
        context.stopRequested?.()
        return { model: scaled(model, act(params.factor)), summary: `${id} ×${params.factor}` }
      },
    })
  const passes = [
    simple('scale', (value) => value),
    simple('spoil', () => NaN),
    simple('fail', (value) => value),
    simple('learn', (value) => value, ['labels']),
  ]
  return {
    PASSES: passes,
    findPass: (id: string) => {
      const found = passes.find((pass) => pass.id === id)
      if (!found) throw new PareError('pass/unknown', { pass: id, known: passes.map((pass) => pass.id) })
      return found
    },
  }
})

beforeEach(() => {
  ran.length = 0
  failing = undefined
})

const recipe = (...steps: (string | [string, unknown])[]) => ({
  pare: 1 as const,
  name: 'test',
  description: '',
  steps: steps.map((step) =>
    typeof step === 'string' ? { pass: step, params: {} } : { pass: step[0], params: { factor: step[1] } },
  ),
})

async function apply(
  { folder, original, data }: Place,
  steps: ReturnType<typeof recipe>,
  more: { cache?: PassCache; stopRequested?(): boolean } = {},
): Promise<RecipeOutcome> {
  const about = { path: original, bytes: 1, sha256: hashFile(original) }
  const run = RunFolder.open(folder, { original: about, target: 'any' }, true)
  return applyRecipe({
    run,
    original,
    recipe: steps,
    basis: 'basis',
    data,
    seed: 0,
    check: await outputCheck(original, data, {}),
    settings: { providers: ['cpu'], target: findTarget('any') },
    signal: new AbortController().signal,
    begin: () => () => undefined,
    reuse: () => undefined,
    end: () => undefined,
    ...more,
  })
}

const weights = (file: string): number[] =>
  Array.from(readModel(file).graph.initializers.get('w')!.values() as Float32Array)

/** The factor by which the first weight grew. */
const growth = (place: Place, file: string): number => weights(file)[0]! / weights(place.original)[0]!

test('passes apply in order and the user’s file stays as it was', async () => {
  const at = await place()
  const before = fs.readFileSync(at.original)
  const outcome = await apply(at, recipe(['scale', 2], ['scale', 3]))
  expect(outcome.steps.map(({ summary }) => summary)).toEqual(['scale ×2', 'scale ×3'])
  expect(growth(at, outcome.model)).toBeCloseTo(6, 5)
  expect(fs.readFileSync(at.original).equals(before)).toBe(true)
})

test('what is finished is not done again', async () => {
  const at = await place()
  await apply(at, recipe(['scale', 2], ['scale', 3]))
  ran.length = 0
  const again = await apply(at, recipe(['scale', 2], ['scale', 3], ['scale', 5]))
  expect(ran).toEqual(['scale'])
  expect(growth(at, again.model)).toBeCloseTo(30, 4)
  expect(again.steps.map(({ summary }) => summary)).toEqual(['scale ×2', 'scale ×3', 'scale ×5'])
})

test('another run goes on from the leading passes that are the same: changing the last of three runs one', async () => {
  const at = await place()
  const cache = passCache(path.join(at.folder, 'cache'))
  const inRun = (name: string): Place => ({ ...at, folder: path.join(at.folder, name) })
  await apply(inRun('first'), recipe(['scale', 2], ['scale', 3], ['scale', 5]), { cache })
  ran.length = 0
  const other = await apply(inRun('second'), recipe(['scale', 2], ['scale', 3], ['scale', 7]), { cache })
  expect(ran).toEqual(['scale'])
  expect(growth(at, other.model)).toBeCloseTo(42, 4)
  expect(other.steps.map(({ summary }) => summary)).toEqual(['scale ×2', 'scale ×3', 'scale ×7'])

  // What lies there is held against its hash: nothing damaged is gone on from.
  for (const name of fs.readdirSync(path.join(at.folder, 'cache')).filter((one) => one.endsWith('.onnx')))
    fs.truncateSync(path.join(at.folder, 'cache', name), 10)
  ran.length = 0
  const third = await apply(inRun('third'), recipe(['scale', 2], ['scale', 3], ['scale', 7]), { cache })
  expect(ran).toEqual(['scale', 'scale', 'scale'])
  expect(growth(at, third.model)).toBeCloseTo(42, 4)
})

test('what failed, was ended early or follows such a pass is for no other run', async () => {
  const at = await place()
  const cache = passCache(path.join(at.folder, 'cache'))
  const inRun = (name: string): Place => ({ ...at, folder: path.join(at.folder, name) })
  const cut = { cache, stopRequested: () => true }
  await apply(inRun('first'), recipe(['scale', 2], 'spoil', ['scale', 3]), { cache })
  await apply(inRun('second'), recipe(['scale', 5], ['scale', 3]), cut)
  await apply(inRun('second'), recipe(['scale', 5], ['scale', 3], ['scale', 7]), { cache })
  const kept = fs.readdirSync(path.join(at.folder, 'cache')).filter((name) => name.endsWith('.json'))
  // The first pass of the first run alone.
  expect(kept).toHaveLength(1)
})

test('a model that a pass names is part of what it does', async () => {
  const at = await place()
  const student = path.join(at.folder, 'student.onnx')
  fs.mkdirSync(at.folder, { recursive: true })
  fs.copyFileSync(at.original, student)
  const steps = { ...recipe(), steps: [{ pass: 'scale', params: { student } }] }
  const [before] = chainKeys('basis', steps)
  writeModel(scaled(readModel(at.original), 2), student)
  expect(chainKeys('basis', steps)).not.toEqual([before])
})

test('other parameters or another order are other work', async () => {
  const at = await place()
  await apply(at, recipe(['scale', 2], ['scale', 3]))
  ran.length = 0
  await apply(at, recipe(['scale', 2], ['scale', 4]))
  expect(ran).toEqual(['scale'])
  ran.length = 0
  await apply(at, recipe(['scale', 3], ['scale', 2]))
  expect(ran).toEqual(['scale', 'scale'])
})

test('a damaged checkpoint is noticed and redone from the one before', async () => {
  const at = await place()
  const { model } = await apply(at, recipe(['scale', 2], ['scale', 3]))
  const bytes = fs.readFileSync(model)
  bytes[bytes.length >> 1]! ^= 0x40
  fs.writeFileSync(model, bytes)
  ran.length = 0
  const again = await apply(at, recipe(['scale', 2], ['scale', 3]))
  expect(ran).toEqual(['scale'])
  expect(growth(at, again.model)).toBeCloseTo(6, 5)
})

test('checkpoints cut short, all of them, send the run back to the start', async () => {
  const at = await place()
  await apply(at, recipe(['scale', 2], ['scale', 3]))
  const folder = path.join(at.folder, 'checkpoints')
  for (const name of fs.readdirSync(folder)) fs.truncateSync(path.join(folder, name), 10)
  ran.length = 0
  const again = await apply(at, recipe(['scale', 2], ['scale', 3]))
  expect(ran).toEqual(['scale', 'scale'])
  expect(growth(at, again.model)).toBeCloseTo(6, 5)
})

test.each(['', '{', '{"pare":1}', 'null', '{"pare":1,"original":{},"checkpoints":"no"}'])(
  'a run.json of %j starts the run anew',
  async (text) => {
    const at = await place()
    await apply(at, recipe(['scale', 2]))
    fs.writeFileSync(path.join(at.folder, 'run.json'), text)
    ran.length = 0
    expect(growth(at, (await apply(at, recipe(['scale', 2]))).model)).toBeCloseTo(2, 5)
    expect(ran).toEqual(['scale'])
  },
)

test('a pass that breaks the model is undone and said so; the run goes on', async () => {
  const at = await place()
  const outcome = await apply(at, recipe(['scale', 2], 'spoil', ['scale', 3]))
  expect(outcome.steps.map(({ failed }) => failed ?? false)).toEqual([false, true, false])
  expect(outcome.steps[1]).toMatchObject({ error: { code: 'pass/broke-model' } })
  expect(outcome.steps[1]!.summary).toContain('no longer finite')
  expect(growth(at, outcome.model)).toBeCloseTo(6, 5)
})

test('a failed pass stays failed when the run is resumed', async () => {
  const at = await place()
  await apply(at, recipe(['scale', 2], 'spoil'))
  ran.length = 0
  const again = await apply(at, recipe(['scale', 2], 'spoil', ['scale', 3]))
  expect(ran).toEqual(['scale'])
  expect(growth(at, again.model)).toBeCloseTo(6, 5)
})

test('a pass after one that should follow it runs all the same, and says so', async () => {
  const [first, late] = (await apply(await place(), recipe(['scale', 2], 'fail'))).steps
  expect(first!.summary).toBe('scale ×2')
  expect(late!.failed).toBeUndefined()
  expect(late!.summary).toContain('The fail pass comes after The scale pass')
  const steps = (await apply(await place(), recipe('fail', ['scale', 2]))).steps
  expect(steps.map(({ summary }) => summary)).toEqual(['fail ×2', 'scale ×2'])
})

test('when no pass worked the first reason is thrown', async () => {
  await expect(apply(await place(), recipe('spoil'))).rejects.toMatchObject({ code: 'pass/broke-model' })
})

test('a pass that needs labels says so where there are none', async () => {
  const outcome = await apply(await place(), recipe(['scale', 2], 'learn'))
  expect(outcome.steps[1]).toMatchObject({
    failed: true,
    error: { code: 'data/labels-missing', by: 'The learn pass' },
  })
})

test('a full disk stops the run, and it goes on from there', async () => {
  const at = await place()
  failing = () => new PareError('disk/full', { path: 'model.onnx', needed: 9 })
  await expect(apply(at, recipe(['scale', 2], 'fail', ['scale', 3]))).rejects.toMatchObject({
    code: 'disk/full',
  })
  expect(fs.readdirSync(path.join(at.folder, 'scratch'))).toHaveLength(1)
  failing = undefined
  ran.length = 0
  const again = await apply(at, recipe(['scale', 2], 'fail', ['scale', 3]))
  expect(ran).toEqual(['fail', 'scale'])
  expect(growth(at, again.model)).toBeCloseTo(12, 4)
  expect(fs.readdirSync(path.join(at.folder, 'scratch'))).toEqual([])
})

test('an unexpected error of a pass is recorded with its words', async () => {
  failing = () => new TypeError('x is not a function')
  const outcome = await apply(await place(), recipe(['scale', 2], 'fail'))
  expect(outcome.steps[1]).toMatchObject({
    failed: true,
    error: { code: 'internal', reason: 'x is not a function' },
  })
})

test('unknown passes and bad parameters are refused before any work', async () => {
  const at = await place()
  await expect(apply(at, recipe(['scale', 2], 'nope'))).rejects.toMatchObject({ code: 'pass/unknown' })
  await expect(apply(at, recipe(['scale', 'two']))).rejects.toMatchObject({
    code: 'pass/bad-parameter',
    data: { parameter: 'factor' },
  })
  expect(ran).toEqual([])
})

test.each([
  [new Error('std::bad_alloc'), 'engine/out-of-memory'],
  [new RangeError('Array buffer allocation failed'), 'engine/out-of-memory'],
  [new Error('Failed to allocate memory for requested buffer of size 4096'), 'engine/out-of-memory'],
  [new Error('wrong shape'), 'internal'],
])('%s is %s', (thrown, code) => {
  expect(failureOf(thrown, 'calibration').code).toBe(code)
})
