/** What layers compute in, and the loops that are the same for all of them. */
import { indent } from './loops'
import type { Weights } from './weights'

export interface Arithmetic {
  /** C types of elements and of sums. */
  element: string
  sum: string
  /** What a product takes of an element. */
  value(element: string): string
  /** Statements that store sum `t` of output `o` at an index of y0. */
  store(t: string, index: string): string
}

/** Columns that share one read of a weight. */
const COLUMNS = [0, 1, 2, 3]

/** The part of a window of `size` that lies on the input when it begins at `at`. */
const range = (name: string, at: string, size: string, step: string, limit: string): string =>
  `const int32_t ${name}0 = ${at} < 0 ? (${step} - 1 - ${at}) / ${step} : 0;
int32_t ${name}1 = (${limit} - ${at} + ${step} - 1) / ${step};
if (${name}1 > ${size}) ${name}1 = ${size};`

const deeper = (code: string, levels: number): string =>
  levels === 0 ? code : deeper(indent(code), levels - 1)

/** A convolution of two axes; parameters as in `planeParams`. */
export const planeBody = (weights: Weights, arithmetic: Arithmetic): string =>
  'sparse' in weights ? strewn(weights.sparse, arithmetic) : direct(weights.dense, arithmetic)

/** Each output by itself, four neighbours at once where their windows lie whole within the row. */
function direct(
  { at, type }: Extract<Weights, { dense: unknown }>['dense'],
  { element, sum, value, store }: Arithmetic,
): string {
  const taps = (columns: readonly number[]): string =>
    `const ${type} w = ${at('i + kx')};
${columns.map((c) => `t${c} += ${value(`q[${c === 0 ? '0' : c === 1 ? 'sx' : `${c} * sx`}]`)} * w;`).join('\n')}
q += dx;`
  const loops = (columns: readonly number[], from: string, to: string): string =>
    `${sum} ${columns.map((c) => `t${c} = 0`).join(', ')};
for (int32_t k = 0; k < ic; k++)
  for (int32_t ky = ky0; ky < ky1; ky++) {
    const ${element} *q = x + (k * ih + top + ky * dy) * iw + left${from === '0' ? '' : ` + ${from} * dx`};
    const int32_t i = ((o * ic + k) * kh + ky) * kw;
    for (int32_t kx = ${from}; kx < ${to}; kx++) {
${deeper(taps(columns), 3)}
    }
  }
${columns.map((c) => store(`t${c}`, c === 0 ? 'y' : `y + ${c}`)).join('\n')}`
  return `for (int32_t b = 0; b < n; b++)
  for (int32_t o = 0; o < oc; o++) {
    const ${element} *x = a0 + (b * (oc / og) + o / og) * ic * ih * iw;
    for (int32_t r = 0; r < oh; r++) {
      const int32_t top = r * sy - py;
${deeper(range('ky', 'top', 'kh', 'dy', 'ih'), 3)}
      for (int32_t c = 0; c < ow;) {
        const int32_t left = c * sx - px;
        const int32_t y = ((b * oc + o) * oh + r) * ow + c;
        if (c + 4 <= ow && left >= 0 && left + 3 * sx + (kw - 1) * dx < iw) {
${deeper(loops(COLUMNS, '0', 'kw'), 5)}
          c += 4;
        } else {
${deeper(`${range('kx', 'left', 'kw', 'dx', 'iw')}\n${loops([0], 'kx0', 'kx1')}`, 5)}
          c++;
        }
      }
    }
  }`
}

type SparseWeights = Extract<Weights, { sparse: unknown }>['sparse']

/** Entries of output `o`, each decoded once; `use` gets `p`, its place in the row, and `w`. */
const entriesOf = ({ gap, value, type }: SparseWeights, size: string, use: string): string =>
  `for (; e < entries && place + ${gap} < (o + 1) * ${size}; e++) {
  place += ${gap};
  const int32_t p = place - o * ${size};
  const ${type} w = ${value};
${indent(use)}
}`

/** Entry after entry of a sparse weight is added to the whole plane of its channel, s0. */
const strewn = (
  weights: SparseWeights,
  { element, value, store }: Arithmetic,
): string => `for (int32_t b = 0; b < n; b++) {
  int32_t e = 0, place = 0;
  for (int32_t o = 0; o < oc; o++) {
    const ${element} *x = a0 + (b * (oc / og) + o / og) * ic * ih * iw;
    for (int32_t i = 0; i < oh * ow; i++) s0[i] = 0;
${deeper(
  entriesOf(
    weights,
    'ic * kh * kw',
    `const int32_t kx = p % kw, ky = p / kw % kh, left = kx * dx - px;
const ${element} *q = x + p / (kw * kh) * ih * iw + left;
const int32_t c0 = left < 0 ? (sx - 1 - left) / sx : 0;
const int32_t last = (iw - left + sx - 1) / sx;
const int32_t c1 = last < ow ? last : ow;
for (int32_t r = 0; r < oh; r++) {
  const int32_t h = r * sy - py + ky * dy;
  if (h < 0 || h >= ih) continue;
  for (int32_t c = c0; c < c1; c++) s0[r * ow + c] += ${value('q[h * iw + c * sx]')} * w;
}`,
  ),
  2,
)}
    for (int32_t i = 0; i < oh * ow; i++) {
      ${store('s0[i]', '(b * oc + o) * oh * ow + i').replaceAll('\n', '\n      ')}
    }
  }
}`

/** y[m][o] = Σ x[m][k] · w[o][k]; parameters rows, outputs, inputs. */
export function productBody(weights: Weights, { element, sum, value, store }: Arithmetic): string {
  if ('sparse' in weights)
    return `int32_t e = 0, place = 0;
for (int32_t o = 0; o < outputs; o++) {
  for (int32_t m = 0; m < rows; m++) s0[m] = 0;
${indent(entriesOf(weights.sparse, 'inputs', `for (int32_t m = 0; m < rows; m++) s0[m] += ${value('a0[m * inputs + p]')} * w;`))}
  for (int32_t m = 0; m < rows; m++) {
    ${store('s0[m]', 'm * outputs + o').replaceAll('\n', '\n    ')}
  }
}`
  const { at, type } = weights.dense
  return `for (int32_t m = 0; m < rows; m++) {
  const ${element} *x = a0 + m * inputs;
  for (int32_t o = 0; o < outputs; o++) {
    ${sum} t = 0;
    for (int32_t k = 0; k < inputs; k++) {
      const ${type} w = ${at('o * inputs + k')};
      t += ${value('x[k]')} * w;
    }
    ${store('t', 'm * outputs + o').replaceAll('\n', '\n    ')}
  }
}`
}
