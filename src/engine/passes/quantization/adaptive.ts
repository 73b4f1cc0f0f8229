/**
 * int8 weights rounded so that outputs, not weights, stay close: the scales are those of plain rounding, the
 * codes come from error spreading and coordinate descent on calibration data, without gradients.
 * Sources: arXiv:2004.10568 (AdaRound: why nearest is not best), arXiv:2210.17323, arXiv:2403.07134 (COMQ).
 */
import { quantizeChannels, type ChannelCodes } from '../../math/quantize/channels'
import { gptq } from '../../math/quantize/gptq'
import { transposed } from '../../math/quantize/rows'
import type { Model } from '../../onnx'
import type { Layer } from '../../layers/layer'
import { hessiansOf } from '../../layers/statistics/hessians'
import type { Batches } from '../../data/feeds'
import { matmul } from '../../runtime'
import type { F64Matrix } from '../../math/matrix'
import type { WeightOptions } from './static-weights'

interface AdaptiveOptions {
  bits: number
  clip: 'max' | 'mse'
  by: string
  progress(done: number, doing: string): void
}

/** Codes by layer, of those whose weight has a scale per output channel, laid out as the constant it comes from. */
export async function adaptiveCodes(
  model: Model,
  layers: readonly Layer[],
  batches: Batches,
  options: AdaptiveOptions,
): Promise<Map<string, ChannelCodes>> {
  const found = new Map<string, ChannelCodes>()
  const usable = new Map(
    layers.filter(({ scaleAxis }) => scaleAxis !== undefined).map((layer) => [layer.node, layer]),
  )
  for await (const hessians of hessiansOf(model, [...usable.keys()], batches))
    for (const [node, groups] of hessians) {
      options.progress(found.size / usable.size, `rounding layer ${found.size + 1} of ${usable.size}`)
      const layer = usable.get(node)!
      found.set(layer.name, await codesOf(layer, groups, options))
    }
  return found
}

/** Codes hold on the scales they were found for alone: a bias that needs larger ones takes its weight along. */
export const withCodes = (
  weights: WeightOptions,
  found: ReadonlyMap<string, ChannelCodes>,
): WeightOptions => ({
  ...weights,
  cache: new Map(),
  rounding({ name }, nearest) {
    const codes = found.get(name)
    return codes?.scales.every((scale, c) => scale === nearest.scales[c]) ? codes : undefined
  },
})

async function codesOf(
  layer: Layer,
  hessians: readonly F64Matrix[],
  options: AdaptiveOptions,
): Promise<ChannelCodes> {
  const { root, rootAxis: axis, rowsFirst } = layer
  const values = layer.rows(options.by)
  const { rows, cols } = layer.geometry
  const type = { bits: options.bits, signed: true, symmetric: true }
  const { scales, zeroPoints } = quantizeChannels(root.tensor.floats(), root.tensor.dims, {
    ...type,
    axis,
    clip: options.clip,
  })
  const middle = 2 ** (options.bits - 1)
  const perGroup = rows / hessians.length
  const codes = new Int8Array(values.length)
  for (const [g, hessian] of hessians.entries()) {
    const from = g * perGroup
    const shape = { rows: perGroup, cols, block: cols, bits: options.bits }
    const grids = {
      scales: scales.slice(from, from + perGroup),
      zeros: new Float32Array(perGroup).fill(middle),
    }
    const how = { method: 'rtn', symmetric: true, halfScales: false, damping: 0.01, sweeps: 2 } as const
    const part = await gptq(
      matmul,
      values.subarray(from * cols, (from + perGroup) * cols),
      shape,
      hessian,
      how,
      grids,
    )
    // The lowest code has no counterpart: leaving it out keeps the type symmetric.
    for (let i = 0; i < part.codes.length; i++) codes[from * cols + i] = Math.max(1, part.codes[i]!) - middle
  }
  return { codes: rowsFirst ? codes : transposed(codes, rows, cols), scales, zeroPoints }
}
