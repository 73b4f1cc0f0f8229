/** Calls of CMSIS-NN's kernels of 8 bits, and codes turned for them. Source: Arm, CMSIS-NN 7 (arm_nnfunctions.h). */
import { sizeOf } from '../../../onnx'
import type { Lower, Site } from '../lowering'
import type { Buffer } from '../program'
import { cType } from '../types'
import { fixedPoint } from './integer'

/** Sizes of the buffers below hold for chips without Helium. */
const HEADER = `#if defined(__ARM_FEATURE_MVE)
#error "Written for CMSIS-NN on chips without the vector extension of Armv8.1-M."
#endif
#include "arm_nnfunctions.h"`

/** In an array by places, and in the order of the model. */
const BY_PLACES = 'p * channels + c'
const AS_THEY_ARE = 'c * places + p'

/** Codes in the order of the model become signed ones by places, or the other way round. */
const turn =
  (from: string, to: string, sign: '-' | '+'): Lower =>
  (site) => {
    const { node } = site
    const [x, y] = [site.input(0), site.output()]
    const [places, channels] = [node.int('places', 1), node.int('channels', 1)]
    const zero = node.int('zero', 0)
    const code = `a0[${from}]${zero === 0 ? '' : ` ${sign} ${zero}`}`
    site.step({
      reads: [x],
      writes: [y],
      params: [
        ['places', places],
        ['channels', channels],
      ],
      body: `for (int32_t p = 0; p < places; p++)
  for (int32_t c = 0; c < channels; c++) y0[${to}] = (${cType(y.dtype)!})(${code});`,
      ...(places === 1 || channels === 1 ? { inPlace: [0] } : {}),
    })
  }

/** {width, height} of a list [height, width]. */
const tile = (site: Site, name: string): string => `{${[...site.node.ints(name)!].reverse().join(', ')}}`
const dims = (list: readonly number[]): string => `{${list.join(', ')}}`
const limits = ({ node }: Site): string => `{${node.int('low', -128)}, ${node.int('high', 127)}}`
const offsets = ({ node }: Site, more = ''): string =>
  `${-node.int('xZero', 0)}, ${more}${node.int('yZero', 0)}`

/** Multipliers and shifts to the left, one an output. */
function scales(site: Site): Buffer[] {
  const points = site.node.floats('multipliers')!.map(fixedPoint)
  const { name } = site.input(1)
  const table = (what: string, values: number[]): Buffer =>
    site.fixed(`${what} of ${name}`, 'int32', [points.length], values)
  return [
    table(
      'multipliers',
      points.map(({ multiplier }) => multiplier),
    ),
    table(
      'shifts',
      points.map(({ shift }) => 31 - shift),
    ),
  ]
}

interface Call {
  kernel: string
  /** Declarations of `params`, `scales` and, but for pools, the sizes of the filter. */
  declared: string
  filter: readonly number[]
  /** Bytes that the kernel wants to work in. */
  work: number
  macs: number
}

function call(site: Site, { kernel, declared, filter, work, macs }: Call): void {
  const [x, y] = [site.input(0), site.output()]
  const sizes = ({ dims: list }: Buffer): string =>
    dims(list.length === 4 ? list : [sizeOf(list) / list.at(-1)!, 1, 1, list.at(-1)!])
  const hasWeights = site.node.inputs.length > 1
  const operands = hasWeights
    ? '&params, &scales, &in, a0, &filter, a1, &bias, a2, &out, y0'
    : '&params, &in, a0, &filter, &out, y0'
  const scratch = work > 0 ? [site.temporary('uint8', [work])] : []
  site.step({
    op: kernel,
    reads: hasWeights ? [x, site.input(1), site.input(2), ...scales(site)] : [x],
    writes: [y],
    scratch,
    helpers: [HEADER],
    macs,
    body: `const cmsis_nn_context work = {${work > 0 ? 's0' : '0'}, ${work}};
${declared}
const cmsis_nn_dims in = ${sizes(x)}, filter = ${dims(filter)}, out = ${sizes(y)};${hasWeights ? `\nconst cmsis_nn_dims bias = {1, 1, 1, ${y.dims.at(-1)}};` : ''}
(void)${kernel}(&work, ${operands});`,
  })
}

const PER_CHANNEL = 'const cmsis_nn_per_channel_quant_params scales = {(int32_t *)a3, (int32_t *)a4};'

const convolution =
  (isDepthwise: boolean): Lower =>
  (site) => {
    const [inputs, outputs] = [site.input(0).dims.at(-1)!, site.output().dims.at(-1)!]
    const [height, width] = site.node.ints('kernel') as [number, number]
    const taps = height * width
    const more = isDepthwise ? `${outputs / inputs}, ` : ''
    const params = `${-site.node.int('xZero', 0)}, ${site.node.int('yZero', 0)}, ${more}${tile(site, 'strides')}, ${tile(site, 'before')}, ${tile(site, 'dilations')}, ${limits(site)}`
    call(site, {
      kernel: `arm_${isDepthwise ? 'depthwise_conv' : 'convolve'}_wrapper_s8`,
      declared: `const cmsis_nn_${isDepthwise ? 'dw_' : ''}conv_params params = {${params}};\n${PER_CHANNEL}`,
      filter: isDepthwise ? [1, height, width, outputs] : [outputs, height, width, inputs],
      // Two columns of elements of 16 bits, each padded to a multiple of four.
      work: isDepthwise ? 2 * inputs * taps : 4 * 4 * Math.ceil((inputs * taps) / 4),
      macs: sizeOf(site.output().dims) * taps * (isDepthwise ? 1 : inputs),
    })
  }

const product: Lower = (site) => {
  const [outputs, inputs] = site.input(1).dims as [number, number]
  call(site, {
    kernel: 'arm_fully_connected_wrapper_s8',
    declared: `const cmsis_nn_fc_params params = {${offsets(site, '0, ')}, ${limits(site)}};
const cmsis_nn_quant_params scales = {(int32_t *)a3, (int32_t *)a4, 1};`,
    filter: [inputs, 1, 1, outputs],
    work: 0,
    macs: sizeOf(site.output().dims) * inputs,
  })
}

const pool: Lower = (site) =>
  call(site, {
    kernel: 'arm_max_pool_s8',
    declared: `const cmsis_nn_pool_params params = {${tile(site, 'strides')}, ${tile(site, 'before')}, ${limits(site)}};`,
    filter: [1, ...site.node.ints('kernel')!, 1],
    work: 0,
    macs: 0,
  })

export const CMSIS: Record<string, Lower> = {
  'pare.Signed': turn(AS_THEY_ARE, BY_PLACES, '-'),
  'pare.Plain': turn(BY_PLACES, AS_THEY_ARE, '+'),
  'pare.CmsisConv': convolution(false),
  'pare.CmsisDepthwise': convolution(true),
  'pare.CmsisProduct': product,
  'pare.CmsisPool': pool,
}
