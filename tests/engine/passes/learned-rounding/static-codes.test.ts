import { expect, test } from 'vitest'
import {
  dequantizeChannels,
  quantizeChannels,
  type ChannelCodes,
} from '../../../../src/engine/math/quantize/channels'
import { Tensor, type Model } from '../../../../src/engine/onnx'
import { learnedCodes } from '../../../../src/engine/passes/learned-rounding/static-codes'
import { quantizeStatic } from '../../../../src/engine/passes/quantize-static'
import { findSites } from '../../../../src/engine/passes/quantization/sites'
import { float32 } from '../../../../src/engine/runtime'
import { Net } from '../pruning/build'
import { contextOf, fidelity, noise } from '../quantization/support'

/** Far from zero: rounding errors of weights add up to a shift, which rounding up here and down there avoids. */
const inputs = {
  x: float32(
    [256, 32],
    (noise([256, 32], 6, 0.3).data as Float32Array).map((v) => v + 2),
  ),
}

test('what is learned from nearest codes is closer to the original, on the same scales', async () => {
  const net = new Net(4)
  const x = net.input('x', [null, 32])
  const hidden = net.relu(net.op('MatMul', [x, net.weight([32, 24])]))
  net.output(net.gemm(hidden, 24, 8), 2)
  const { sites } = findSites(net.model.graph, { attention: false })
  const bits = 4
  const starts = new Map<string, ChannelCodes>()
  for (const { layer, weight } of sites) {
    const { tensor, axis } = weight!
    const how = { bits, signed: true, symmetric: true, axis, clip: 'max' } as const
    starts.set(layer, quantizeChannels(tensor.floats(), tensor.dims, how))
  }
  const context = contextOf(net.model, inputs)
  const learned = await learnedCodes(net.model, sites, starts, context, { bits, by: 'test' })
  expect(learned.layers).toBe(2)
  expect(learned.closer).toBeGreaterThan(0)

  const withCodes = (codes: ReadonlyMap<string, ChannelCodes>): Model => {
    const model = net.model.clone()
    for (const { layer, weight } of sites) {
      const { name, tensor, axis } = weight!
      const values = dequantizeChannels(codes.get(layer)!, tensor.dims, axis)
      model.graph.initializers.set(name, Tensor.float32(tensor.dims, values))
    }
    return model
  }
  const nearest = await fidelity(net.model, withCodes(starts), inputs)
  expect(await fidelity(net.model, withCodes(learned.codes), inputs)).toBeGreaterThan(nearest + 3)
  for (const [layer, { codes, scales }] of learned.codes) {
    expect(scales).toEqual(starts.get(layer)!.scales)
    // Up or down, no further; the lowest code stays unused.
    const moves = Array.from(codes, (code, i) => Math.abs(code - starts.get(layer)!.codes[i]!))
    expect(Math.max(...moves)).toBeLessThanOrEqual(1)
    expect(Math.min(...codes)).toBeGreaterThanOrEqual(-7)
  }
})

test.each(['adaptive', 'learned'])(
  '%s rounding: a bias that needs larger scales keeps them',
  async (rounding) => {
    const net = new Net(4)
    const tiny = net.weight([32, 24], 'w', 1e-9)
    const large = net.constant('b', Tensor.float32([24], new Float32Array(24).fill(5)))
    net.output(net.relu(net.op('Gemm', [net.input('x', [null, 32]), tiny, large])), 2)
    const options = { calibration: 'min-max', maxLoss: 100, rounding }
    const { model } = await quantizeStatic.run(net.model, options, contextOf(net.model, inputs))
    expect(await fidelity(net.model, model, inputs)).toBeGreaterThan(40)
  },
)

test.each(['adaptive', 'learned'])('%s rounding asks for a scale per channel', (rounding) => {
  const { model } = new Net(1)
  expect(() => quantizeStatic.check(model, { rounding, perChannel: false })).toThrow(/scale per channel/)
  expect(() => quantizeStatic.check(model, { rounding })).not.toThrow()
})
