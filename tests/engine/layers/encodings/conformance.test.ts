/** Every encoding against ONNX Runtime: a layer that reads codes gives what it gives on the values they stand for. */
import { describe, expect, test } from 'vitest'
import {
  codeOperator,
  ENCODINGS,
  formFor,
  ownMethods,
  storages,
} from '../../../../src/engine/layers/encodings'
import type { WeightCodes } from '../../../../src/engine/layers/encodings/values'
import { CodeStore } from '../../../../src/engine/layers/encodings/store'
import { valuesOf } from '../../../../src/engine/layers/encodings/values'
import { weightedLayers } from '../../../../src/engine/layers/find'
import type { Layer } from '../../../../src/engine/layers/layer'
import { quantizeGroups, type GroupShape } from '../../../../src/engine/math/quantize/grouped'
import { GRID_NAMES, GRIDS, type GridName } from '../../../../src/engine/math/quantize/grids'
import { lowBit } from '../../../../src/engine/math/quantize/low-bit'
import { sqnr } from '../../../../src/engine/math/quantize/sqnr'
import { raiseOpset, type Model } from '../../../../src/engine/onnx'
import { int64, type Values } from '../../../../src/engine/runtime'
import { Net } from '../../passes/pruning/build'
import { noise, outputOf } from '../../passes/quantization/support'

interface Case {
  model: Model
  inputs: Values
}

const NETS: Record<string, () => Case> = {
  'MatMul [K, N]': () => {
    const net = new Net(1)
    net.output(net.op('MatMul', [net.input('x', [null, 96]), net.weight([96, 40])]), 2)
    return { model: net.model, inputs: { x: noise([5, 96]) } }
  },
  'MatMul of three dimensions': () => {
    const net = new Net(2)
    net.output(net.op('MatMul', [net.input('x', [2, null, 32]), net.weight([2, 32, 24])]), 3)
    return { model: net.model, inputs: { x: noise([2, 3, 32]) } }
  },
  'Gemm with a bias, ragged rows': () => {
    const net = new Net(3)
    net.output(net.gemm(net.input('x', [null, 70]), 70, 33), 2)
    return { model: net.model, inputs: { x: noise([5, 70]) } }
  },
  'Gemm, transB': () => {
    const net = new Net(4)
    net.output(net.op('Gemm', [net.input('x', [null, 64]), net.weight([24, 64])], { transB: { int: 1 } }), 2)
    return { model: net.model, inputs: { x: noise([5, 64]) } }
  },
  Conv: () => {
    const net = new Net(5)
    net.output(net.conv(net.input('x', [null, 3, 8, 8]), 3, 10, 3), 4)
    return { model: net.model, inputs: { x: noise([2, 3, 8, 8]) } }
  },
  'bidirectional LSTM': () => {
    const net = new Net(7)
    const weights = [net.weight([2, 64, 24]), net.weight([2, 64, 16])]
    const attributes = { hidden_size: { int: 16 }, direction: 'bidirectional' }
    net.output(net.op('LSTM', [net.input('x', [null, 1, 24]), ...weights], attributes), 4)
    return { model: net.model, inputs: { x: noise([5, 1, 24]) } }
  },
  'GRU with its state': () => {
    const net = new Net(8)
    const [x, state] = [net.input('x', [null, 2, 40]), net.input('state', [1, 2, 20])]
    const weights = [net.weight([1, 60, 40]), net.weight([1, 60, 20]), net.weight([1, 120], 'b', 0.3)]
    net.output(net.op('GRU', [x, ...weights, '', state], { hidden_size: { int: 20 } }), 4)
    return { model: net.model, inputs: { x: noise([4, 2, 40]), state: noise([1, 2, 20], 6) } }
  },
  'FusedMatMul, transB and a factor': () => {
    const net = new Net(9)
    net.model.importOpset('com.microsoft', 1)
    const attributes = { transB: { int: 1 }, alpha: { float: 0.5 } }
    const inputs = [net.input('x', [null, 64]), net.weight([24, 64])]
    net.output(net.op('FusedMatMul', inputs, attributes, 1, 'com.microsoft'), 2)
    return { model: net.model, inputs: { x: noise([5, 64]) } }
  },
  'FusedGemm with an activation': () => {
    const net = new Net(10)
    net.model.importOpset('com.microsoft', 1)
    const inputs = [net.input('x', [null, 64]), net.weight([64, 24])]
    net.output(net.op('FusedGemm', inputs, { activation: 'Relu' }, 1, 'com.microsoft'), 2)
    return { model: net.model, inputs: { x: noise([5, 64]) } }
  },
  'Attention of com.microsoft': () => {
    const net = new Net(11)
    net.model.importOpset('com.microsoft', 1)
    const inputs = [net.input('x', [null, 6, 32]), net.weight([32, 96]), net.weight([96], 'b', 0.3)]
    net.output(net.op('Attention', inputs, { num_heads: { int: 4 } }, 1, 'com.microsoft'), 3)
    return { model: net.model, inputs: { x: noise([2, 6, 32]) } }
  },
  embedding: () => {
    const net = new Net(6)
    net.output(net.op('Gather', [net.weight([50, 48]), net.input('ids', [null, 4], 'int64')]), 3)
    return { model: net.model, inputs: { ids: int64([2, 4], [0, 49, 7, 7, 1, 2, 3, 48]) } }
  },
}

const shapeOf = ({ geometry: { rows, cols } }: Layer, bits: number, block: number): GroupShape => ({
  rows,
  cols,
  block: Math.min(block, cols),
  bits,
})

const affine =
  (bits: number, method: GridName, block: number, symmetric = false) =>
  (layer: Layer) => {
    const options = { method, symmetric, halfScales: true }
    const grouped = quantizeGroups(layer.rows(), shapeOf(layer, bits, block), options)
    return { ...grouped, grouped }
  }

/** Those a method always takes, or some. */
const bitsOf = (method: GridName): readonly number[] => {
  const { bits } = GRIDS[method]
  return bits ? [bits] : [8, 4, 2]
}

const CODES: Record<string, (layer: Layer) => WeightCodes> = {
  ...Object.fromEntries(
    GRID_NAMES.flatMap((method) =>
      bitsOf(method).map((bits) => [`${bits} bits, ${method}`, affine(bits, method, 32)]),
    ),
  ),
  '3 bits, a scale a row': affine(3, 'mse', 4096),
  '8 bits around zero, a scale a row': affine(8, 'rtn', 4096, true),
  ...Object.fromEntries(
    (['tensor', 'channel'] as const).map((codebook) => [
      `codebook a ${codebook}`,
      (layer: Layer): WeightCodes =>
        lowBit({
          values: layer.rows(),
          shape: shapeOf(layer, 3, 4096),
          method: 'kmeans',
          symmetric: false,
          codebook,
        }),
    ]),
  ),
  ...Object.fromEntries(
    [...ownMethods()].map(([id, { bits, quantize }]) => [
      id,
      (layer: Layer) => quantize(layer.rows(), shapeOf(layer, bits, 32)),
    ]),
  ),
}

/** Bytes of all constants. */
const bytesOf = ({ graph }: Model): number =>
  [...graph.initializers.values()].reduce((sum, { byteLength }) => sum + byteLength, 0)

/** The net with the layer's values in place, and with its codes. */
async function both(
  net: Case,
  codesOf: (layer: Layer) => WeightCodes,
  storage: string,
  keepsPacked: boolean,
) {
  const float = net.model.clone()
  const [before] = weightedLayers(float.graph)
  const codes = codesOf(before!)
  float.graph.initializers.set(before!.weight, before!.withRows(valuesOf(codes)))
  const form = formFor(before!, codes, storage, keepsPacked)
  const lifted = raiseOpset(net.model, form.opset?.(codes) ?? 0)
  const coded = lifted === net.model ? lifted.clone() : lifted
  const [layer] = weightedLayers(coded.graph)
  form.write(new CodeStore(coded), layer!, codes, layer!.input)
  coded.graph.sort()
  coded.graph.prune()
  const config = { qdq_matmulnbits_accuracy_level: '0' }
  return {
    form,
    codes,
    coded,
    others: bytesOf(net.model) - before!.root.tensor.byteLength,
    decibel: sqnr(await outputOf(float, net.inputs), await outputOf(coded, net.inputs, { config })),
  }
}

describe.each(Object.keys(NETS))('%s', (net) => {
  describe.each(Object.keys(CODES))('%s', (how) => {
    test.each(storages())('as %s gives what its values give', async (storage) => {
      const { decibel, form, codes, coded, others } = await both(NETS[net]!(), CODES[how]!, storage, true)
      expect(decibel).toBeGreaterThan(90)
      expect(form.storage === 'plain' || storage === 'auto' || form.storage === storage).toBe(true)
      // What the weight became, and beside its codes shapes and tables of bytes.
      const constants = bytesOf(coded) - others
      expect(form.bytes(codes)).toBeGreaterThanOrEqual(Math.floor((codes.codes.length * codes.bits) / 8))
      expect(constants - form.bytes(codes)).toBeGreaterThanOrEqual(0)
      expect(constants - form.bytes(codes)).toBeLessThan(4096)
    })
  })

  test('where com.microsoft does not run, no operator of it is written', async () => {
    for (const how of Object.keys(CODES)) {
      const { coded } = await both(NETS[net]!(), CODES[how]!, 'auto', false)
      const before = NETS[net]!().model.graph.nodes.map(({ opType }) => opType)
      const added = coded.graph.nodes.filter(({ opType }) => !before.includes(opType))
      expect(added.every(({ domain }) => domain === '')).toBe(true)
    }
  })
})

test('every way of writing weights is among these cases', () => {
  const missing = new Set(ENCODINGS.flatMap(({ weights = [] }) => weights))
  for (const net of Object.values(NETS)) {
    const [layer] = weightedLayers(net().model.graph)
    for (const codesOf of Object.values(CODES))
      for (const storage of storages()) missing.delete(formFor(layer!, codesOf(layer!), storage, true))
  }
  expect([...missing]).toEqual([])
})

test('matrices stay packed where the runtime reads them so', async () => {
  const opOf = async (how: string): Promise<string> => {
    const { coded } = await both(NETS['MatMul [K, N]']!(), CODES[how]!, 'auto', true)
    return coded.graph.nodes.map(({ opType }) => opType).join()
  }
  expect(await opOf('4 bits, rtn')).toContain('MatMulNBits')
  expect(await opOf('4 bits, hqq')).toContain('MatMulNBits')
  expect(await opOf('nf4')).toContain('MatMulBnb4')
  expect(await opOf('3 bits, a scale a row')).not.toContain('MatMulNBits')
})

test('an encoding says what it is, and its operators are known by it', () => {
  for (const { id, title, summary, sources, operators = [] } of ENCODINGS) {
    expect(id).toMatch(/^[a-z0-9-]+$/)
    expect([title, summary, ...sources].every((text) => text.length > 2)).toBe(true)
    for (const { op, domain = '' } of operators) {
      const net = new Net(1)
      net.model.graph.addNode({ opType: op, domain, inputs: [], outputs: ['y'] })
      expect(codeOperator(net.model.graph.nodes.at(-1)!)?.op).toBe(op)
    }
  }
  expect(new Set(ENCODINGS.map(({ id }) => id)).size).toBe(ENCODINGS.length)
})
