/** Matrix products. Source: ONNX Gemm, MatMul. */
import { gemmTerms } from '../../../layers/kinds/matrix'
import { transposed } from '../../../math/quantize/rows'
import { sizeOf } from '../../../onnx'
import { floatArithmetic, type Arithmetic } from '../kernels/arithmetic'
import { productKernel } from '../kernels/product'
import { sparseProductKernel } from '../kernels/sparse'
import { broadcastDims, broadcastStrides, nest } from '../loops'
import type { Lower, Site } from '../lowering'
import type { Buffer } from '../program'
import { size, UNLIMITED } from '../sharing'
import { cType, literal } from '../types'
import { weightsOf, type Weights } from '../weights'

interface Dense {
  x: Buffer
  /** [outputs, inputs]. */
  weight: Float32Array
  name: string
  inputs: number
  outputs: number
  bias?: { buffer: Buffer; perOutput: boolean }
}

/** Reads of weights, and a place for the sums that a walk over sparse ones keeps at once. */
export const weightOperands = (
  site: Site,
  weights: Weights,
  sums: number,
  dtype: 'float32' | 'int32',
): { reads: Buffer[]; scratch?: Buffer[]; params: (readonly [string, number])[] } =>
  'sparse' in weights
    ? {
        reads: weights.sparse.reads,
        ...(sums > 0 && { scratch: [site.temporary(dtype, [sums])] }),
        params: [['entries', weights.sparse.entries]],
      }
    : { reads: weights.dense.reads, params: [] }

/** One row of elements is added up in a register. */
export const sumsOf = (rows: number): number => (rows === 1 ? 0 : rows)

/** Rows of elements times a weight. */
export const productBody = (
  weights: Weights,
  arithmetic: Arithmetic,
  { rows, outputs, inputs }: { rows: number; outputs: number; inputs: number },
): string =>
  'sparse' in weights
    ? sparseProductKernel(weights.sparse, arithmetic, rows)
    : productKernel(weights.dense, arithmetic, { outputs, inputs })

/** With a constant weight. */
function dense(site: Site, { x, weight, name, inputs, outputs, bias }: Dense): void {
  const rows = sizeOf(x.dims) / Math.max(1, inputs)
  const weights = weightsOf(site, name, weight, inputs, bias ? 2 : 1)
  const arithmetic = floatArithmetic(weights, (o) => bias && `a1[${bias.perOutput ? o : '0'}]`)
  const { reads, params, scratch } = weightOperands(site, weights, sumsOf(rows), 'float32')
  site.step({
    op: 'sparse' in weights ? 'sparse_product' : 'product',
    reads: [x, ...(bias ? [bias.buffer] : []), ...reads],
    writes: [site.output()],
    params: [['rows', rows], ['outputs', outputs], ['inputs', inputs], ...params],
    floats: UNLIMITED,
    body: productBody(weights, arithmetic, { rows, outputs, inputs }),
    macs: rows * inputs * outputs,
    ...(scratch && { scratch }),
  })
}

/** Any two matrices, batches broadcast. */
function matrices(site: Site, a: Buffer, b: Buffer): void {
  const y = site.output()
  const [left, right] = [
    a.dims.length === 1 ? [1, ...a.dims] : a.dims,
    b.dims.length === 1 ? [...b.dims, 1] : b.dims,
  ]
  const [m, k, n] = [left.at(-2)!, left.at(-1)!, right.at(-1)!]
  const batch = broadcastDims([left.slice(0, -2), right.slice(0, -2)])
  const strides = (dims: readonly number[], size: number): number[] =>
    broadcastStrides(dims.slice(0, -2), batch).map((stride) => stride * size)
  const walks = [
    strides(left, m * k),
    strides(right, k * n),
    broadcastStrides(batch, batch).map((stride) => stride * m * n),
  ]
  const type = cType(y.dtype)!
  const body = nest(
    batch,
    walks.map((one) => ({ strides: one })),
    ([i, j, o]) => `for (int32_t r = 0; r < ${size(m)}; r++)
  for (int32_t c = 0; c < ${size(n)}; c++) {
    ${type} t = 0;
    for (int32_t q = 0; q < ${size(k)}; q++) t = (${type})(t + a0[${i} + r * ${size(k)} + q] * a1[${j} + q * ${size(n)} + c]);
    y0[${o} + r * ${size(n)} + c] = t;
  }`,
    'b',
  )
  site.step({ op: 'matmul', reads: [a, b], writes: [y], body, macs: sizeOf(batch) * m * k * n })
}

const matMul: Lower = (site) => {
  const [a, b] = [site.input(0), site.input(1)]
  const weight = site.constant(1)
  if (weight?.dtype !== 'float32' || weight.dims.length !== 2 || a.dtype !== 'float32')
    return matrices(site, a, b)
  const [inputs, outputs] = weight.dims as [number, number]
  dense(site, { x: a, weight: transposed(weight.floats(), inputs, outputs), name: b.name, inputs, outputs })
}

const gemm: Lower = (site) => {
  const { node } = site
  const [a, b, c] = [site.input(0), site.input(1), site.inputs[2]]
  const y = site.output()
  const [rows, outputs] = y.dims as [number, number]
  const { transA, transB, alpha, beta } = gemmTerms(node)
  const inputs = a.dims[transA ? 0 : 1]!
  const weight = site.constant(1)
  const perOutput = c !== undefined && c.dims.at(-1) === outputs
  const isBias = c === undefined || (sizeOf(c.dims) === outputs && perOutput) || sizeOf(c.dims) === 1
  if (weight?.dtype === 'float32' && !transA && alpha === 1 && (beta === 1 || !c) && isBias) {
    const values = transB ? weight.floats() : transposed(weight.floats(), inputs, outputs)
    const bias = c && { buffer: c, perOutput: sizeOf(c.dims) > 1 }
    return dense(site, { x: a, weight: values, name: b.name, inputs, outputs, ...(bias && { bias }) })
  }
  const type = cType(y.dtype)!
  const strides = c ? broadcastStrides(c.dims, y.dims) : []
  const scaled = (factor: number, value: string): string =>
    factor === 1 ? value : `${literal(y.dtype, factor)} * ${value}`
  const added = c ? ` + ${scaled(beta, `a2[r * ${strides[0]} + o * ${strides[1]}]`)}` : ''
  const body = `for (int32_t r = 0; r < ${rows}; r++)
  for (int32_t o = 0; o < ${outputs}; o++) {
    ${type} t = 0;
    for (int32_t k = 0; k < ${inputs}; k++)
      t += a0[${transA ? `k * ${rows} + r` : `r * ${inputs} + k`}] * a1[${transB ? `o * ${inputs} + k` : `k * ${outputs} + o`}];
    y0[r * ${outputs} + o] = (${type})(${scaled(alpha, 't')}${added});
  }`
  site.step({ reads: c ? [a, b, c] : [a, b], writes: [y], body, macs: rows * outputs * inputs })
}

export const PRODUCT: Record<string, Lower> = { MatMul: matMul, Gemm: gemm }
