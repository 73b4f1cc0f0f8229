/** Recurrent layers, step by step. Source: ONNX RNN, GRU, LSTM. */
import { indent } from '../loops'
import type { Lower, Site } from '../lowering'
import type { Buffer } from '../program'
import { weightsOf, type Weights } from '../weights'

const GATES = { LSTM: 4, GRU: 3, RNN: 1 } as const
type Kind = keyof typeof GATES

/** Activations as expressions of v; those with settings take their defaults. */
const ACTIVATIONS: Record<string, string> = {
  sigmoid: '1.0f / (1.0f + expf(-v))',
  tanh: 'tanhf(v)',
  relu: 'v < 0.0f ? 0.0f : v',
  affine: 'v',
  leakyrelu: 'v < 0.0f ? 0.01f * v : v',
  elu: 'v < 0.0f ? expf(v) - 1.0f : v',
  hardsigmoid: 'fminf(1.0f, fmaxf(0.0f, 0.2f * v + 0.5f))',
  softsign: 'v / (1.0f + fabsf(v))',
  softplus: 'log1pf(expf(v))',
}

const DEFAULTS: Record<Kind, readonly string[]> = {
  LSTM: ['sigmoid', 'tanh', 'tanh'],
  GRU: ['sigmoid', 'tanh'],
  RNN: ['tanh'],
}

function activation(site: Site, name: string): string {
  const body = ACTIVATIONS[name.toLowerCase()] ?? site.fail(`has the activation ${name}.`)
  return `static float ${name.toLowerCase()}_of(float v)\n{\n  return ${body};\n}`
}

interface Layer {
  kind: Kind
  steps: number
  batch: number
  inputs: number
  hidden: number
  /** Elements between samples and between steps of x and of Y. */
  x: { step: number; sample: number }
  y: { step: number; sample: number }
  directions: number
}

const recurrent =
  (kind: Kind): Lower =>
  (site) => {
    const { node } = site
    const x = site.input(0)
    if (x.dtype !== 'float32') site.fail(`is only known for float32, not for ${x.dtype}.`)
    const isBatchFirst = node.int('layout', 0) === 1
    const [steps, batch, inputs] = isBatchFirst
      ? [x.dims[1]!, x.dims[0]!, x.dims[2]!]
      : (x.dims as [number, number, number])
    const [w, r, b] = [site.constant(1), site.constant(2), site.constant(3)]
    if (!w || !r || (node.inputs[3] && !b)) return site.fail('wants its weights to be a constant each.')
    const hidden = r.dims[2]!
    const directions = w.dims[0]!
    if (node.inputs[4] && site.numbers(4)!.some((length) => length !== steps))
      site.fail('has sequences of several lengths.')
    if (node.attributes.has('clip')) site.fail('clips.')
    const layer: Layer = {
      kind,
      steps,
      batch,
      inputs,
      hidden,
      directions,
      x: isBatchFirst ? { step: inputs, sample: steps * inputs } : { step: batch * inputs, sample: inputs },
      y: isBatchFirst
        ? { step: directions * hidden, sample: steps * directions * hidden }
        : { step: directions * batch * hidden, sample: hidden },
    }
    const state = (slot: number): Buffer =>
      site.outputs[slot] ?? site.temporary('float32', [directions, batch, hidden])
    const last = state(1)
    const cell = kind === 'LSTM' ? state(2) : undefined
    // A direction is a step of its own; both write their halves of the same buffers.
    for (let d = 0; d < directions; d++)
      direction(site, layer, d, last, cell, { w: w.floats(), r: r.floats(), b: b?.floats() })
  }

interface Constants {
  w: Float32Array
  r: Float32Array
  b: Float32Array | undefined
}

function direction(
  site: Site,
  layer: Layer,
  d: number,
  last: Buffer,
  cell: Buffer | undefined,
  { w, r, b }: Constants,
): void {
  const { node } = site
  const { kind, steps, batch, inputs, hidden, directions } = layer
  const x = site.input(0)
  const gates = GATES[kind]
  const rows = gates * hidden
  const name = node.string('direction', 'forward')
  const isReverse = name === 'reverse' || d === 1
  const given = node.attributes.get('activations')
  const names =
    given?.type === 'strings'
      ? given.value.map((text) => Buffer.from(text).toString())
      : DEFAULTS[kind].concat(DEFAULTS[kind])
  const [f, g, h] = names.slice(d * DEFAULTS[kind].length).map((one) => one.toLowerCase())
  const part = (values: Float32Array, each: number): Float32Array => values.slice(d * each, (d + 1) * each)
  const [initialH, initialC] = [site.inputs[5], site.inputs[6]]
  const peephole = kind === 'LSTM' ? site.constant(7) : undefined
  const reads: Buffer[] = [x]
  const add = (...more: Buffer[]): number => reads.push(...more) - more.length
  const fromX = weightsOf(site, `${node.inputs[1]}`, part(w, rows * inputs), inputs, reads.length)
  add(...('sparse' in fromX ? fromX.sparse : fromX.dense).reads)
  const fromH = weightsOf(site, `${node.inputs[2]}`, part(r, rows * hidden), hidden, reads.length)
  add(...('sparse' in fromH ? fromH.sparse : fromH.dense).reads)
  // With linear_before_reset the hidden gate multiplies its own bias too: it is kept apart.
  const apart = kind === 'GRU'
  const bias = b && part(b, 2 * rows)
  const sums = Float32Array.from({ length: rows }, (_, i) =>
    bias ? bias[i]! + (apart && i >= 2 * hidden ? 0 : bias[rows + i]!) : 0,
  )
  const biasAt = add(site.fixed(`${node.inputs[3]}`, 'float32', [rows], sums))
  const own = apart
    ? add(
        site.fixed(
          `${node.inputs[3]}`,
          'float32',
          [hidden],
          bias ? bias.slice(rows + 2 * hidden) : new Float32Array(hidden),
        ),
      )
    : 0
  const hAt = initialH ? add(initialH) : undefined
  const cAt = initialC ? add(initialC) : undefined
  const pAt = peephole
    ? add(site.fixed(`${node.inputs[7]}`, 'float32', [3 * hidden], part(peephole.floats(), 3 * hidden)))
    : undefined
  const all = site.outputs[0]
  const writes = [last, ...(cell ? [cell] : []), ...(all ? [all] : [])]
  const yAt = writes.length - 1
  const offset =
    node.int('layout', 0) === 1
      ? `b * ${directions * hidden} + ${d * hidden}`
      : `${d * batch * hidden} + b * ${hidden}`
  const start = (index: number | undefined, to: string): string =>
    `${to}[k] = ${index === undefined ? '0.0f' : `a${index}[${offset} + k]`};`
  const linear = kind === 'GRU' && node.int('linear_before_reset', 0) !== 0
  const body = `for (int32_t b = 0; b < ${batch}; b++) {
  float *h = y0 + ${offset};
${cell ? `  float *c = y1 + ${offset};\n` : ''}  for (int32_t k = 0; k < ${hidden}; k++) {
    ${start(hAt, 'h')}${cell ? `\n    ${start(cAt, 'c')}` : ''}
  }
  for (int32_t step = 0; step < ${steps}; step++) {
    const int32_t at = ${isReverse ? `${steps - 1} - step` : 'step'};
    const float *x = a0 + at * ${layer.x.step} + b * ${layer.x.sample};
    for (int32_t g = 0; g < ${rows}; g++) s0[g] = a${biasAt}[g];
${indent(indent(gateRows(fromX, hidden, inputs)(0, gates, 'x', 's0')))}
${indent(indent(CELLS[kind]({ hidden, f: f!, g: g!, h, pAt, own, linear, forget: node.int('input_forget', 0) !== 0, recur: gateRows(fromH, hidden, hidden) })))}
${all ? `    for (int32_t k = 0; k < ${hidden}; k++) y${yAt}[at * ${layer.y.step} + b * ${layer.y.sample} + ${node.int('layout', 0) === 1 ? d * hidden : d * batch * hidden} + k] = h[k];\n` : ''}  }
}`
  const used = [...new Set([f!, g!, ...(h ? [h] : [])])].map((one) => activation(site, one))
  site.step({
    reads,
    writes,
    scratch: [site.temporary('float32', [kind === 'GRU' ? rows + 2 * hidden : rows])],
    body,
    helpers: used,
    macs: batch * steps * rows * (inputs + hidden),
  })
}

interface CellSite {
  hidden: number
  f: string
  g: string
  h: string | undefined
  /** Number of the read with peepholes, and with the bias of the hidden gate alone. */
  pAt: number | undefined
  own: number
  linear: boolean
  forget: boolean
  recur: ReturnType<typeof gateRows>
}

const CELLS: Record<Kind, (site: CellSite) => string> = {
  RNN: ({ hidden, f, recur }) => `${recur(0, 1, 'h', 's0')}
for (int32_t k = 0; k < ${hidden}; k++) h[k] = ${f}_of(s0[k]);`,
  LSTM: ({ hidden, f, g, h, pAt, forget, recur }) => {
    const peep = (row: number, cell: string): string =>
      pAt === undefined ? '' : ` + a${pAt}[${row * hidden} + k] * ${cell}`
    return `${recur(0, 4, 'h', 's0')}
for (int32_t k = 0; k < ${hidden}; k++) {
  const float i = ${f}_of(s0[k]${peep(0, 'c[k]')});
  const float f = ${forget ? '1.0f - i' : `${f}_of(s0[${2 * hidden} + k]${peep(2, 'c[k]')})`};
  c[k] = f * c[k] + i * ${g}_of(s0[${3 * hidden} + k]);
  const float o = ${f}_of(s0[${hidden} + k]${peep(1, 'c[k]')});
  h[k] = o * ${h}_of(c[k]);
}`
  },
  GRU: ({ hidden, f, g, own, linear, recur }) => {
    const candidate = `float *q = s0 + ${3 * hidden}, *m = s0 + ${4 * hidden};
for (int32_t k = 0; k < ${hidden}; k++) {
  q[k] = a${own}[k];
  m[k] = ${linear ? 'h[k]' : `${f}_of(s0[${hidden} + k]) * h[k]`};
}
${recur(2, 3, 'm', 'q')}
for (int32_t k = 0; k < ${hidden}; k++) {
  const float z = ${f}_of(s0[k]);
  const float v = ${g}_of(s0[${2 * hidden} + k] + ${linear ? `${f}_of(s0[${hidden} + k]) * q[k]` : 'q[k]'});
  h[k] = (1.0f - z) * v + z * h[k];
}`
    return `${recur(0, 2, 'h', 's0')}\n${candidate}`
  },
}

/** Rows of gates `from` to `to` times a vector, added to `into`, which begins with gate `from`. */
function gateRows(
  weights: Weights,
  hidden: number,
  size: number,
): (from: number, to: number, vector: string, into: string) => string {
  return (from, to, vector, into) => {
    const [first, end] = [from * hidden, to * hidden]
    if ('sparse' in weights) {
      const { gap, value, entries } = weights.sparse
      return `{
  int32_t e = 0, place = 0;
  for (int32_t g = 0; g < ${end}; g++)
    for (; e < ${entries} && place + ${gap} < (g + 1) * ${size}; e++) {
      place += ${gap};
      if (g >= ${first}) ${into}[g - ${first}] += ${vector}[place - g * ${size}] * ${value};
    }
}`
    }
    const { at, type, rowScale } = weights.dense
    return `for (int32_t g = ${first}; g < ${end}; g++) {
  float t = 0.0f;
  for (int32_t k = 0; k < ${size}; k++) {
    const ${type} w = ${at(`g * ${size} + k`)};
    t += ${vector}[k] * w;
  }
  ${into}[g - ${first}] += ${rowScale ? `t * ${rowScale('g')}` : 't'};
}`
  }
}

export const RECURRENT: Record<string, Lower> = {
  RNN: recurrent('RNN'),
  GRU: recurrent('GRU'),
  LSTM: recurrent('LSTM'),
}
