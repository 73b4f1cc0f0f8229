/** Operators that choose elements by indices, which may be known only when the code runs. Source: ONNX Operators.md. */
import { sizeOf } from '../../../onnx'
import { denseStrides, nest } from '../loops'
import type { Lower, Site } from '../lowering'
import type { Buffer } from '../program'
import { isFloating } from '../types'
import { axisOf } from './layout'

/** An index that may count from the end, kept inside: no input makes the code read elsewhere. */
const inside = (index: string, size: number): string =>
  `const int32_t k = (int32_t)${index};
const int32_t q = k < 0 ? k + ${size} : k;
const int32_t j = q < 0 ? 0 : q >= ${size} ? ${size - 1} : q;`

const gather: Lower = (site) => {
  const [x, indices] = [site.input(0), site.input(1)]
  const axis = axisOf(site.node.int('axis', 0), x.dims.length)
  const [outer, size, inner] = [sizeOf(x.dims.slice(0, axis)), x.dims[axis]!, sizeOf(x.dims.slice(axis + 1))]
  const count = sizeOf(indices.dims)
  const body = `for (int32_t o = 0; o < ${outer}; o++)
  for (int32_t i = 0; i < ${count}; i++) {
    ${inside('a1[i]', size).replaceAll('\n', '\n    ')}
    for (int32_t e = 0; e < ${inner}; e++)
      y0[(o * ${count} + i) * ${inner} + e] = a0[(o * ${size} + j) * ${inner} + e];
  }`
  site.step({ reads: [x, indices], writes: [site.output()], body })
}

/** Walks over a tensor of indices, with the place in `dims` that each stands for but for its own axis. */
function along(
  indices: Buffer,
  dims: readonly number[],
  axis: number,
  statement: (at: string, place: string) => string,
): string {
  const strides = denseStrides(dims)
  const rest = strides.map((stride, i) => (i === axis ? 0 : stride))
  return nest(indices.dims, [{ strides: denseStrides(indices.dims) }, { strides: rest }], ([at, place]) => {
    const start = inside(`a1[${at}]`, dims[axis]!)
    return `${start}\n${statement(at!, `${place} + j * ${strides[axis]}`)}`
  })
}

const gatherElements: Lower = (site) => {
  const [x, indices] = [site.input(0), site.input(1)]
  const axis = axisOf(site.node.int('axis', 0), x.dims.length)
  const body = along(indices, x.dims, axis, (at, place) => `y0[${at}] = a0[${place}];`)
  site.step({ reads: [x, indices], writes: [site.output()], body })
}

const copyAll = (x: Buffer): string =>
  nest([sizeOf(x.dims)], [{ strides: [1] }], ([i]) => `y0[${i}] = a0[${i}];`)

/** How a scattered value meets the one that is there. */
function met(site: Site, place: string, value: string): string {
  const { dtype } = site.output()
  const type = isFloating(dtype) ? '' : `(${dtype}_t)`
  const there = `y0[${place}]`
  switch (site.node.string('reduction', 'none')) {
    case 'none':
      return `${there} = ${value};`
    case 'add':
      return `${there} = ${type}(${there} + ${value});`
    case 'mul':
      return `${there} = ${type}(${there} * ${value});`
    case 'max':
      return `${there} = ${there} > ${value} ? ${there} : ${value};`
    case 'min':
      return `${there} = ${there} < ${value} ? ${there} : ${value};`
    default:
      return site.fail('reduces in a way that is not known.')
  }
}

const scatterElements: Lower = (site) => {
  const [x, indices] = [site.input(0), site.input(1)]
  const axis = axisOf(site.node.int('axis', 0), x.dims.length)
  const body = `${copyAll(x)}\n${along(indices, x.dims, axis, (at, place) => met(site, place, `a2[${at}]`))}`
  site.step({ reads: [x, indices, site.input(2)], writes: [site.output()], body, inPlace: [0] })
}

/** Statements that find `p`, the place that the tuple of indices `t` stands for. */
function tuple(indices: Buffer, dims: readonly number[], from: number): string {
  const depth = indices.dims.at(-1)!
  const strides = denseStrides(dims)
  const terms = Array.from({ length: depth }, (_, d) => {
    const size = dims[from + d]!
    return `{\n  ${inside(`a1[t * ${depth} + ${d}]`, size).replaceAll('\n', '\n  ')}\n  p += j * ${strides[from + d]};\n}`
  })
  return terms.join('\n')
}

const gatherNd: Lower = (site) => {
  const [x, indices] = [site.input(0), site.input(1)]
  const shared = site.node.int('batch_dims', 0)
  const depth = indices.dims.at(-1)!
  const batches = sizeOf(x.dims.slice(0, shared))
  const count = sizeOf(indices.dims.slice(shared, -1))
  const inner = sizeOf(x.dims.slice(shared + depth))
  const body = `for (int32_t t = 0; t < ${batches * count}; t++) {
  int32_t p = t / ${count} * ${sizeOf(x.dims.slice(shared))};
  ${tuple(indices, x.dims, shared).replaceAll('\n', '\n  ')}
  for (int32_t e = 0; e < ${inner}; e++) y0[t * ${inner} + e] = a0[p + e];
}`
  site.step({ reads: [x, indices], writes: [site.output()], body })
}

const scatterNd: Lower = (site) => {
  const [x, indices] = [site.input(0), site.input(1)]
  const depth = indices.dims.at(-1)!
  const inner = sizeOf(x.dims.slice(depth))
  const body = `${copyAll(x)}
for (int32_t t = 0; t < ${sizeOf(indices.dims.slice(0, -1))}; t++) {
  int32_t p = 0;
  ${tuple(indices, x.dims, 0).replaceAll('\n', '\n  ')}
  for (int32_t e = 0; e < ${inner}; e++) { ${met(site, 'p + e', `a2[t * ${inner} + e]`)} }
}`
  site.step({ reads: [x, indices, site.input(2)], writes: [site.output()], body, inPlace: [0] })
}

const oneHot: Lower = (site) => {
  const [indices, values] = [site.input(0), site.input(2)]
  const y = site.output()
  const axis = axisOf(site.node.int('axis', -1), y.dims.length)
  const [outer, depth, inner] = [sizeOf(y.dims.slice(0, axis)), y.dims[axis]!, sizeOf(y.dims.slice(axis + 1))]
  const body = `for (int32_t o = 0; o < ${outer}; o++)
  for (int32_t e = 0; e < ${inner}; e++) {
    const int32_t k = (int32_t)a0[o * ${inner} + e];
    const int32_t j = k < 0 ? k + ${depth} : k;
    for (int32_t d = 0; d < ${depth}; d++)
      y0[(o * ${depth} + d) * ${inner} + e] = a1[d == j ? 1 : 0];
  }`
  site.step({ reads: [indices, values], writes: [y], body })
}

const cumSum: Lower = (site) => {
  const x = site.input(0)
  const { node } = site
  const axis = axisOf(site.numbers(1)![0]!, x.dims.length)
  const [outer, size, inner] = [sizeOf(x.dims.slice(0, axis)), x.dims[axis]!, sizeOf(x.dims.slice(axis + 1))]
  const at = `(o * ${size} + ${node.int('reverse', 0) ? `${size - 1} - d` : 'd'}) * ${inner} + e`
  const type = isFloating(x.dtype) ? '' : `(${x.dtype}_t)`
  const ctype = isFloating(x.dtype) ? (x.dtype === 'float32' ? 'float' : 'double') : `${x.dtype}_t`
  const steps = [`sum = ${type}(sum + a0[i]);`, 'y0[i] = sum;']
  const body = `for (int32_t o = 0; o < ${outer}; o++)
  for (int32_t e = 0; e < ${inner}; e++) {
    ${ctype} sum = 0;
    for (int32_t d = 0; d < ${size}; d++) {
      const int32_t i = ${at};
      ${node.int('exclusive', 0) ? [`const ${ctype} next = ${type}(sum + a0[i]);`, 'y0[i] = sum;', 'sum = next;'].join('\n      ') : steps.join('\n      ')}
    }
  }`
  site.step({ reads: [x], writes: [site.output()], body, inPlace: [0] })
}

/** By selection: k is small where it is used. */
const topK: Lower = (site) => {
  const { node } = site
  const x = site.input(0)
  const axis = axisOf(node.int('axis', -1), x.dims.length)
  const [outer, size, inner] = [sizeOf(x.dims.slice(0, axis)), x.dims[axis]!, sizeOf(x.dims.slice(axis + 1))]
  const k = site.numbers(1)![0]!
  const values = site.outputs[0] ?? site.temporary(x.dtype, [outer, k, inner])
  const places = site.outputs[1] ?? site.temporary('int64', [outer, k, inner])
  const better = node.int('largest', 1) ? '>' : '<'
  const body = `for (int32_t o = 0; o < ${outer}; o++)
  for (int32_t e = 0; e < ${inner}; e++)
    for (int32_t r = 0; r < ${k}; r++) {
      int32_t best = -1;
      for (int32_t d = 0; d < ${size}; d++) {
        int32_t taken = 0;
        for (int32_t p = 0; p < r; p++) taken |= y1[(o * ${k} + p) * ${inner} + e] == d;
        if (taken == 0 && (best < 0 || a0[(o * ${size} + d) * ${inner} + e] ${better} a0[(o * ${size} + best) * ${inner} + e])) best = d;
      }
      y0[(o * ${k} + r) * ${inner} + e] = a0[(o * ${size} + best) * ${inner} + e];
      y1[(o * ${k} + r) * ${inner} + e] = best;
    }`
  site.step({ reads: [x], writes: [values, places], body })
}

const range: Lower = (site) => {
  const y = site.output()
  const cast = isFloating(y.dtype) ? (y.dtype === 'float32' ? 'float' : 'double') : `${y.dtype}_t`
  const body = `for (int32_t i = 0; i < ${sizeOf(y.dims)}; i++) y0[i] = (${cast})(a0[0] + (${cast})i * a1[0]);`
  site.step({ reads: [site.input(0), site.input(2)], writes: [y], body })
}

export const INDEXING: Record<string, Lower> = {
  Gather: gather,
  GatherElements: gatherElements,
  GatherND: gatherNd,
  ScatterElements: scatterElements,
  Scatter: scatterElements,
  ScatterND: scatterNd,
  OneHot: oneHot,
  CumSum: cumSum,
  TopK: topK,
  Range: range,
}
