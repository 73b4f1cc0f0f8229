/**
 * Nets by forms, each with the golden samples of its own test program: clean under every warning, as 32 bits with
 * sanitizers, by clang too where it is there, and on an emulated Cortex-M3. `PARE_CELLS=all` for large nets in forms whose tables take seconds to compile.
 */
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { missing } from '../../../../bench/support/emulated-arm'
import { compile, findCompiler, STRICT, writeSources } from '../../../../src/engine/export/c/compiler'
import { generate } from '../../../../src/engine/export/c/generate'
import { testSource } from '../../../../src/engine/export/c/test-source'
import { makeGolden } from '../../../../src/engine/export/golden'
import { stage } from '../../../../src/engine/export/stage'
import { readModel, writeModel, type Model } from '../../../../src/engine/onnx'
import { findPass } from '../../../../src/engine/passes'
import { workingFeeds } from '../../../../src/engine/runtime'
import { findTarget } from '../../../../src/engine/targets'
import { withRam } from '../../../../src/engine/targets/target'
import { reference } from '../../../reference'
import { Net } from '../../passes/pruning/build'
import { contextOf, noise } from '../../passes/quantization/support'
import { runOnCortexM } from './cortex-m'
import { separable } from './nets'
import { compiler, linked, SANITIZED, WITHOUT } from './support'

const lacks = missing()
const WITHOUT_BOARD =
  lacks.length > 0 ? ` (not on a Cortex-M: this machine has no ${lacks.join(' and no ')})` : ''

const CLANG = compiler !== 'clang' && findCompiler(['clang'])
/** As 32 bits where it can, and by clang, where it is another, which warns of other things. */
const COMPILERS: readonly (readonly [command: string, flags: readonly string[]])[] = [
  [compiler!, [...SANITIZED, ...linked(compiler, ['-m32'])]],
  ...(CLANG ? [[CLANG, linked(CLANG, SANITIZED)] as const] : []),
]

function recurrent(): Model {
  const net = new Net(3)
  const x = net.input('x', [8, 1, 12])
  const weights = [net.weight([1, 64, 12]), net.weight([1, 64, 16]), net.weight([1, 128])]
  const [, last] = net.ops('LSTM', [x, ...weights], { hidden_size: { int: 16 } }, 2)
  return net.output(last!, 3).model
}

function chain(): Model {
  const net = new Net(2)
  const wide = net.relu(net.conv(net.input('x', ['batch', 3, 16, 16]), 3, 8, 3))
  return net.head(net.relu(net.conv(wide, 8, 8, 3, { stride: 2 })), 8).model
}

type Passes = readonly (readonly [pass: string, params: Record<string, unknown>])[]

const codes = (bits: number): Passes => [['quantize-weights', { bits, method: 'rtn', maxLoss: 100 }]]
const SHARED: Passes = [['share-weights', { bits: 4 }]]
const FORMS: Record<string, Passes> = {
  float32: [],
  int8: [['quantize-static', { calibration: 'min-max', maxLoss: 100 }]],
  '4 bits': codes(4),
  'a codebook': SHARED,
  'pruned, with a codebook': [['prune-weights', { sparsity: 0.8, method: 'magnitude' }], ...SHARED],
}
/** The form of the smallest source. */
const SMALLEST = ['pruned, with a codebook']

/** Of the folder beside the checkout; undefined without it. */
const file = (...parts: string[]): (() => Model) | undefined =>
  fs.existsSync(reference(...parts)) ? () => readModel(reference(...parts)) : undefined

interface Tested {
  build: (() => Model) | undefined
  forms?: readonly string[]
  int8?: Passes
}

const large = process.env.PARE_CELLS === 'all' ? {} : { forms: SMALLEST }
const NETS: Record<string, Tested> = {
  'LeNet-5': { build: file('models', 'lenet5_legacy.onnx'), ...large },
  'a 1-D CNN': { build: file('models', 'cnn1d_bn_legacy.onnx'), ...large },
  'a control MLP': { build: file('models', 'mlp.onnx') },
  'a depthwise-separable net': { build: () => separable(32) },
  // What is recurrent has no integer arithmetic: codes of 8 bits are decoded.
  'an LSTM': { build: recurrent, int8: codes(8) },
  'a wake word': { build: file('..', 'zoo', 'models', 'oww_jarvis.onnx'), ...large },
  ...(process.env.PARE_CELLS === 'all' && {
    'the embedding of a wake word': { build: file('..', 'zoo', 'models', 'oww_embed.onnx') },
  }),
}

async function compressed(build: () => Model, passes: Passes): Promise<Model> {
  let model = build()
  const [name, { dims }] = Object.entries(await workingFeeds(model))[0]!
  const isBatched = model.graph.inputs[0]!.dims?.[0] !== dims[0]
  const context = contextOf(
    model,
    { [name]: noise(isBatched ? dims.with(0, 8) : dims) },
    { target: findTarget('c') },
  )
  for (const [pass, params] of passes) ({ model } = await findPass(pass).run(model, params, context))
  return model
}

const prefixOf = (form: string): string => `m_${form.replaceAll(/[^a-z0-9]+/g, '_')}`

/** Test programs of models side by side, as functions of one program. */
async function programs(models: ReadonlyMap<string, Model>, folder: string): Promise<string[]> {
  const prefixes = [...models.keys()].map(prefixOf)
  for (const [form, model] of models) {
    const prefix = prefixOf(form)
    const source = path.join(folder, 'model.onnx')
    writeModel(model, source)
    const made = await generate(model, prefix)
    writeSources(made, prefix, folder)
    const golden = await makeGolden({ file: source, model, count: 2, integer: form === 'int8' })
    const program = testSource(made, prefix, golden)!.replace('int main(void)', `int test_${prefix}(void)`)
    fs.writeFileSync(path.join(folder, `test_${prefix}.c`), `int test_${prefix}(void);\n${program}`)
  }
  const main = `${prefixes.map((prefix) => `int test_${prefix}(void);`).join('\n')}
int main(void)
{
  return ${prefixes.map((prefix) => `test_${prefix}()`).join(' + ')};
}
`
  fs.writeFileSync(path.join(folder, 'main.c'), main)
  return [
    'main.c',
    ...prefixes.flatMap((prefix) => [`${prefix}.c`, `${prefix}_weights.c`, `test_${prefix}.c`]),
  ]
}

describe.skipIf(!compiler)(`compiled and run${WITHOUT}${WITHOUT_BOARD}`, () => {
  for (const [name, { build, forms = Object.keys(FORMS), int8 }] of Object.entries(NETS))
    test.skipIf(!build)(`${name}: ${forms.join('; ')}`, { timeout: 600_000 }, async () => {
      const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-cortex-'))
      try {
        const models = new Map<string, Model>()
        for (const form of forms)
          models.set(form, await compressed(build!, form === 'int8' && int8 ? int8 : FORMS[form]!))
        const files = await programs(models, folder)
        const right = forms.map((form) => `${prefixOf(form)}: the outputs are as they should be\n`).join('')
        for (const [command, flags] of COMPILERS) {
          const built = compile(command, folder, files, 'tests', [...STRICT, ...flags])
          expect(built).toEqual({ ok: true, text: '' })
          const { stdout, stderr } = spawnSync(path.join(folder, 'tests'), { encoding: 'utf8' })
          expect({ stdout, stderr }).toEqual({ stdout: right, stderr: '' })
        }
        if (lacks.length === 0) expect(runOnCortexM(folder, files)).toEqual({ ok: true, text: right })
      } finally {
        fs.rmSync(folder, { recursive: true, force: true })
      }
    })
})

test.skipIf(lacks.length > 0)(
  `an exported folder runs on a Cortex-M3, its first layers in patches${WITHOUT_BOARD}`,
  async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-cortex-'))
    try {
      const model = path.join(folder, 'source.onnx')
      writeModel(chain(), model)
      const out = path.join(folder, 'bundle')
      fs.mkdirSync(out)
      const target = withRam(findTarget('c'), 1)
      const { plan } = await stage({ model, name: 'net', target, goldenSamples: 2 }, out)
      expect(fs.readFileSync(path.join(out, 'c', 'model.c'), 'utf8')).toContain('patch')
      expect(plan.checks.filter(({ severity }) => severity === 'error')).toEqual([])
      const ran = runOnCortexM(path.join(out, 'c'), ['model.c', 'model_weights.c', 'test_model.c'])
      expect(ran).toEqual({ ok: true, text: 'model: the outputs are as they should be\n' })
    } finally {
      fs.rmSync(folder, { recursive: true, force: true })
    }
  },
)
