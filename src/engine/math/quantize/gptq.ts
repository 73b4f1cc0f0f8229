import type { Matrix, MatMul, F64Matrix } from '../matrix'
import { choleskyDamped, choleskyOfInverse, choleskySolve } from '../cholesky'
import {
  blockGrid,
  blocksOf,
  emptyCodes,
  topCode,
  type GroupedCodes,
  type GroupOptions,
  type GroupShape,
} from './grouped'
import { codeOf, valueOf, type BlockGrid } from './grids/grid'

interface ErrorSpreading extends GroupOptions {
  /** Share of the mean diagonal added to the Hessian's. */
  damping: number
  /** Sweeps of coordinate descent afterwards. */
  sweeps: number
}

const PANEL = 64

/**
 * `values` [rows, cols]; `hessian` = XᵀX of the layer's inputs [cols, cols], which is not changed. Columns are
 * taken in the order of falling diagonals (act-order), grids come from the weights as they were unless given.
 */
export async function gptq(
  matmul: MatMul,
  values: Float32Array,
  shape: GroupShape,
  hessian: F64Matrix,
  options: ErrorSpreading,
  grids?: Pick<GroupedCodes, 'scales' | 'zeros'>,
): Promise<GroupedCodes> {
  const { rows, cols, bits } = shape
  const out = grids ? { ...emptyCodes(shape), ...grids } : withGrids(values, shape, options)
  const blocks = blocksOf(shape)
  const order = byFallingDiagonal(hessian)
  const h = permuted(hessian, order)
  const { l } = await choleskyDamped(matmul, h, options.damping)
  const upper = await choleskyOfInverse(matmul, l)
  const work = permutedColumns(values, rows, order)
  const grid: BlockGrid = { scale: 1, zero: 0 }
  const top = topCode(bits, options.method)
  for (let from = 0; from < cols; from += PANEL) {
    const to = Math.min(cols, from + PANEL)
    const errors = new Float64Array(rows * (to - from))
    for (let j = from; j < to; j++) {
      const column = order[j]!
      const pivot = upper.data[j * cols + j]!
      for (let r = 0; r < rows; r++) {
        const group = r * blocks + Math.floor(column / shape.block)
        grid.scale = out.scales[group]!
        grid.zero = out.zeros[group]!
        const w = work[r * cols + j]!
        const code = codeOf(w, grid, top)
        out.codes[r * cols + column] = code
        const error = (w - valueOf(code, grid)) / pivot
        errors[r * (to - from) + j - from] = error
        for (let k = j + 1; k < to; k++) work[r * cols + k]! -= error * upper.data[j * cols + k]!
      }
    }
    if (to < cols) await spread(matmul, work, rows, cols, errors, upper, from, to)
  }
  if (options.sweeps > 0) await refine(matmul, out, values, hessian, options)
  return out
}

/**
 * Weights [rows, cols] that give with the inputs X̂ there will be what `values` gave with X: least squares, shrunk towards
 * `values` by `damping` times the mean of X̂ᵀX̂'s diagonal. `drift` is X̂ᵀ(X − X̂). Source: arXiv:2504.02692, §3.
 */
export async function withDrift(
  matmul: MatMul,
  values: Float32Array,
  { xx, drift }: { xx: F64Matrix; drift: F64Matrix },
  damping: number,
): Promise<Float32Array> {
  const cols = xx.rows
  const { l } = await choleskyDamped(matmul, xx, damping)
  const share = await choleskySolve(matmul, l, drift)
  const weights = { rows: values.length / cols, cols, data: Float64Array.from(values) }
  const { data } = await matmul(weights, share, { transB: true })
  return values.map((w, i) => w + data[i]!)
}

function withGrids(values: Float32Array, shape: GroupShape, options: GroupOptions): GroupedCodes {
  const out = emptyCodes(shape)
  const { rows, cols, block, bits } = shape
  const blocks = blocksOf(shape)
  for (let r = 0; r < rows; r++)
    for (let b = 0; b < blocks; b++) {
      const from = r * cols + b * block
      const grid = blockGrid(values.subarray(from, Math.min(from + block, (r + 1) * cols)), bits, options)
      out.scales[r * blocks + b] = grid.scale
      out.zeros[r * blocks + b] = grid.zero
    }
  return out
}

/** work[:, to…] −= errors · U[from…to, to…], on ONNX Runtime. */
async function spread(
  matmul: MatMul,
  work: Float64Array,
  rows: number,
  cols: number,
  errors: Float64Array,
  upper: F64Matrix,
  from: number,
  to: number,
): Promise<void> {
  const rest = cols - to
  const part = new Float64Array((to - from) * rest)
  for (let j = from; j < to; j++)
    part.set(upper.data.subarray(j * cols + to, (j + 1) * cols), (j - from) * rest)
  const { data } = await matmul(
    { rows, cols: to - from, data: errors },
    { rows: to - from, cols: rest, data: part },
  )
  for (let r = 0; r < rows; r++)
    for (let k = 0; k < rest; k++) work[r * cols + to + k]! -= data[r * rest + k]!
}

/**
 * Coordinate descent on (W − Q)·H·(W − Q)ᵀ: each code in turn takes the value that is best with all others as
 * they are, so the error never grows. Edits `out`.
 */
async function refine(
  matmul: MatMul,
  out: GroupedCodes,
  values: Float32Array,
  hessian: F64Matrix,
  options: ErrorSpreading,
): Promise<void> {
  const { rows, cols, block, bits } = out
  const blocks = blocksOf(out)
  const top = topCode(bits, options.method)
  const mean = meanDiagonal(hessian) * options.damping
  const h = { ...hessian, data: Float64Array.from(hessian.data) }
  for (let i = 0; i < cols; i++) h.data[i * cols + i]! += mean
  const error = new Float64Array(rows * cols)
  const grid: BlockGrid = { scale: 1, zero: 0 }
  for (let r = 0; r < rows; r++)
    for (let c = 0; c < cols; c++) {
      const group = r * blocks + Math.floor(c / block)
      error[r * cols + c] =
        values[r * cols + c]! - (out.codes[r * cols + c]! - out.zeros[group]!) * out.scales[group]!
    }
  for (let sweep = 0; sweep < options.sweeps; sweep++) {
    const { data: gradient } = await matmul({ rows, cols, data: error }, h)
    let changed = 0
    for (let from = 0; from < cols; from += PANEL) {
      const to = Math.min(cols, from + PANEL)
      const deltas = new Float64Array(rows * (to - from))
      for (let r = 0; r < rows; r++)
        for (let c = from; c < to; c++) {
          const at = r * cols + c
          const pivot = h.data[c * cols + c]!
          if (pivot <= 0) continue
          const group = r * blocks + Math.floor(c / block)
          grid.scale = out.scales[group]!
          grid.zero = out.zeros[group]!
          const now = valueOf(out.codes[at]!, grid)
          const code = codeOf(now + gradient[at]! / pivot, grid, top)
          if (code === out.codes[at]) continue
          const delta = valueOf(code, grid) - now
          out.codes[at] = code
          error[at]! -= delta
          deltas[r * (to - from) + c - from] = delta
          changed++
          for (let k = c; k < to; k++) gradient[r * cols + k]! -= delta * h.data[c * cols + k]!
        }
      if (to < cols) await spread(matmul, gradient, rows, cols, deltas, h, from, to)
    }
    if (changed === 0) break
  }
}

/** tr((W − Q)·H·(W − Q)ᵀ): squared error of the layer's outputs over the samples H was summed on. */
export async function outputError(
  matmul: MatMul,
  original: Float32Array,
  quantized: Float32Array,
  rows: number,
  hessian: F64Matrix,
): Promise<number> {
  const error: Matrix<Float64Array> = {
    rows,
    cols: hessian.cols,
    data: Float64Array.from(original, (w, i) => w - quantized[i]!),
  }
  const { data } = await matmul(error, hessian)
  return data.reduce((sum, v, i) => sum + v * error.data[i]!, 0)
}

const meanDiagonal = ({ data, rows }: F64Matrix): number => {
  let sum = 0
  for (let i = 0; i < rows; i++) sum += data[i * rows + i]!
  return sum / rows
}

function byFallingDiagonal({ data, rows }: F64Matrix): Uint32Array {
  const order = Uint32Array.from({ length: rows }, (_, i) => i)
  return order.sort((a, b) => data[b * rows + b]! - data[a * rows + a]! || a - b)
}

/** H with rows and columns in `order`; inputs that never fire get a unit diagonal, so that H stays definite. */
function permuted({ data, rows }: F64Matrix, order: Uint32Array): F64Matrix {
  const out = new Float64Array(rows * rows)
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < rows; j++) out[i * rows + j] = data[order[i]! * rows + order[j]!]!
  for (let i = 0; i < rows; i++) if (out[i * rows + i] === 0) out[i * rows + i] = 1
  return { rows, cols: rows, data: out }
}

function permutedColumns(values: Float32Array, rows: number, order: Uint32Array): Float64Array {
  const cols = order.length
  const out = new Float64Array(values.length)
  for (let r = 0; r < rows; r++)
    for (let c = 0; c < cols; c++) out[r * cols + c] = values[r * cols + order[c]!]!
  return out
}
