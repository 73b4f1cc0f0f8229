/** Pools of any number of axes. Source: ONNX MaxPool, AveragePool, LpPool, GlobalAveragePool. */
import { sizeOf } from '../../../onnx'
import { denseStrides, indent, loop } from '../loops'
import type { Lower, Site } from '../lowering'
import { size as sized } from '../sharing'
import { cType } from '../types'
import { windowOf, type Window } from './window'

interface Pool {
  start: string
  /** Of element `v` at spatial place `at`. */
  add: string
  end(site: Site, inside: string): string
  float: boolean
}

const MAX: Pool = {
  start: '0',
  add: 'if (hits++ == 0 || v > t) { t = v; best = at; }',
  end: () => 't',
  float: false,
}

const AVERAGE: Pool = {
  start: '0.0f',
  add: 't += v;\nhits++;',
  end: (site, inside) => `t / (float)(${site.node.int('count_include_pad', 0) ? inside : 'hits'})`,
  float: true,
}

const lp = (p: number): Pool => ({
  start: '0.0f',
  add: p === 1 ? 't += fabsf(v);' : p === 2 ? 't += v * v;' : `t += powf(fabsf(v), ${p}.0f);`,
  end: () => (p === 1 ? 't' : p === 2 ? 'sqrtf(t)' : `powf(t, 1.0f / ${p}.0f)`),
  float: true,
})

/** Elements of a window that lie on the input or its padding, as count_include_pad counts them. */
const counted = (
  axes: readonly number[],
  size: readonly number[],
  { kernel, strides, dilations, before, after }: Window,
): string =>
  axes
    .map((a) => {
      const end = size[a]! + after[a]!
      const start = `o${a} * ${strides[a]} - ${before[a]}`
      const fits = `(${end} - (${start}) + ${dilations[a]! - 1}) / ${dilations[a]}`
      return `(${fits} < ${kernel[a]} ? ${fits} : ${kernel[a]})`
    })
    .join(' * ')

/** Whether every window lies whole on the input along an axis. */
const isWhole = (
  axis: number,
  size: number,
  out: number,
  { kernel, strides, dilations, before }: Window,
): boolean => before[axis] === 0 && (out - 1) * strides[axis]! + (kernel[axis]! - 1) * dilations[axis]! < size

/** Windows of so few elements are written out. */
const WRITTEN = 9

/** Every window whole: no element is asked where it lies. */
function wholeWindows(site: Site, { add, end, start }: Pool, window: Window): void {
  const [x, y] = [site.input(0), site.output()]
  const size = x.dims.slice(2)
  const axes = size.map((_, i) => i)
  const strides = denseStrides(size)
  const sum = (factors: readonly number[], variable: string): string =>
    axes.map((a) => `${variable}${a} * ${sized(factors[a]! * strides[a]!)}`).join(' + ')
  const taps = sizeOf(window.kernel)
  const type = cType(x.dtype)!
  const isMax = start === '0'
  const tap = (place: string): string =>
    isMax ? `if (q[${place}] > t) t = q[${place}];` : `v = q[${place}];\n${add.replace('\nhits++;', '')}`
  const kernelStrides = denseStrides(window.kernel)
  const placeOf = (index: number): number =>
    axes.reduce(
      (at, a) =>
        at + (Math.floor(index / kernelStrides[a]!) % window.kernel[a]!) * window.dilations[a]! * strides[a]!,
      0,
    )
  const all =
    taps <= WRITTEN
      ? Array.from({ length: taps }, (_, i) => tap(i === 0 ? '0' : sized(placeOf(i))))
          .slice(isMax ? 1 : 0)
          .join('\n')
      : axes.reduceRight(
          (code, a) => `${loop(`k${a}`, window.kernel[a]!)} {\n${indent(code)}\n}`,
          tap(sum(window.dilations, 'k')),
        )
  const each = `const ${type} *q = plane + (${sum(window.strides, 'o')});
${type} t = ${isMax ? 'q[0]' : start}${isMax ? '' : ', v'};
${all}
*out++ = ${end(site, String(taps)).replace('hits', String(taps))};`
  const walk = axes.reduceRight((code, a) => `${loop(`o${a}`, y.dims[a + 2]!)} {\n${indent(code)}\n}`, each)
  const maker = site.sole(0)
  const pooled = maker?.pooled?.({ body: walk, type, size: sizeOf(y.dims.slice(2)) })
  if (maker && pooled) {
    delete maker.pooled
    Object.assign(maker, pooled, {
      title: `${maker.title}, ${site.node.label} (${site.node.opType})`,
      op: `${maker.op}_pool`,
      writes: [y],
    })
    return
  }
  const body = `const ${type} *plane = a0;
${type} *out = y0;
${loop('c', x.dims[0]! * x.dims[1]!)} {
${indent(walk)}
  plane += ${sized(sizeOf(size))};
}`
  site.step({ reads: [x], writes: [y], body })
}

function pool(site: Site, chosen: Pool, window: Window): void {
  const { start, add, end, float } = chosen
  const x = site.input(0)
  const y = site.output()
  const places = site.outputs[1]
  if (float && x.dtype !== 'float32') site.fail(`is only known for float32, not for ${x.dtype}.`)
  const size = x.dims.slice(2)
  const axes = size.map((_, i) => i)
  const hasTaps = sizeOf(window.kernel) > 0 && sizeOf(y.dims) > 0
  if (!places && hasTaps && axes.every((a) => isWhole(a, size[a]!, y.dims[a + 2]!, window)))
    return wholeWindows(site, chosen, window)
  const strides = denseStrides(size)
  const inside = axes.map(
    (
      a,
    ) => `const int32_t p${a} = o${a} * ${window.strides[a]} + k${a} * ${window.dilations[a]} - ${window.before[a]};
if (p${a} < 0 || p${a} >= ${size[a]}) continue;`,
  )
  const type = cType(x.dtype)!
  const isMax = start === '0'
  const found = `const int32_t at = ${axes.map((a) => (strides[a] === 1 ? `p${a}` : `p${a} * ${strides[a]}`)).join(' + ')};
const ${type} v = a0[c * ${sizeOf(size)} + at];
${places || !isMax ? add : add.replace(' best = at;', '')}`
  const taps = axes.reduceRight(
    (code, a) => `${loop(`k${a}`, window.kernel[a]!)} {\n${indent(`${inside[a]}\n${code}`)}\n}`,
    found,
  )
  const value = end(site, counted(axes, size, window))
  const counts = isMax || value.includes('hits')
  // Places count along columns first where storage_order says so.
  const order = site.node.int('storage_order', 0)
    ? `(${axes.map((a) => `best / ${strides[a]} % ${size[a]} * ${sizeOf(size.slice(0, a))}`).join(' + ')})`
    : 'best'
  const each = `${type} t = ${start};
${counts ? 'int32_t hits = 0;\n' : ''}${places ? 'int32_t best = 0;\n' : ''}${taps}
${places ? `y1[i] = c * ${sizeOf(size)} + ${order};\n` : ''}y0[i++] = ${value};`
  const walk = axes.reduceRight((code, a) => `${loop(`o${a}`, y.dims[a + 2]!)} {\n${indent(code)}\n}`, each)
  const body = `int32_t i = 0;\n${loop('c', x.dims[0]! * x.dims[1]!)} {\n${indent(walk)}\n}`
  site.step({ reads: [x], writes: places ? [y, places] : [y], body })
}

const windowed =
  (choose: (site: Site) => Pool): Lower =>
  (site) => {
    const x = site.input(0)
    const chosen = choose(site)
    const window = windowOf(
      site.node,
      x.dims.slice(2),
      site.output().dims.slice(2),
      site.node.ints('kernel_shape')!,
    )
    // An unused count would be told by the compiler.
    const counts = chosen.end(site, '').includes('hits')
    pool(site, chosen === AVERAGE && !counts ? { ...chosen, add: 't += v;' } : chosen, window)
  }

const global =
  (choose: (site: Site) => Pool): Lower =>
  (site) => {
    const size = site.input(0).dims.slice(2)
    const ones = size.map(() => 1)
    const zeros = size.map(() => 0)
    pool(site, choose(site), { kernel: size, strides: ones, dilations: ones, before: zeros, after: zeros })
  }

const order = (site: Site): Pool => lp(site.node.int('p', 2))

export const POOLING: Record<string, Lower> = {
  MaxPool: windowed(() => MAX),
  AveragePool: windowed(() => AVERAGE),
  LpPool: windowed(order),
  GlobalMaxPool: global(() => MAX),
  GlobalAveragePool: global(() => AVERAGE),
  GlobalLpPool: global(order),
}
