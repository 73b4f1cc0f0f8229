/** Convolutions of two axes, each output by itself: neighbours share reads of weights and elements. */
import { indent } from '../loops'
import type { Pooling } from '../program'
import { size } from '../sharing'
import type { DenseWeights } from '../weights'
import { pooledChannel, storeAll, type Arithmetic } from './arithmetic'

/** What of a convolution is written out; the rest are parameters of the function. */
interface Taps {
  height: number
  width: number
  /** Elements between columns of the output and between those of the window. */
  step: number
  dilation: number
  /** Every window lies whole on the rows of the input. */
  wholeRows: boolean
  /** Columns of the output, and the first and the end of those whose windows lie whole on the row. */
  columns: number
  first: number
  end: number
}

/** Rows of windows up to this width are written out whole, wider ones in pieces of a few taps. */
const WHOLE_WIDTH = 9
const PIECE = 4
/** Columns at once: more sums than registers of a Cortex-M hold are kept in memory. */
const COLUMNS = 4

export const deeper = (code: string, levels: number): string =>
  levels === 0 ? code : deeper(indent(code), levels - 1)

/** The part of a window of `size` that lies on the input when it begins at `at`. */
const range = (name: string, at: string, size: string, step: string, limit: string): string =>
  `const int32_t ${name}0 = ${at} < 0 ? (${step} - 1 - ${at}) / ${step} : 0;
int32_t ${name}1 = (${limit} - ${at} + ${step} - 1) / ${step};
if (${name}1 > ${size}) ${name}1 = ${size};`

const plus = (text: string, number: number): string => (number === 0 ? text : `${text} + ${number}`)
const counted = (count: number): number[] => Array.from({ length: count }, (_, i) => i)

/** Parameters as in `planeParams`; with a pool behind it s0 is one channel. */
export function planeKernel(
  weights: DenseWeights,
  arithmetic: Arithmetic,
  taps: Taps,
  pool?: Pooling,
): string {
  return pool
    ? kernelOf(
        weights,
        { ...arithmetic, store: (t, index) => arithmetic.store(t, index, 's0') },
        taps,
        'r * ow',
        `\n${deeper(pooledChannel('s0', pool), 2)}`,
      )
    : kernelOf(weights, arithmetic, taps, '((b * oc + o) * oh + r) * ow', '')
}

function kernelOf(
  weights: DenseWeights,
  arithmetic: Arithmetic,
  taps: Taps,
  row: string,
  behind: string,
): string {
  const { element, sum, channel, first } = arithmetic
  const block = Math.min(COLUMNS, taps.end - taps.first)
  const hasBlocks = block > 1
  // The last block may begin earlier and give a column a second time.
  const isCovered =
    hasBlocks &&
    taps.first === 0 &&
    taps.end === taps.columns &&
    [0, block - 1].includes(taps.columns % block)
  const end = taps.end === taps.columns ? 'ow' : size(taps.end)
  const isRow = taps.height === 1 && taps.wholeRows
  const rows = isRow ? '' : `\n${range('ky', 'top', 'kh', 'dy', 'ih')}`
  const whole = hasBlocks
    ? `if (c + ${block} > ${end}) c = ${end} - ${block};\n${blockOf(weights, arithmetic, taps, isRow, counted(block))}\nc += ${block};`
    : ''
  const single = `${singleOf(weights, arithmetic, taps, isRow)}\nc++;`
  const fits = [
    ...(taps.first > 0 ? [`c >= ${size(taps.first)}`] : []),
    ...(isCovered ? [] : [`c + ${block - 1} <= ${end}`]),
  ].join(' && ')
  const columns = !hasBlocks
    ? single
    : isCovered
      ? whole
      : `if (${fits}) {\n${indent(whole)}\n} else {\n${indent(single)}\n}`
  const edge = arithmetic.zeroPoint !== undefined && hasBlocks
  return `for (int32_t b = 0; b < n; b++)
  for (int32_t o = 0; o < oc; o++) {
    const ${element} *x = a0 + (b * (oc / og) + o / og) * ic * ih * iw;
${deeper(`${channel('o')}\nconst ${sum} first = ${first('o')};`, 2)}${edge ? '\n    int32_t whole = 0, from = 0, to = -1;' : ''}
    for (int32_t r = 0; r < oh; r++) {
      const int32_t top = r * sy - py;${deeper(rows, 3)}
      const int32_t y = ${row};${edge ? `\n${deeper(wholeWindows(weights, arithmetic, isRow), 3)}` : ''}
      for (int32_t c = 0; c < ow;) {
${deeper(columns, 4)}
      }
    }${behind}
  }`
}

/** What sums of whole windows begin with, anew where other rows of the window lie on the input. */
const wholeWindows = (weights: DenseWeights, { zeroPoint }: Arithmetic, isRow: boolean): string => {
  const [from, to] = isRow ? ['0', '1'] : ['ky0', 'ky1']
  return `if (from != ${from} || to != ${to}) {
  from = ${from};
  to = ${to};
  whole = 0;
  for (int32_t k = 0; k < ic; k++)
    for (int32_t i = ((o * ic + k) * kh + from) * kw; i < ((o * ic + k) * kh + to) * kw; i++) {
      const ${weights.type} w = ${weights.at('i')};
      whole += w;
    }
  whole = first - ${zeroPoint} * whole;
}`
}

/** Rows of a window one after the other: `at` is the place on the input of the first tap, `i` that in the weight. */
const overRows = (isRow: boolean, body: string): string =>
  isRow
    ? `int32_t at = top * iw + left, i = o * ic * kw;
for (int32_t k = 0; k < ic; k++) {
${indent(body)}
  at += ih * iw;
  i += kw;
}`
    : `int32_t from_x = (top + ky0 * dy) * iw + left, from_w = (o * ic * kh + ky0) * kw;
for (int32_t k = 0; k < ic; k++) {
  int32_t at = from_x, i = from_w;
  for (int32_t ky = ky0; ky < ky1; ky++) {
${deeper(body, 2)}
    at += dy * iw;
    i += kw;
  }
  from_x += ih * iw;
  from_w += kh * kw;
}`

function blockOf(
  { at, type }: DenseWeights,
  arithmetic: Arithmetic,
  { width, step, dilation }: Taps,
  isRow: boolean,
  columns: readonly number[],
): string {
  const { sum, element, value, zeroPoint } = arithmetic
  const piece = (count: number, index: string): string =>
    counted(count)
      .map((u) => {
        const lines = columns.map((c) => `t${c} += ${value(`q[${u * dilation + c * step}]`)} * w;`)
        return `{
  const ${type} w = ${at(plus(index, u))};
${indent(lines.join('\n'))}
}`
      })
      .join('\n')
  const pieces = width <= WHOLE_WIDTH ? 0 : Math.floor(width / PIECE)
  const done = pieces * PIECE
  const rest = width - done
  const body = [
    ...(pieces > 0
      ? [
          `for (int32_t kx = 0; kx < ${done}; kx += ${PIECE}) {
  const ${element} *q = x + (at + kx * ${dilation});
${indent(piece(PIECE, 'i + kx'))}
}`,
        ]
      : []),
    ...(rest > 0
      ? [`const ${element} *q = x + ${plus('at', done * dilation)};\n${piece(rest, plus('i', done))}`]
      : []),
  ].join('\n')
  const begin = zeroPoint === undefined ? 'first' : 'whole'
  return `const int32_t left = c * sx - px;
${sum} ${columns.map((c) => `t${c} = ${begin}`).join(', ')};
${overRows(isRow, body)}
${storeAll(
  arithmetic,
  columns.map((c) => `t${c}`),
  'y + c',
)}`
}

function singleOf(
  { at, type }: DenseWeights,
  { sum, value, store, zeroPoint }: Arithmetic,
  { dilation }: Taps,
  isRow: boolean,
): string {
  const one = value(`x[at + kx * ${dilation}]`)
  const body = `for (int32_t kx = kx0; kx < kx1; kx++) {
  const ${type} w = ${at('i + kx')};
  t += ${zeroPoint === undefined ? one : `(${one} - ${zeroPoint})`} * w;
}`
  return `const int32_t left = c * sx - px;
${range('kx', 'left', 'kw', 'dx', 'iw')}
${sum} t = first;
${overRows(isRow, body)}
${store('t', 'y + c')}`
}
