/** Layers of weights of which only what is not zero is stored: entry after entry, each decoded once. */
import { indent } from '../loops'
import type { SparseWeights } from '../weights'
import type { Pooling } from '../program'
import { pooledChannel, type Arithmetic } from './arithmetic'
import { deeper } from './plane'

/** Entries of output `o`; `use` gets `p`, its place in the row, and `w`. */
const entriesOf = ({ gap, value, type }: SparseWeights, size: string, use: string): string =>
  `for (; e < entries && place + ${gap} < (o + 1) * ${size}; e++) {
  place += ${gap};
  const int32_t p = place - o * ${size};
  const ${type} w = ${value};
${indent(use)}
}`

/** Each entry is added to the whole plane of its channel, s0; parameters as in `planeParams`; with a pool behind it s1 is the channel. */
export const sparsePlaneKernel = (
  weights: SparseWeights,
  { element, channel, first, value, store }: Arithmetic,
  pool?: Pooling,
): string => `for (int32_t b = 0; b < n; b++) {
  int32_t e = 0, place = 0;
  for (int32_t o = 0; o < oc; o++) {
    const ${element} *x = a0 + (b * (oc / og) + o / og) * ic * ih * iw;
${deeper(channel('o'), 2)}
    for (int32_t i = 0; i < oh * ow; i++) s0[i] = ${first('o')};
${deeper(
  entriesOf(
    weights,
    'ic * kh * kw',
    `const int32_t kx = p % kw, ky = p / kw % kh, left = kx * dx - px;
const int32_t from = p / (kw * kh) * ih * iw + left;
const int32_t c0 = left < 0 ? (sx - 1 - left) / sx : 0;
const int32_t last = (iw - left + sx - 1) / sx;
const int32_t c1 = last < ow ? last : ow;
for (int32_t r = 0; r < oh; r++) {
  const int32_t h = r * sy - py + ky * dy;
  if (h < 0 || h >= ih) continue;
  for (int32_t c = c0; c < c1; c++) s0[r * ow + c] += ${value('x[from + h * iw + c * sx]')} * w;
}`,
  ),
  2,
)}
    for (int32_t i = 0; i < oh * ow; i++) {
${deeper(pool ? store('s0[i]', 'i', 's1') : store('s0[i]', '(b * oc + o) * oh * ow + i'), 3)}
    }${pool ? `\n${deeper(pooledChannel('s1', pool), 2)}` : ''}
  }
}`

/** One row of elements needs no place for its sums; several share each entry. Parameters rows, outputs, inputs. */
export const sparseProductKernel = (
  weights: SparseWeights,
  { channel, first, value, store, sum }: Arithmetic,
  rows: number,
): string =>
  rows === 1
    ? `int32_t e = 0, place = 0;
for (int32_t o = 0; o < outputs; o++) {
${indent(channel('o'))}
  ${sum} t = ${first('o')};
${indent(entriesOf(weights, 'inputs', `t += ${value('a0[p]')} * w;`))}
${indent(store('t', 'o'))}
}`
    : `int32_t e = 0, place = 0;
for (int32_t o = 0; o < outputs; o++) {
${indent(channel('o'))}
  for (int32_t m = 0; m < rows; m++) s0[m] = ${first('o')};
${indent(entriesOf(weights, 'inputs', `for (int32_t m = 0; m < rows; m++) s0[m] += ${value('a0[m * inputs + p]')} * w;`))}
  for (int32_t m = 0; m < rows; m++) {
${deeper(store('s0[m]', 'm * outputs + o'), 2)}
  }
}`
