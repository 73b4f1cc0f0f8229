/** The first layers patch by patch: the same answers in less RAM. */
import { describe, expect, test } from 'vitest'
import { generate } from '../../../../src/engine/export/c/generate'
import { timesOf } from '../../../../src/engine/export/c/program'
import { footprintOn } from '../../../../src/engine/export/footprint'
import { seeded } from '../../../../src/engine/math/random'
import type { Model } from '../../../../src/engine/onnx'
import { findPass } from '../../../../src/engine/passes'
import { float32, type Values } from '../../../../src/engine/runtime'
import { findTarget } from '../../../../src/engine/targets'
import { withRam, type Target } from '../../../../src/engine/targets/target'
import { Net } from '../../passes/pruning/build'
import { contextOf, noise } from '../../passes/quantization/support'
import { apart, compiler, runC, WITHOUT } from './support'

const SIGNAL = [1, 3, 90]

/** Two convolutions of one axis with edges, activations and pools of a width that patches do not share evenly. */
function signal(): Model {
  const net = new Net(2)
  const layer = (x: string, from: number, to: number, stride: number): string => {
    const conv = net.op('Conv', [x, net.weight([to, from, 7]), net.weight([to])], {
      pads: { ints: [3, 2] },
      strides: { ints: [stride] },
    })
    return net.op('MaxPool', [net.op('Relu', [conv])], {
      kernel_shape: { ints: [2] },
      strides: { ints: [2] },
    })
  }
  const a = layer(net.input('x', ['batch', ...SIGNAL.slice(1)]), 3, 8, 1)
  const b = net.op('Sigmoid', [layer(net.op('LeakyRelu', [a]), 8, 8, 2)])
  return net.head(net.op('Unsqueeze', [b, net.ints([3])]), 8).model
}

const IMAGE = [1, 2, 19, 16]

/** Planes: depthwise, moved by two, and an average of rows that lie whole on them. */
function image(): Model {
  const net = new Net(3)
  const a = net.op('Relu', [net.norm(net.conv(net.input('x', ['batch', ...IMAGE.slice(1)]), 2, 6, 3), 6)])
  const b = net.op('Mul', [net.conv(a, 6, 6, 5, { group: 6, stride: 2 }), net.weight([6, 1, 1])])
  const pooled = net.op('AveragePool', [b], {
    kernel_shape: { ints: [2, 3] },
    pads: { ints: [0, 1, 0, 1] },
    strides: { ints: [2, 2] },
  })
  return net.head(net.conv(pooled, 6, 4, 1), 4).model
}

const fed = (dims: readonly number[]): Values[] =>
  [1, 2].map((seed) => {
    const random = seeded(seed)
    const size = dims.reduce((a, b) => a * b, 1)
    return {
      x: float32(
        [...dims],
        Float32Array.from({ length: size }, () => random.normal()),
      ),
    }
  })

const inPatches = async (model: Model, ram: number): ReturnType<typeof generate> =>
  generate(model, 'model', undefined, ram)

describe.skipIf(!compiler)(`compiled and run${WITHOUT}`, () => {
  test.each([
    ['a signal', signal, SIGNAL],
    ['an image', image, IMAGE],
  ])('%s', async (_, build, dims) => {
    const whole = await generate(build(), 'model')
    const { most, made } = await apart(build(), fed(dims), undefined, 0)
    expect(most).toBeLessThan(1e-5)
    expect(made.program.steps[0]!.op).toBe('patches')
    expect(made.arenaBytes).toBeLessThan(0.7 * whole.arenaBytes)
    expect(made.macs).toBeGreaterThan(whole.macs)
  })

  test('codes of eight bits, whose padding is their zero point: to the last bit', async () => {
    const context = contextOf(signal(), { x: noise([32, ...SIGNAL.slice(1)]) })
    const { model } = await findPass('quantize-static').run(
      signal(),
      { calibration: 'min-max', maxLoss: 100 },
      context,
    )
    const made = await inPatches(model, 0)
    expect(
      timesOf(made.program.steps)
        .filter(({ times }) => times > 1)
        .map(({ step }) => step.op),
    ).toContain('conv_int_pool')
    expect(runC(made, fed(SIGNAL))).toEqual(runC(await generate(model, 'model'), fed(SIGNAL)))
  })
})

test('only as many patches as the RAM asks for', async () => {
  const whole = await generate(signal(), 'model')
  const [enough, less, least] = await Promise.all(
    [1e6, whole.arenaBytes + 2000, 0].map((ram) => inPatches(signal(), ram)),
  )
  expect(enough!.arenaBytes).toBe(whole.arenaBytes)
  expect(less!.arenaBytes).toBeLessThan(whole.arenaBytes)
  expect(least!.arenaBytes).toBeLessThan(less!.arenaBytes)
  expect(least!.macs).toBeGreaterThan(less!.macs)
})

test('a board runs in patches what is too much for its RAM, or for what a user leaves it', async () => {
  const ram = async (target: Target): Promise<number> => {
    const footprint = await footprintOn(signal(), target)
    return footprint && 'ramBytes' in footprint ? footprint.ramBytes : NaN
  }
  const board = findTarget('cortex-m4f')
  expect(await ram(withRam(board, 2000))).toBeLessThan(await ram(board))
})
