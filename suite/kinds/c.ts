/** ONNX's backend tests as C: generated, compiled and run, against the outputs that are stored with them. */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import {
  compile,
  findCompiler,
  harness,
  runHarness,
  STRICT,
  writeSources,
} from '../../src/engine/export/c/compiler'
import { generate } from '../../src/engine/export/c/generate'
import { Unsupported } from '../../src/engine/export/c/unsupported'
import { decodeModel, type Model, type Tensor } from '../../src/engine/onnx'
import { withSession } from '../../src/engine/runtime'
import { fromTensor, type Values } from '../../src/engine/runtime/value'
import { GoldenArchive, valuesOf, withWeights } from '../support/golden'
import { difference } from '../support/judge'
import { verdictOf, type Outcome, type Suite } from '../support/suite'

/** Of an output's largest magnitude: sums in another order, and float32 where a test wants double. */
const TOLERANCE = 1e-3

let archive: GoldenArchive | undefined
const opened = (shared: string): GoldenArchive =>
  (archive ??= new GoldenArchive(path.join(shared, 'suites', 'onnx-backend.zip')))

/** As it is; where an operator wants settings that the test feeds, with those as constants. */
async function tryTest(shared: string, unit: string): Promise<Outcome> {
  const golden = opened(shared).read(unit)
  const { inputs, outputs } = golden
  if (!inputs || !outputs) return { verdict: 'refused', code: 'no-tensors' }
  const model = decodeModel(golden.model, `${unit}.onnx`)
  const outcome = await tryModel(model, valuesOf(inputs), outputs)
  if (!outcome.detail?.includes('to be a constant')) return outcome
  const weighted = withWeights(model, inputs)
  return weighted ? tryModel(weighted, valuesOf(inputs), outputs) : outcome
}

async function tryModel(
  model: Model,
  inputs: Values,
  expected: ReadonlyMap<string, Tensor>,
): Promise<Outcome> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-suite-c-'))
  try {
    const emitted = await generate(model, 'model', inputs)
    writeSources(emitted, 'model', folder)
    fs.writeFileSync(path.join(folder, 'main.c'), harness(new Map([['model', emitted]])))
    const compiler = findCompiler()
    if (!compiler) return { verdict: 'refused', code: 'no-compiler' }
    const flags = [...STRICT, '-O1', '-fsanitize=address,undefined', '-fno-sanitize-recover=all']
    const sources = ['model.c', 'model_weights.c']
    const built = compile(compiler, folder, [...sources, 'main.c'], 'main', flags)
    if (!built.ok) return { verdict: 'wrong', detail: built.text }
    const ran = runHarness(path.join(folder, 'main'), [emitted], [[0, inputs]])
    if (!Array.isArray(ran)) return { verdict: 'wrong', detail: ran.reason }
    const strays = [...expected].flatMap(([name, tensor]) => {
      const got = ran[0]![name]
      const apart = got ? difference(fromTensor(tensor), got) : 0
      return apart <= TOLERANCE ? [] : [`${name} by ${apart.toPrecision(3)}`]
    })
    if (strays.length === 0) return { verdict: 'ok' }
    const detail = strays.join(', ')
    return (await isTheRuntimes(model, inputs, ran[0]!))
      ? { verdict: 'refused', code: 'runtime-differs', detail }
      : { verdict: 'wrong', detail }
  } catch (thrown) {
    return thrown instanceof Unsupported
      ? { verdict: 'refused', code: 'no-c', detail: thrown.message }
      : verdictOf(thrown)
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
  }
}

/** C is held against ONNX Runtime wherever it is exported; what that gives otherwise than a test, C gives so too. */
const isTheRuntimes = (model: Model, inputs: Values, got: Values): Promise<boolean> =>
  withSession(model, { optimization: 'disabled' }, async (session) =>
    Object.entries(await session.run(inputs)).every(
      ([name, value]) => !got[name] || difference(value, got[name]) <= TOLERANCE,
    ),
  )

export const suite: Suite = {
  isLarge: true,
  about: "ONNX's backend tests as C, compiled and run",
  limit: 120,
  units: async (shared) => opened(shared).names,
  run: async (unit, step, { shared }) => void (await step('c', () => tryTest(shared, unit))),
}
