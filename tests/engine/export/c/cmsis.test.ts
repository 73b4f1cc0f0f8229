/**
 * C that calls CMSIS-NN: what of a model does and what does not; with Arm's sources (`PARE_CMSIS_NN`, a clone of
 * ARM-software/CMSIS-NN) its codes are those of the plain form.
 */
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { missing, runEmulated } from '../../../../bench/support/emulated-arm'
import { SINGLE_ROUNDING } from '../../../../src/engine/export/c/cmsis'
import { writeSources } from '../../../../src/engine/export/c/compiler'
import { generate, type Generated } from '../../../../src/engine/export/c/generate'
import { testSource } from '../../../../src/engine/export/c/test-source'
import { makeGolden } from '../../../../src/engine/export/golden'
import { stage } from '../../../../src/engine/export/stage'
import { writeModel, type Model } from '../../../../src/engine/onnx'
import { findPass } from '../../../../src/engine/passes'
import { contextOf, noise } from '../../passes/quantization/support'
import { findTarget } from '../../../../src/engine/targets'
import type { Values } from '../../../../src/engine/runtime'
import { Net } from '../../passes/pruning/build'
import { cmake, hasCMake, inFolder } from './cmake'
import { coded, separable } from './nets'
import { compiler, runC, SANITIZED } from './support'

const place = process.env.PARE_CMSIS_NN

/** Sources of the kernels and of what they call. */
const sources = (root: string): string[] =>
  ['Convolution', 'FullyConnected', 'Pooling', 'NNSupport'].flatMap((folder) => {
    const from = path.join(root, 'Source', `${folder}Functions`)
    return fs
      .readdirSync(from)
      .filter((name) => name.endsWith('.c') && !/f16|f32|flt|lstm|svdf/.test(name))
      .map((name) => path.join(from, name))
  })

const pooled = (net: Net, x: string, axes: number): string =>
  net.op('MaxPool', [x], {
    kernel_shape: { ints: axes === 1 ? [2] : [3, 2] },
    strides: { ints: axes === 1 ? [2] : [2, 1] },
    pads: { ints: axes === 1 ? [1, 0] : [1, 0, 1, 0] },
  })

/** Padding, strides, dilations, pools and products. */
function image(): Model {
  const net = new Net(4)
  const x = net.input('x', [1, 3, 13, 10])
  const a = pooled(net, net.relu(net.conv(x, 3, 8, 3, { stride: 2 })), 2)
  const b = net.relu(
    net.op('Conv', [a, net.weight([8, 1, 3, 3]), net.weight([8])], {
      group: { int: 8 },
      pads: { ints: [2, 2, 2, 2] },
      dilations: { ints: [2, 2] },
    }),
  )
  const c = net.conv(b, 8, 6, 1)
  const hidden = net.relu(net.gemm(net.op('Flatten', [c]), 6 * 4 * 4, 12))
  return net.output(net.relu(net.gemm(hidden, 12, 5)), 2).model
}

function signal(): Model {
  const net = new Net(6)
  const x = net.input('x', [1, 2, 40])
  const conv = (from: string, channels: number, stride: number): string =>
    net.relu(
      net.op('Conv', [from, net.weight([8, channels, 5]), net.weight([8])], {
        pads: { ints: [2, 2] },
        strides: { ints: [stride] },
      }),
    )
  return net.output(conv(pooled(net, conv(x, 2, 1), 1), 8, 2), 3).model
}

const sizesOf = (model: Model): number[] =>
  model.graph.inputs[0]!.dims!.map((dim) => (typeof dim === 'number' ? dim : 1))

async function quantized(model: Model): Promise<Model> {
  const context = contextOf(model, { x: noise(sizesOf(model)) })
  const params = { calibration: 'min-max', maxLoss: 100 }
  return (await findPass('quantize-static').run(model, params, context)).model
}

const both = async (model: Model): Promise<[plain: Generated, calls: Generated]> => [
  await generate(model, 'model'),
  await generate(model, 'model', undefined, undefined, { cmsis: true }),
]

const called = ({ program }: Generated): string[] =>
  program.steps.map(({ op }) => op).filter((op) => /^arm_|_int$|_int_pool$/.test(op))

const [CONV, DEPTHWISE, PRODUCT, POOL] = [
  'arm_convolve_wrapper_s8',
  'arm_depthwise_conv_wrapper_s8',
  'arm_fully_connected_wrapper_s8',
  'arm_max_pool_s8',
]

test('layers between codes are calls, and pools between those', async () => {
  const [, made] = await both(await quantized(image()))
  expect(called(made)).toEqual([CONV, POOL, DEPTHWISE, CONV, PRODUCT])
  expect(made.code).toContain('#include "arm_nnfunctions.h"')
  expect(called((await both(await quantized(signal())))[1])).toEqual([CONV, POOL, CONV])
})

test('weights that take less than a byte each stay with the loops that decode them', async () => {
  const few = coded(image(), (value) => Math.sign(value) / 8)
  const [plain, made] = await both(await quantized(few))
  expect(called(made)).toEqual(called(plain))
  expect(made.code).toEqual(plain.code)
})

test('a model in float32 calls nothing', async () => {
  const [plain, made] = await both(image())
  expect(made.code).toEqual(plain.code)
})

/** An exported folder that calls CMSIS-NN, of the image. */
async function exported(folder: string): Promise<{ out: string; messages: string[] }> {
  const model = path.join(folder, 'source.onnx')
  writeModel(await quantized(image()), model)
  const out = path.join(folder, 'bundle')
  fs.mkdirSync(out)
  const request = { model, name: 'net', target: findTarget('c'), goldenSamples: 1, cmsis: true }
  const { plan } = await stage(request, out)
  return { out, messages: plan.checks.map(({ message }) => message) }
}

test('an export says that what calls a library is not proven here', async () => {
  await inFolder(async (folder) => {
    const { out, messages } = await exported(folder)
    expect(messages.filter((one) => one.includes('not proven: it calls CMSIS-NN'))).toHaveLength(1)
    expect(fs.readFileSync(path.join(out, 'README.md'), 'utf8')).toContain(SINGLE_ROUNDING)
  })
})

describe.skipIf(!compiler || !hasCMake)('built by CMake', { timeout: 600_000 }, () => {
  test('without CMSIS-NN it says what it wants', async () => {
    await inFolder(async (folder) => {
      const { out } = await exported(folder)
      expect(cmake(path.join(out, 'c'))).toContain('-DCMSIS_NN=PATH')
    })
  })

  test.skipIf(!place)('with it, the golden samples pass', async () => {
    await inFolder(async (folder) => {
      const { out } = await exported(folder)
      expect(cmake(path.join(out, 'c'), `-DCMSIS_NN=${place}`)).toContain('100% tests passed')
    })
  })
})

describe.skipIf(!compiler || !place)('with the sources of CMSIS-NN', { timeout: 600_000 }, () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-cmsis-'))
  const include = ['-isystem', path.join(place ?? '', 'Include')]
  const single = `-D${SINGLE_ROUNDING}`
  const objects = (): string[] =>
    fs
      .readdirSync(folder)
      .filter((name) => name.endsWith('.o'))
      .map((name) => path.join(folder, name))
  beforeAll(() => {
    const { status, stderr } = spawnSync(
      compiler!,
      ['-c', '-O1', '-w', single, ...include, ...sources(place!)],
      {
        cwd: folder,
        encoding: 'utf8',
      },
    )
    if (status !== 0) throw new Error(stderr)
  }, 600_000)
  afterAll(() => fs.rmSync(folder, { recursive: true, force: true }))

  test.each([
    ['an image', image],
    ['a signal', signal],
    ['a depthwise-separable net', (): Model => separable()],
  ])('%s: every output of the plain form, here and on a Cortex-M4', async (_, build) => {
    const model = await quantized(build())
    const [plain, made] = await both(model)
    expect(called(made)).toContain(CONV)
    const samples = Array.from({ length: 20 }, (_, seed): Values => ({ x: noise(sizesOf(model), seed) }))
    expect(runC(made, samples, [...SANITIZED, ...include, ...objects()])).toEqual(runC(plain, samples))
    if (missing().length > 0) return
    const out = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-cmsis-m4-'))
    try {
      const file = path.join(out, 'model.onnx')
      writeModel(model, file)
      const golden = await makeGolden({ file, model, count: 3, integer: true })
      writeSources(made, 'model', out)
      fs.writeFileSync(path.join(out, 'test_model.c'), testSource(made, 'model', golden)!)
      const flags = [
        '-mcpu=cortex-m4',
        '-mthumb',
        '-Os',
        single,
        ...include,
        '-ffunction-sections',
        '-Wl,--gc-sections',
      ]
      const files = ['model.c', 'model_weights.c', 'test_model.c', ...sources(place!)]
      const { ok, stdout, stderr } = runEmulated(out, files, { name: 'mps2-an386', floats: false, flags })
      expect({ ok, stdout, stderr }).toEqual({
        ok: true,
        stdout: 'model: the outputs are as they should be\n',
        stderr: '',
      })
    } finally {
      fs.rmSync(out, { recursive: true, force: true })
    }
  })
})
