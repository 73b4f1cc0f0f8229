/** What layers compute in: the loops over windows and rows are the same for floats and codes. */
import { indent } from '../loops'
import type { Pooling } from '../program'
import { limited, size as sized } from '../sharing'
import type { Weights } from '../weights'

export interface Arithmetic {
  /** C types of elements and of sums. */
  element: string
  sum: string
  /** Statements that declare what `store` needs of output channel `o`: once a channel, as a store of bytes may alias all. */
  channel(o: string): string
  /** What a sum of output channel `o` begins with. */
  first(o: string): string
  /** What a product takes of an element. */
  value(element: string): string
  /** Statements that store sum `t` of the channel at an index of y0 or of another array. */
  store(t: string, index: string, array?: string): string
  /**
   * Where windows reach into padding, whose places count as nothing: the zero point to be taken off. `value` leaves it on,
   * and whole windows make up for it by the sum of their weights.
   */
  zeroPoint?: string
}

/** A sum of float32 with its scale, its bias a1 and its limits. */
export const floatArithmetic = (weights: Weights, bias: (o: string) => string | undefined): Arithmetic => {
  const scale = ('dense' in weights ? weights.dense : weights.sparse).rowScale
  return {
    element: 'float',
    sum: 'float',
    channel: (o) =>
      `${scale ? `const float scale = ${scale(o)};\n` : ''}const float bias = ${bias(o) ?? '0.0f'};`,
    first: () => '0.0f',
    value: (element) => element,
    store: (t, index, array = 'y0') =>
      `${t} = ${scale ? `${t} * scale` : t} + bias;\n${array}[${index}] = ${limited(t)};`,
  }
}

/** Sums side by side of outputs from `index` on: once over all of them takes less flash than one after the other. */
export const storeAll = (
  { sum, store }: Arithmetic,
  sums: readonly string[],
  index: string,
  channel?: (j: string) => string,
): string => {
  const one = (t: string, j: string): string =>
    `${channel ? `${channel(j)}\n` : ''}${store(t, `${index}${j}`)}`
  return sums.length === 1
    ? one(sums[0]!, '')
    : `const ${sum} sums[] = {${sums.join(', ')}};
for (int32_t j = 0; j < ${sums.length}; j++) {
  ${sum} t = sums[j];
${indent(one('t', ' + j'))}
}`
}

/** A pool of the channel that is whole in `plane`. */
export const pooledChannel = (plane: string, { body, type, size }: Pooling): string => `{
  const ${type} *plane = ${plane};
  ${type} *out = y0 + (b * oc + o) * ${sized(size)};
${indent(body)}
}`
