/** Matrix products. Source: ONNX MatMul, Gemm, Einsum; com.microsoft FusedMatMul is not written by exporters. */
import { gemmTerms } from '../../layers/kinds/matrix'
import { sizeOf } from '../../onnx'
import { single, unsupported, type Rule, type Rules } from './rule'
import { broadcastDims, range, type Tape } from './tape'

/** The last two axes changed places. */
function swapLast(tape: Tape, value: string, rank: number): string {
  return tape.transpose(value, [...range(rank - 2), rank - 1, rank - 2])
}

const matmul = single((t, node, dy0) => {
  const [a, b] = node.inputs as [string, string]
  const aDims = t.shape(a)
  const bDims = t.shape(b)
  // Vectors are matrices with one row or column, as in numpy.
  const am = aDims.length === 1 ? [1, aDims[0]!] : [...aDims]
  const bm = bDims.length === 1 ? [bDims[0]!, 1] : [...bDims]
  const av = aDims.length === 1 ? t.reshape(a, am) : a
  const bv = bDims.length === 1 ? t.reshape(b, bm) : b
  const [m, k] = am.slice(-2) as [number, number]
  const n = bm[bm.length - 1]!
  const lead = broadcastDims(am.slice(0, -2), bm.slice(0, -2))
  const dyDims = [...lead, m, n]
  const vector = aDims.length === 1 || bDims.length === 1
  const dy = vector ? t.reshape(dy0, dyDims) : dy0

  let da: string | undefined
  if (t.wants(a)) {
    const full = t.op('MatMul', [dy, swapLast(t, bv, bm.length)])
    const reduced = t.unbroadcast(full, [...lead, m, k], am)
    da = aDims.length === 1 ? t.reshape(reduced, aDims) : reduced
  }
  let db: string | undefined
  if (t.wants(b)) {
    let reduced: string
    if (bm.length === 2 && am.length > 2) {
      // One large product instead of a sum of small ones.
      const rows = sizeOf(am) / k
      const flat = t.op('Gemm', [t.reshape(av, [rows, k]), t.reshape(dy, [rows, n])], { transA: { int: 1 } })
      reduced = flat
    } else {
      const full = t.op('MatMul', [swapLast(t, av, am.length), dy])
      reduced = t.unbroadcast(full, [...lead, k, n], bm)
    }
    db = bDims.length === 1 ? t.reshape(reduced, bDims) : reduced
  }
  return [da, db]
})

const gemm: Rule = single((t, node, dy) => {
  const [a, b, c] = node.inputs as [string, string, string | undefined]
  const { transA, transB, alpha, beta } = gemmTerms(node)
  const product = (x: string, y: string, tx: boolean, ty: boolean): string =>
    t.op('Gemm', [x, y], {
      alpha: { float: alpha },
      transA: { int: tx ? 1 : 0 },
      transB: { int: ty ? 1 : 0 },
    })
  const da = (): string => (transA ? product(b, dy, transB, true) : product(dy, b, false, !transB))
  const db = (): string => (transB ? product(dy, a, true, transA) : product(a, dy, !transA, false))
  return [
    t.wants(a) ? da() : undefined,
    t.wants(b) ? db() : undefined,
    t.wants(c) ? t.unbroadcast(t.scale(dy, beta), t.shape(node.outputs[0]!), t.shape(c)) : undefined,
  ]
})

/** Products of one or two factors whose every index stands in the output or in the other factor. */
const einsum: Rule = single((t, node, dy) => {
  const equation = node.string('equation', '').replace(/\s/g, '')
  const [left, out] = equation.split('->') as [string, string | undefined]
  const terms = left.split(',')
  if (out === undefined || equation.includes('.') || terms.length !== 2 || node.inputs.length !== 2)
    throw unsupported(node, `equation ${equation}`)
  return node.inputs.map((value, i) => {
    if (!t.wants(value)) return undefined
    const mine = terms[i]!
    const other = terms[1 - i]!
    const known = [...mine].every((letter) => out.includes(letter) || other.includes(letter))
    if (!known || new Set(mine).size !== mine.length) throw unsupported(node, `equation ${equation}`)
    return t.op('Einsum', [dy, node.inputs[1 - i]!], { equation: `${out},${other}->${mine}` })
  })
})

export const products: Rules = { MatMul: matmul, Gemm: gemm, Einsum: einsum }
