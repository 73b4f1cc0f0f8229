/** Which neighbours are one with a convolution, held against the graph that ONNX Runtime makes of it. */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { expect, test } from 'vitest'
import { zerosBefore } from '../../../src/engine/layers/fuses'
import { normalize } from '../../../src/engine/layers/normalize'
import { readModel, Tensor, type Model, type Node } from '../../../src/engine/onnx'
import { withSession } from '../../../src/engine/runtime'
import { compareOutputs } from '../../../src/engine/evaluate/comparison/outputs'
import { noise } from '../passes/quantization/support'
import { Net } from '../passes/pruning/build'

/** Operators that are left where ONNX Runtime has fused what it fuses on any processor. */
async function runtimeOps(model: Model): Promise<string[]> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-fuses-'))
  try {
    const optimizedModelPath = path.join(folder, 'm.onnx')
    await withSession(model, { optimization: 'extended', optimizedModelPath }, () => Promise.resolve())
    return readModel(optimizedModelPath).graph.nodes.map(({ opType }) => opType)
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
  }
}

const wiringOf = ({ graph }: Model) => ({
  graph,
  consumers: graph.consumerMap(),
  producers: graph.producers(),
})

const X = { x: noise([2, 4, 9, 9]) }

/** A convolution behind a Pad that writes `value` around its input by `pads`. */
function padded(pads: readonly number[], value: number, mode = 'constant'): { model: Model; conv: Node } {
  const net = new Net(5)
  const filler = net.constant('value', Tensor.float32([], [value]))
  const inputs = [net.input('x', [null, 4, 9, 9]), net.ints(pads), filler]
  const around = net.op('Pad', inputs, { mode })
  const out = net.op('Conv', [around, net.weight([6, 4, 3, 3])], { pads: { ints: [1, 0, 0, 1] } })
  net.output(out, 4)
  return { model: net.model, conv: net.model.graph.producer(out)! }
}

test.each([
  ['zeros around a picture', [0, 0, 1, 2, 0, 0, 0, 1], 0, 'constant', true],
  ['zeros that are more channels', [0, 1, 0, 0, 0, -1, 0, 0], 0, 'constant', false],
  ['something else than zeros', [0, 0, 1, 1, 0, 0, 1, 1], 0.5, 'constant', false],
  ['what is at the edge', [0, 0, 1, 1, 0, 0, 1, 1], 0, 'edge', false],
  ['a crop', [0, 0, -1, 0, 0, 0, 0, 0], 0, 'constant', false],
] as const)('a Pad with %s before a convolution', async (_, pads, value, mode, fuses) => {
  const { model, conv } = padded(pads, value, mode)
  expect(zerosBefore(wiringOf(model), conv, model.opset) !== undefined).toBe(fuses)
  expect(!(await runtimeOps(model)).includes('Pad')).toBe(fuses)
  const { model: normal, notes } = normalize(model)
  expect(normal.graph.nodes.some((node) => node.is('Pad'))).toBe(!fuses)
  expect(notes.some((note) => note === '1 Pad folded into the convolutions behind')).toBe(fuses)
  expect((await compareOutputs(model, normal, X)).relative).toBeLessThan(1e-6)
})

test('a Pad that two read stays, and so does one before a convolution that pads itself', () => {
  const { model, conv } = padded([0, 0, 1, 1, 0, 0, 1, 1], 0)
  const shared = model.clone()
  shared.graph.outputs.push({ name: conv.inputs[0]!, dtype: 'float32', dims: [null, null, null, null] })
  expect(normalize(shared).model.graph.nodes.some((node) => node.is('Pad'))).toBe(true)
  conv.attributes.delete('pads')
  conv.set('auto_pad', 'SAME_UPPER')
  expect(normalize(model).model.graph.nodes.some((node) => node.is('Pad'))).toBe(true)
})
