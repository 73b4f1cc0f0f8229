/** Normalizations and the softmax family. Source: ONNX Operators.md. */
import { sizeOf } from '../../../onnx'
import type { Lower, Site } from '../lowering'
import type { Buffer } from '../program'
import { literal } from '../types'
import { around } from './reduce'
import { axisOf } from './layout'

const float = (value: number): string => literal('float32', value)

function floating(site: Site): Buffer {
  const x = site.input(0)
  if (x.dtype !== 'float32') site.fail(`is only known for float32, not for ${x.dtype}.`)
  return x
}

/** Axes of a softmax: one from operator set 13 on, all from the axis on before. */
function softmaxAxes(site: Site, rank: number): number[] {
  if (site.opset >= 13) return [axisOf(site.node.int('axis', -1), rank)]
  const axis = axisOf(site.node.int('axis', 1), rank)
  return Array.from({ length: rank - axis }, (_, i) => axis + i)
}

const largest = (inner: (statement: (from: string) => string, name?: string) => string): string =>
  `float most = -INFINITY;\n${inner((from) => `if (a0[${from}] > most) most = a0[${from}];`, 'j')}`

const softmax =
  (isLog: boolean): Lower =>
  (site) => {
    const x = floating(site)
    const body = around(x.dims, softmaxAxes(site, x.dims.length), (_, inner) =>
      isLog
        ? `${largest(inner)}
float t = 0;
${inner((from) => `t += expf(a0[${from}] - most);`)}
t = logf(t) + most;
${inner((from) => `y0[${from}] = a0[${from}] - t;`, 'l')}`
        : `${largest(inner)}
float t = 0;
${inner((from) => `{ const float v = expf(a0[${from}] - most); y0[${from}] = v; t += v; }`)}
t = 1.0f / t;
${inner((from) => `y0[${from}] *= t;`, 'l')}`,
    )
    site.step({ reads: [x], writes: [site.output()], body, inPlace: [0] })
  }

const hardmax: Lower = (site) => {
  const x = floating(site)
  const body = around(
    x.dims,
    softmaxAxes(site, x.dims.length),
    (_, inner) => `${largest(inner)}
int32_t found = 0;
${inner((from) => `{ const int32_t hit = found == 0 && a0[${from}] == most; y0[${from}] = hit ? 1.0f : 0.0f; found |= hit; }`)}`,
  )
  site.step({ reads: [x], writes: [site.output()], body })
}

interface Groups {
  /** Axes of a group. */
  axes: number[]
  /** Dims to walk over, where they are not those of the input. */
  dims?: readonly number[]
  /** Whether the mean is taken away, or only the size divided by. */
  centred: boolean
  epsilon: string
  /** Index into scale and bias for an element at (place, order in the group, number of the group). */
  scale?: (order: string, group: string) => string
  bias?: boolean
  /** MeanVarianceNormalization adds its epsilon to the deviation. */
  outside?: boolean
}

/** y = (x − mean) / √(variance + ε) · scale + bias over groups. Second moments are those of what is centred. */
function normalized(
  site: Site,
  x: Buffer,
  { axes, dims = x.dims, centred, epsilon, scale, bias, outside }: Groups,
): void {
  const count = float(axes.reduce((product, axis) => product * dims[axis]!, 1))
  const reads = [x, ...(scale ? [site.input(1)] : []), ...(bias ? [site.input(2)] : [])]
  const [mean, deviation] = [site.outputs[1], site.outputs[2]]
  const body = around(dims, axes, (group, inner) => {
    const weighted = (order: string): string =>
      scale ? ` * a1[${scale(order, group)}]${bias ? ` + a2[${scale(order, group)}]` : ''}` : ''
    return [
      'float mean = 0, square = 0;',
      ...(centred ? [inner((from) => `mean += a0[${from}];`, 'j'), `mean /= ${count};`] : []),
      inner((from) => `{ const float v = a0[${from}] - mean; square += v * v; }`),
      outside
        ? `const float r = 1.0f / (sqrtf(square / ${count}) + ${epsilon});`
        : `const float r = 1.0f / sqrtf(square / ${count} + ${epsilon});`,
      inner((from, order) => `y0[${from}] = (a0[${from}] - mean) * r${weighted(order)};`, 'l'),
      ...(mean ? [`y1[${group}] = mean;`] : []),
      ...(deviation ? [`y2[${group}] = r;`] : []),
    ].join('\n')
  })
  const more = [mean, deviation].filter((one) => one !== undefined)
  site.step({ reads, writes: [site.output(), ...more], body, inPlace: [0] })
}

const from = (axis: number, rank: number): number[] => Array.from({ length: rank - axis }, (_, i) => axis + i)

const layerNorm: Lower = (site) => {
  const x = floating(site)
  const axis = axisOf(site.node.int('axis', -1), x.dims.length)
  const size = sizeOf(x.dims.slice(axis))
  if (sizeOf(site.input(1).dims) !== size) site.fail('has scales that are broadcast.')
  const isRms = site.node.opType === 'RMSNormalization'
  normalized(site, x, {
    axes: from(axis, x.dims.length),
    centred: !isRms,
    epsilon: float(site.node.float('epsilon', 1e-5)),
    scale: (order) => order,
    bias: site.inputs[2] !== undefined,
  })
}

const instanceNorm: Lower = (site) => {
  const x = floating(site)
  const channels = x.dims[1]!
  normalized(site, x, {
    axes: from(2, x.dims.length),
    centred: true,
    epsilon: float(site.node.float('epsilon', 1e-5)),
    scale: (_, group) => `(${group}) % ${channels}`,
    bias: true,
  })
}

const groupNorm: Lower = (site) => {
  const x = floating(site)
  const groups = site.node.int('num_groups', 1)
  const [n, channels] = x.dims as [number, number]
  const plane = sizeOf(x.dims.slice(2))
  const each = channels / groups
  // Scales of a group each, before operator set 21; of a channel each since.
  const ofGroups = sizeOf(site.input(1).dims) === groups && groups !== channels
  normalized(site, x, {
    dims: [n, groups, each, plane],
    axes: [2, 3],
    centred: true,
    epsilon: float(site.node.float('epsilon', 1e-5)),
    scale: (order, group) =>
      ofGroups ? `(${group}) % ${groups}` : `(${group}) % ${groups} * ${each} + (${order}) / ${plane}`,
    bias: true,
  })
}

const meanVariance: Lower = (site) => {
  const x = floating(site)
  const axes = (site.node.ints('axes') ?? [0, 2, 3]).map((axis) => axisOf(axis, x.dims.length))
  normalized(site, x, { axes, centred: true, epsilon: '1e-9f', outside: true })
}

const batchNorm: Lower = (site) => {
  const x = floating(site)
  if (site.node.int('training_mode', 0)) site.fail('is in training mode.')
  const [channels, plane] = [x.dims[1] ?? 1, sizeOf(x.dims.slice(2))]
  const body = `for (int32_t i = 0; i < ${sizeOf(x.dims)}; i++) {
  const int32_t c = i / ${plane} % ${channels};
  y0[i] = (a0[i] - a3[c]) / sqrtf(a4[c] + ${float(site.node.float('epsilon', 1e-5))}) * a1[c] + a2[c];
}`
  site.step({
    reads: [x, ...[1, 2, 3, 4].map((slot) => site.input(slot))],
    writes: [site.output()],
    body,
    inPlace: [0],
  })
}

const lpNorm: Lower = (site) => {
  const x = floating(site)
  const axis = axisOf(site.node.int('axis', -1), x.dims.length)
  const isOne = site.node.int('p', 2) === 1
  const body = around(
    x.dims,
    [axis],
    (_, inner) => `float t = 0;
${inner((at) => (isOne ? `t += fabsf(a0[${at}]);` : `t += a0[${at}] * a0[${at}];`))}
${isOne ? '' : 't = sqrtf(t);\n'}${inner((at) => `y0[${at}] = t == 0.0f ? 0.0f : a0[${at}] / t;`, 'l')}`,
  )
  site.step({ reads: [x], writes: [site.output()], body, inPlace: [0] })
}

const lrn: Lower = (site) => {
  const x = floating(site)
  const { node } = site
  const [n, channels] = x.dims as [number, number]
  const plane = sizeOf(x.dims.slice(2))
  const size = node.int('size', 1)
  const scale = float(node.float('alpha', 1e-4) / size)
  const body = `for (int32_t b = 0; b < ${n}; b++)
  for (int32_t c = 0; c < ${channels}; c++)
    for (int32_t i = 0; i < ${plane}; i++) {
      const float *x = a0 + b * ${channels * plane} + i;
      float t = 0;
      for (int32_t k = c - ${Math.floor((size - 1) / 2)}; k <= c + ${Math.ceil((size - 1) / 2)}; k++)
        if (k >= 0 && k < ${channels}) t += x[k * ${plane}] * x[k * ${plane}];
      y0[(b * ${channels} + c) * ${plane} + i] = x[c * ${plane}] / powf(${float(node.float('bias', 1))} + ${scale} * t, ${float(node.float('beta', 0.75))});
    }`
  site.step({ reads: [x], writes: [site.output()], body })
}

export const NORMALIZE: Record<string, Lower> = {
  Softmax: softmax(false),
  LogSoftmax: softmax(true),
  Hardmax: hardmax,
  LayerNormalization: layerNorm,
  RMSNormalization: layerNorm,
  InstanceNormalization: instanceNorm,
  GroupNormalization: groupNorm,
  MeanVarianceNormalization: meanVariance,
  BatchNormalization: batchNorm,
  LpNormalization: lpNorm,
  LRN: lrn,
}
