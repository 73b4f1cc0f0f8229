/**
 * Dense linear algebra on ONNX Runtime's kernels: a 1024³ product takes about 7 ms there against 2.3 s in
 * plain JavaScript. Source: ONNX Gemm.
 */
import { like, type Floats, type MatMul, type Matrix } from '../math/matrix'
import { Model, type DType } from '../onnx'
import { BY_TURNS, openSession, type Session } from './session'
import type { Value } from './value'

/** Below this many multiplications the call into ONNX Runtime costs more than the product. */
const PLAIN_BELOW = 40_000

/** A small product in plain code, any other in ONNX Runtime's Gemm. */
export const matmul: MatMul = async (a, b, { transA = false, transB = false } = {}) => {
  const [rows, inner] = transA ? [a.cols, a.rows] : [a.rows, a.cols]
  const [innerB, cols] = transB ? [b.cols, b.rows] : [b.rows, b.cols]
  if (inner !== innerB) throw new RangeError(`cannot multiply ${rows}×${inner} with ${innerB}×${cols}`)
  if (rows * inner * cols < PLAIN_BELOW) return plainMatmul(a, b, rows, inner, cols, transA, transB)
  const session = await kernel(dtypeOf(a.data), transA, transB)
  const { c } = await session.run({ a: toValue(a), b: toValue(b) })
  return { rows, cols, data: c!.data as typeof a.data }
}

function plainMatmul<T extends Floats>(
  a: Matrix<T>,
  b: Matrix<T>,
  rows: number,
  inner: number,
  cols: number,
  transA: boolean,
  transB: boolean,
): Matrix<T> {
  const out = like(a.data, rows * cols)
  const [aRow, aCol] = transA ? [1, a.cols] : [a.cols, 1]
  const [bRow, bCol] = transB ? [1, b.cols] : [b.cols, 1]
  for (let r = 0; r < rows; r++)
    for (let c = 0; c < cols; c++) {
      let sum = 0
      for (let k = 0; k < inner; k++) sum += a.data[r * aRow + k * aCol]! * b.data[k * bRow + c * bCol]!
      out[r * cols + c] = sum
    }
  return { rows, cols, data: out }
}

const dtypeOf = (data: Floats): DType => (data instanceof Float64Array ? 'float64' : 'float32')

const toValue = (m: Matrix): Value => ({ dtype: dtypeOf(m.data), dims: [m.rows, m.cols], data: m.data })

/** One session for each product there is, kept for the life of the process. */
const kernels = new Map<string, Promise<Session>>()

function kernel(dtype: DType, transA: boolean, transB: boolean): Promise<Session> {
  const key = `${dtype} ${transA} ${transB}`
  let session = kernels.get(key)
  if (!session) kernels.set(key, (session = openSession(productModel(dtype, transA, transB), BY_TURNS)))
  return session
}

function productModel(dtype: DType, transA: boolean, transB: boolean): Model {
  const model = new Model()
  model.opsets.set('', 13)
  const dims = [null, null]
  model.graph.inputs = ['a', 'b'].map((name) => ({ name, dtype, dims }))
  model.graph.outputs = [{ name: 'c', dtype, dims }]
  model.graph.addNode({
    opType: 'Gemm',
    inputs: ['a', 'b'],
    outputs: ['c'],
    attributes: { transA: { int: Number(transA) }, transB: { int: Number(transB) } },
  })
  return model
}
