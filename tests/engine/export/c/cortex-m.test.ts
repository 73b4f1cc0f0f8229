/** The exported folder on an emulated Cortex-M3: its own test program says that the outputs are as they should be. */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { stage } from '../../../../src/engine/export/stage'
import { writeModel, type Model } from '../../../../src/engine/onnx'
import { findPass } from '../../../../src/engine/passes'
import { findTarget } from '../../../../src/engine/targets'
import { withRam } from '../../../../src/engine/targets/target'
import { Net } from '../../passes/pruning/build'
import { contextOf, noise } from '../../passes/quantization/support'
import { missing } from '../../../../bench/support/emulated-arm'
import { runOnCortexM } from './cortex-m'
import { coded, separable } from './nets'

const lacks = missing()
const WITHOUT = lacks.length > 0 ? ` (left out: this machine has no ${lacks.join(' and no ')})` : ''

function recurrent(): Model {
  const net = new Net(3)
  const x = net.input('x', [8, 1, 5])
  const [, last] = net.ops(
    'LSTM',
    [x, net.weight([1, 24, 5]), net.weight([1, 24, 6]), net.weight([1, 48])],
    { hidden_size: { int: 6 } },
    2,
  )
  return net.output(last!, 3).model
}

function chain(): Model {
  const net = new Net(2)
  const wide = net.op('Relu', [net.conv(net.input('x', ['batch', 3, 16, 16]), 3, 8, 3)])
  return net.head(net.op('Relu', [net.conv(wide, 8, 8, 3, { stride: 2 })]), 8).model
}

const quantized = async (): Promise<Model> => {
  const float = separable()
  const context = contextOf(float, { x: noise([32, 3, 16, 16]) })
  return (await findPass('quantize-static').run(float, { calibration: 'min-max', maxLoss: 100 }, context))
    .model
}

const IN_PATCHES = 'its first layers in patches'

const NETS: Record<string, () => Model | Promise<Model>> = {
  float32: separable,
  int8: quantized,
  '4 bits': () => coded(separable(), (value) => Math.max(-7, Math.min(7, Math.round(value * 10))) / 8),
  'pruned and shared': () =>
    coded(separable(), (value, i) => (i % 7 ? 0 : Math.fround(Math.sin(Math.round(value * 5))))),
  [IN_PATCHES]: chain,
  'an LSTM': recurrent,
}

describe.skipIf(lacks.length > 0)(`on a Cortex-M3${WITHOUT}`, () => {
  test.each(Object.entries(NETS))('%s', async (name, build) => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-cortex-'))
    try {
      const model = path.join(folder, 'source.onnx')
      writeModel(await build(), model)
      const out = path.join(folder, 'bundle')
      fs.mkdirSync(out)
      const target = withRam(findTarget('c'), name === IN_PATCHES ? 1 : undefined)
      const { plan } = await stage({ model, name: 'net', target, goldenSamples: 2 }, out)
      expect(fs.readFileSync(path.join(out, 'c', 'model.c'), 'utf8').includes('patch')).toBe(
        name === IN_PATCHES,
      )
      expect(plan.checks.filter(({ severity }) => severity === 'error')).toEqual([])
      const ran = runOnCortexM(path.join(out, 'c'), ['model.c', 'model_weights.c', 'test_model.c'])
      expect(ran).toEqual({ ok: true, text: 'model: the outputs are as they should be\n' })
    } finally {
      fs.rmSync(folder, { recursive: true, force: true })
    }
  })
})
